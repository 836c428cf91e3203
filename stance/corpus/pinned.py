"""Public files at a pinned commit: from the cache, from a mirror folder, or from the network.

A file is known by its sha256, so it does not matter which of the three it came from.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import logging
import os
import re
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from stance.artifact import atomic, cache_folder
from stance.schema import DataError

logger = logging.getLogger(__name__)

MIRROR = "STANCE_MIRROR"
"""Environment variable that names a folder with copies of public files, in any arrangement."""


PAUSES = (1.0, 5.0)
"""Seconds before a download is tried again that was refused for the moment or cut short."""


def sha256_of(content: bytes) -> str:
    """Return the sum of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file of a public repository.

    Attributes:
        repository: `owner/name` on GitHub.
        commit: The commit it is taken at, 40 hex digits.
        path: Its path there; empty for an archive of the whole repository.
        sha256: Its sum (for an archive, whatever the `digest` of `fetch` computes).

    Raises:
        DataError: If the place is none: such a list may come from a stranger.
    """

    repository: str
    commit: str
    path: str
    sha256: str

    def __post_init__(self) -> None:
        path = PurePosixPath(self.path)
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository):
            raise DataError(f"repository {self.repository!r}: expected OWNER/NAME")
        if not re.fullmatch(r"[0-9a-f]{40}", self.commit):
            raise DataError(f"commit {self.commit!r}: expected 40 hex digits")
        if path.is_absolute() or ".." in path.parts or "\\" in self.path:
            raise DataError(f"path {self.path!r}: not inside a repository")

    @property
    def url(self) -> str:
        """Where it is downloaded from."""
        if not self.path:
            return f"https://codeload.github.com/{self.repository}/tar.gz/{self.commit}"
        path = urllib.parse.quote(self.path)
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{path}"

    @property
    def cached(self) -> Path:
        """Where it is kept once it was downloaded."""
        name = self.path or f"{self.repository.rpartition('/')[2]}.tar.gz"
        return cache_folder() / "public" / self.commit / name


def fetch(file: PinnedFile, *, digest: Callable[[bytes], str] = sha256_of) -> bytes:
    """Return a file's bytes, downloading it unless it is at hand.

    Args:
        file: What to get.
        digest: What `file.sha256` is the value of.

    Raises:
        DataError: Naming the file, and where it was looked for.
    """
    content = at_hand(file, digest=digest)
    return download(file, digest=digest) if content is None else content


def at_hand(file: PinnedFile, *, digest: Callable[[bytes], str] = sha256_of) -> bytes | None:
    """Return a file's bytes from the cache or the mirror folder, or None if they are in neither.

    In the folder that `STANCE_MIRROR` names it may lie under its path, in an archive
    `OWNER+NAME.tar.gz` (with or without GitHub's top folder) at any depth, or renamed.
    """
    for place, content in _candidates(file):
        if digest(content) == file.sha256:
            return content
        if place.name == file.cached.name:
            logger.warning("%s: not the pinned file (sha256 differs); passed over", place)
    return None


def download(file: PinnedFile, *, digest: Callable[[bytes], str] = sha256_of) -> bytes:
    """Download a file, check it, keep it in the cache; an interruption leaves nothing behind.

    Raises:
        DataError: If it cannot be had, or is not the pinned file.
    """
    try:
        content = _downloaded(file.url)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error) or type(error).__name__
        way_out = "connect to the network, or "
        if isinstance(error, urllib.error.HTTPError):  # there is a network
            reason, way_out = f"{error.code} {reason}", "try later, or "
        raise DataError(
            f"{file.repository} {file.path}: cannot be downloaded from {file.url} ({reason}); "
            f"{way_out}put the file into a folder and name that in {MIRROR}"
        ) from None
    if (found := digest(content)) != file.sha256:
        raise DataError(
            f"{file.url} is not the pinned file: sha256 {found[:12]}..., expected "
            f"{file.sha256[:12]}...; nothing was kept. Look in a browser whether something else "
            f"answers, as a log-in page; or put the file into a folder and name that in {MIRROR}"
        )
    try:
        with atomic(file.cached) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DataError(
            f"{file.cached}: cannot be kept ({error.strerror}); make room there, or name another "
            f"folder in STANCE_CACHE"
        ) from None
    return content


def _downloaded(url: str) -> bytes:
    """Return what is at a URL; of hundreds of files one may well be refused or cut short once."""
    for pause in PAUSES:
        try:
            return _asked(url)
        except (OSError, http.client.HTTPException) as error:
            if not _passing(error):
                raise
            time.sleep(pause)
    return _asked(url)


def _asked(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as response:
        content: bytes = response.read()
    return content


def _passing(error: Exception) -> bool:
    """Tell whether a fault may be gone in a moment; a network that is not there stays away."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code == 429 or error.code >= 500
    cause = getattr(error, "reason", error)
    return isinstance(cause, ConnectionResetError | http.client.IncompleteRead)


def _candidates(file: PinnedFile) -> Iterator[tuple[Path, bytes]]:
    """Yield what may be the file, the likeliest first."""
    mirror = Path(os.environ[MIRROR]) if os.environ.get(MIRROR) else None
    if mirror is not None and not mirror.is_dir():
        raise DataError(f"{MIRROR}={mirror}: no such folder")
    places = [file.cached]
    if mirror is not None and file.path:
        places.append(mirror / file.path)
    for path in places:
        if path.is_file():
            yield path, path.read_bytes()
    if mirror is None:
        return
    if file.path:
        for archive in sorted(mirror.rglob(f"{file.repository.replace('/', '+')}.tar.gz")):
            content = _members(archive, archive.stat().st_mtime_ns).get(file.path)
            if content is not None:
                yield archive, content
    for path in sorted(mirror.rglob(f"*{Path(file.cached.name).suffix}")):
        if path.is_file():
            yield path, path.read_bytes()


@lru_cache(maxsize=1)
def _members(archive: Path, changed: int) -> dict[str, bytes]:
    """Unpack an archive into memory, once for all its files."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as opened:
            for member in opened:
                if (handle := opened.extractfile(member)) is not None:
                    name = member.name.removeprefix("./")
                    found[name] = handle.read()
                    found.setdefault(name.partition("/")[2], found[name])
    except (tarfile.TarError, EOFError, OSError) as error:
        logger.warning("%s: not a sound archive (%s); passed over", archive, error)
    return found
