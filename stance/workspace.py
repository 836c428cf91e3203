"""An unfinished training: a folder that outlives a kill, and that one process at a time works in.

    models/.training-3f2a91c07d55/
    ├── lock                       held while a process is at work
    ├── progress.json              the name of the model to be, when it was begun, its MLflow run
    ├── checkpoints/checkpoint-N/  what training goes on from
    └── 20260103-101500-default/   the model while it is written

The folder is named by what determines the weights, so that the same command finds it again and
another does not. It vanishes with the end of the training.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stance import artifact
from stance.config import AttributionConfig, Config, PretrainConfig
from stance.schema import BusyError, StanceError

PREFIX = ".training-"
_PROGRESS = "progress.json"
_PACKAGES = ("torch", "transformers", "accelerate", "tokenizers")
_CODE = ("training.py", "pretraining.py", "examples.py", "encoder/*.py")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Workspace:
    """The folder of an unfinished training.

    Attributes:
        folder: Where it is.
        name: Name of the model to be.
        begun: When it was begun, seconds since 1970.
        continued: How often it was gone on with.
        run_id: Its MLflow run; None if there is none.
        logged: Whether the saved model was logged.
    """

    folder: Path
    name: str
    begun: float
    continued: int = 0
    run_id: str | None = None
    logged: bool = False

    @property
    def mark(self) -> str:
        """Fingerprint of the training."""
        return self.folder.name.removeprefix(PREFIX)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def note(self, **changes: Any) -> None:
        """Change attributes, and remember them for a process that comes after a kill."""
        for name, value in changes.items():
            setattr(self, name, value)
        with artifact.atomic(self.folder / _PROGRESS) as path:
            path.write_text(json.dumps(asdict(self), default=str), encoding="utf-8")

    def provenance(self, packages: Sequence[str]) -> dict[str, Any]:
        """Return how the model came about: when, where, from what, with which releases."""
        return {
            "fingerprint": self.mark,
            "versions": {package: _version(package) for package in packages},
            "python": platform.python_version(),
            "machine": platform.platform(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.begun)),
            "duration_seconds": round(time.time() - self.begun, 1),
            "continued": self.continued,
        }

    def building(self) -> Path:
        """Return a new empty folder to write the model in."""
        folder = self.folder / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def clear(self) -> None:
        """Remove the folder; last, what says that the model was saved: it is not trained again."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def worth_keeping(self) -> bool:
        """Return whether there is anything that need not be done again."""
        saved = self.folder.parent / self.name
        return saved.is_dir() or any(map(artifact.is_sealed, self.checkpoints.glob("*")))


@contextmanager
def opened(output: Path, mark: str, *, name: str) -> Iterator[Workspace]:
    """Open the workspace of a training, or begin one; remove it when the block ends well.

    After an error it stays if it holds a checkpoint, or if the model was saved.

    Args:
        output: Folder that saved models go to.
        mark: Fingerprint of the training.
        name: What a new model is called, after the time.

    Raises:
        BusyError: If another process is at it.
        StanceError: If the disk is full.
    """
    folder = output / f"{PREFIX}{mark}"
    busy = f"{folder}: this training is under way already; wait, or train into another output"
    with artifact.locked(folder / "lock", busy=busy):
        work = None
        try:
            with full_disk_is_told(output, "from the last checkpoint"):
                work = _begun(folder) or _begin(folder, name)
                yield work
        except BaseException:
            if work is None or not work.worth_keeping():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        work.clear()


def unfinished(output: Path, mark: str) -> bool:
    """Return whether a training has a workspace, so that something of it is still to be done."""
    return (output / f"{PREFIX}{mark}").is_dir()


def others(work: Workspace) -> list[Path]:
    """Return the workspaces beside one that no process is at: trainings that came to no end."""
    beside = sorted(work.folder.parent.glob(f"{PREFIX}*/{_PROGRESS}"))
    return [f.parent for f in beside if f.parent != work.folder and _idle(f.parent)]


def fingerprint(settings: Config | AttributionConfig | PretrainConfig, data: Any) -> str:
    """Return twelve hexadecimal digits that change with whatever changes the weights.

    Args:
        settings: The experiment.
        data: What it learns from and is judged by, as JSON would have it.
    """
    content = settings.model_dump(mode="json")
    del content.get("train", content)["checkpoint_minutes"]
    versions = {package: version(package) for package in _PACKAGES}
    what = json.dumps([content, data, versions], sort_keys=True, default=str)
    digest = hashlib.sha256(what.encode())
    here = Path(__file__).parent
    for file in sorted(file for pattern in _CODE for file in here.glob(pattern)):
        digest.update(file.read_bytes())
    named = settings.encoder if isinstance(settings, PretrainConfig) else settings.encoder.name
    encoder = Path(named)
    for file in sorted(encoder.rglob("*")) if encoder.is_dir() else []:
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def _begun(folder: Path) -> Workspace | None:
    """Return the workspace that an earlier process left, if it is readable."""
    try:
        work = Workspace(**{**_read(folder), "folder": folder})
    except TypeError:
        return None
    work.note(continued=work.continued + 1)
    return work


def _begin(folder: Path, name: str) -> Workspace:
    """Begin one, under a name that no model has and none is going to have."""
    output = folder.parent
    with artifact.locked(output / ".naming"):
        saved = {path.name for path in output.iterdir()}
        begun = {_read(other).get("name") for other in output.glob(f"{PREFIX}*")}
        stamp = time.strftime("%Y%m%d-%H%M%S")
        candidates = (f"{stamp}-{name}{'' if n == 1 else f'-{n}'}" for n in itertools.count(1))
        work = Workspace(
            folder, next(each for each in candidates if each not in saved | begun), time.time()
        )
        work.note()
    return work


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _idle(folder: Path) -> bool:
    try:
        with artifact.locked(folder / "lock", busy=""):
            return True
    except BusyError:
        return False


@contextmanager
def full_disk_is_told(output: Path, place: str) -> Iterator[None]:
    """Turn a full disk into a message; `place` says where the same command goes on."""
    try:
        yield
    except Exception as error:
        if not is_full_disk(error):
            raise
        free = shutil.disk_usage(output).free / 1e6
        raise StanceError(
            f"{output}: the disk is full ({free:.0f} MB free); make room and give the same "
            f"command again: it goes on {place}"
        ) from error


def is_full_disk(error: BaseException | None) -> bool:
    """Return whether that is what an error says, or what it came of; torch, safetensors and sqlite
    have their own words."""
    if error is None or isinstance(error, StanceError):
        return False
    if isinstance(error, OSError):
        return error.errno in _FULL
    words = (
        *("os error 28", "os error 122", "os error 27", "inline_container.cc"),
        *("database or disk is full", "disk I/O error"),
    )
    return any(word in str(error) for word in words) or is_full_disk(error.__cause__)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
