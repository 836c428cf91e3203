"""A saved model is a folder; this module knows what is in it and which one is the champion.

    models/
    ├── CHAMPION                      name of the folder in use, one line
    ├── champions.jsonl               every change of it: when, who, how, which, why
    └── 20260103-101500-default/
        ├── model.onnx                what scoring runs
        ├── model.int8.onnx           the same in 8 bits, if it says the same
        ├── model.safetensors, config.json, tokenizer.json, ...   for further training
        ├── stance.json               the manifest: labels, temperature, provenance, checksums
        └── run/                      how it came about: config, history, figures

Nothing in it is ever unpickled.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stance.schema import BusyError, ModelError, StanceError

FORMAT = 1
MANIFEST = "stance.json"
ONNX = "model.onnx"
ONNX_INT8 = "model.int8.onnx"
GRAPHS = {"fp32": ONNX, "int8": ONNX_INT8}
"""Precision to the file with the network."""
TOKENIZER = "tokenizer.json"
CHAMPION = "CHAMPION"
CHAMPIONS = "champions.jsonl"
SEAL = "sealed.json"
"""File that says that a folder was written to the end, with the sizes of its files."""
_CHECKED = (ONNX, TOKENIZER)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `stance.json` says of a saved model.

    Attributes:
        name: Name of the model, which is also its folder's.
        labels: Label names in the order of the model's outputs.
        poles: The labels at -1 and +1 of a score, or None.
        temperature: The logits are divided by it before the softmax (Guo et al. 2017).
        max_length: Tokens the model reads of a sentence.
        config: The resolved configuration of the training.
        data: The folders of the data (`path`), its fingerprint and sizes.
        dev: Figures on the dev split, with `macro_f1`.
        provenance: Versions, git commit, duration, MLflow run.
        confidence: Calibration, label sets and thresholds to abstain by, learnt on dev
            (`stance.confidence`); empty for a model saved without.
        files: sha256 of each file that scoring needs.
        precision: Which network scores unless another is asked for: `fp32` or `int8`.
        int8: How far the network in 8 bits says the same as the other on dev: `sentences`,
            `agreement` (share of equal labels), `macro_f1` and `macro_f1_fp32`, `accepted`.
    """

    name: str
    labels: tuple[str, ...]
    poles: tuple[str, str] | None
    temperature: float
    max_length: int
    config: Mapping[str, Any]
    data: Mapping[str, Any]
    dev: Mapping[str, Any]
    provenance: Mapping[str, Any]
    confidence: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    precision: str = "fp32"
    int8: Mapping[str, Any] = field(default_factory=dict)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `stance.json` with the checksums of the files that scoring needs."""
    names = (*_CHECKED, *((ONNX_INT8,) if (folder / ONNX_INT8).is_file() else ()))
    files = {name: _sha256(folder / name) for name in names}
    content = {"format": FORMAT, **asdict(manifest), "files": files}
    with atomic(folder / MANIFEST) as path:
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read and check a saved model's manifest and files.

    Raises:
        ModelError: If the folder is missing, is not a saved model, lacks a file, has a damaged
            one, or was written in a format this version does not know.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; train one with  stance train")
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelError(f"{folder}: not a saved model (no {MANIFEST}); train one: stance train")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ModelError(f"{path}: written in another format than {FORMAT}; upgrade stance")
        content["labels"] = tuple(content["labels"])
        if isinstance(path_of_data := content["data"].get("path"), str):
            content["data"]["path"] = [path_of_data]  # as written before there could be several
        content["poles"] = tuple(content["poles"]) if content["poles"] else None
        manifest = Manifest(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: damaged manifest ({error}); train the model again") from None
    for name in dict.fromkeys((*_CHECKED, *manifest.files)):
        file = folder / name
        if not file.is_file():
            raise ModelError(f"{folder}: incomplete model, {name} is missing; train it again")
        if _sha256(file) != manifest.files.get(name):
            raise ModelError(f"{file}: damaged (its sha256 is not the one in {MANIFEST})")
    return manifest


def trained(models: Path, fingerprint: str) -> Path | None:
    """Return the newest saved model of exactly this training, or None."""
    found = []
    for path in models.glob(f"*/{MANIFEST}"):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["provenance"].get("fingerprint") == fingerprint:
                found.append(path.parent)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # no model of ours, or a damaged one
    return max(found, key=lambda folder: folder.name, default=None)


def champion(models: Path) -> Path | None:
    """Return the folder of the model in use, or None if no model was promoted yet."""
    try:
        name = (models / CHAMPION).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    return models / name if name else None


def set_champion(folder: Path, *, how: str, why: str) -> dict[str, str | None]:
    """Make a saved model the one that `stance.load()` takes from its parent folder.

    Args:
        folder: The saved model.
        how: `gate`, `force` or `rollback`.
        why: The reason, for the record.

    Returns:
        The line added to `champions.jsonl`: `when` (UTC), `who`, `how`, `model`, `previous`, `why`.
    """
    previous = champion(folder.parent)
    entry = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "who": _user(),
        "how": how,
        "model": folder.name,
        "previous": previous.name if previous else None,
        "why": " ".join(why.split()),
    }
    with atomic(folder.parent / CHAMPION) as path:
        path.write_text(folder.name + "\n", encoding="utf-8")
    with (folder.parent / CHAMPIONS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return entry


def champions(models: Path) -> list[dict[str, str | None]]:
    """Return every change of champion, oldest first, as `set_champion` recorded it.

    Raises:
        ModelError: If the record is damaged.
    """
    path = models / CHAMPIONS
    if not path.is_file():
        return []
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            keys = ("when", "who", "how", "model", "previous", "why")
            entries.append({key: entry[key] for key in keys})
        except (ValueError, KeyError, TypeError):
            raise ModelError(
                f"{path}:{number}: no line of this record; mend or remove it"
            ) from None
    return entries


def reigns(models: Path) -> list[str]:
    """Return the names of the champions up to the present one, without those rolled back."""
    names: list[str] = []
    for entry in champions(models):
        if not names and entry["previous"]:
            names.append(entry["previous"])  # from before there was a record
        name = str(entry["model"])
        if entry["how"] == "rollback" and name in names:
            while names[-1] != name:
                names.pop()
        else:
            names.append(name)
    present = champion(models)
    if present is not None and names[-1:] != [present.name]:
        names.append(present.name)  # set by hand, or the record's line was lost
    return names


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return "unknown"


_UMASK = threading.Lock()
"""The mask can be read only by changing it for a moment, which another thread must not see."""


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Give a temporary path that replaces `target` when the block ends well, else vanishes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with _UMASK:
            umask = os.umask(0)
            os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        StanceError: If it cannot be written there.
    """
    try:
        with atomic(target) as path:
            path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StanceError(f"{target}: cannot be written: {error.strerror}") from None


@contextmanager
def locked(path: Path, *, busy: str | None = None) -> Iterator[None]:
    """Hold a lock file. The kernel frees it when its process ends, however it ends.

    Args:
        path: The lock file, gone when the block ends.
        busy: What to say if another process holds it; None waits for that.

    Raises:
        BusyError: If another process holds it and is not waited for.
        StanceError: If it cannot be written there.
    """
    file = _lock(path, busy)
    try:
        with suppress(OSError):  # who holds it is a help; a full disk does not keep the lock away
            os.ftruncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _lock(path: Path, busy: str | None) -> int:
    import fcntl  # not on every system, and scoring must run on every one

    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise StanceError(
                f"{path.parent}: cannot be written: {error.strerror}; name another folder"
            ) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if busy is None else fcntl.LOCK_NB))
            # Whoever held it may have removed it: the lock of a file that is gone is worth nothing.
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
            os.close(file)
        except BlockingIOError:
            holder = os.read(file, 200).decode(errors="replace")
            os.close(file)
            raise BusyError(f"{busy} ({holder})" if holder else str(busy)) from None
        except FileNotFoundError:
            os.close(file)
        except OSError:
            os.close(file)
            raise


def seal(folder: Path) -> None:
    """Declare a folder whole, as the last thing when it was written."""
    sizes = {file.name: file.stat().st_size for file in folder.iterdir() if file.name != SEAL}
    with atomic(folder / SEAL) as path:
        path.write_text(json.dumps(sizes), encoding="utf-8")


def is_sealed(folder: Path) -> bool:
    """Return whether a folder was written to the end, and its files are still as long."""
    try:
        sizes = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def discard(folder: Path) -> None:
    """Remove a folder, its seal first: half of it must never pass for the whole."""
    (folder / SEAL).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def cache_folder() -> Path:
    """Return where downloads and embeddings are kept: `STANCE_CACHE`, or `~/.cache/stance`."""
    return Path(os.environ.get("STANCE_CACHE") or Path.home() / ".cache" / "stance")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
