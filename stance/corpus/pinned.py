"""Public files at a pinned commit: from the cache, from a mirror folder, or from the network.

A file is known by its sha256, so it does not matter which of the three it came from.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stance.artifact import atomic, cache_folder
from stance.schema import DataError

logger = logging.getLogger(__name__)

MIRROR = "STANCE_MIRROR"
"""Environment variable that names a folder with copies of public files, in any arrangement."""


def sha256_of(content: bytes) -> str:
    """Return the sum of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file of a public repository.

    Attributes:
        repository: `owner/name` on GitHub.
        commit: The commit it is taken at.
        path: Its path there; empty for an archive of the whole repository.
        sha256: Its sum (for an archive, whatever the `digest` of `fetch` computes).
    """

    repository: str
    commit: str
    path: str
    sha256: str

    @property
    def url(self) -> str:
        """Where it is downloaded from."""
        if not self.path:
            return f"https://codeload.github.com/{self.repository}/tar.gz/{self.commit}"
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"

    @property
    def cached(self) -> Path:
        """Where it is kept once it was downloaded."""
        name = self.path or f"{self.repository.rpartition('/')[2]}.tar.gz"
        return cache_folder() / "public" / self.commit / name


def fetch(file: PinnedFile, *, digest: Callable[[bytes], str] = sha256_of) -> bytes:
    """Return a file's bytes, downloading it unless it is at hand.

    Looked for in the cache; in the folder that `STANCE_MIRROR` names (under its path, in an archive
    `OWNER+NAME.tar.gz` at any depth, or renamed); on the network. An interrupted download leaves
    nothing behind, and what was downloaded before is not asked for again.

    Args:
        file: What to get.
        digest: What `file.sha256` is the value of.

    Raises:
        DataError: Naming the file, and where it was looked for.
    """
    for place, content in _at_hand(file):
        if digest(content) == file.sha256:
            return content
        if place.name == file.cached.name:
            logger.warning("%s: not the pinned file (sha256 differs); passed over", place)
    content = _download(file)
    if (found := digest(content)) != file.sha256:
        raise DataError(
            f"{file.url} is not the pinned file: sha256 {found[:12]}..., expected "
            f"{file.sha256[:12]}...; nothing was kept"
        )
    with atomic(file.cached) as temporary:
        temporary.write_bytes(content)
    return content


def _at_hand(file: PinnedFile) -> Iterator[tuple[Path, bytes]]:
    """Yield what may be the file, the likeliest first."""
    mirror = Path(os.environ[MIRROR]) if os.environ.get(MIRROR) else None
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
        yield path, path.read_bytes()


@lru_cache(maxsize=1)
def _members(archive: Path, changed: int) -> dict[str, bytes]:
    """Unpack an archive into memory, once for all its files."""
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as opened:
        return {
            member.name.removeprefix("./"): handle.read()
            for member in opened
            if (handle := opened.extractfile(member)) is not None
        }


def _download(file: PinnedFile) -> bytes:
    try:
        with urllib.request.urlopen(file.url, timeout=60) as response:
            content: bytes = response.read()
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(
            f"{file.repository} {file.path}: cannot be downloaded from {file.url} ({reason}); "
            f"connect to the network, or put the file into a folder and name that in {MIRROR}"
        ) from None
    return content
