"""Settings of an experiment: a YAML file and `key=value` overrides to one frozen, checked object.

Relative paths in a configuration are relative to the current directory, as on a command line.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from stance.schema import LABELS, ConfigError

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderConfig(Section):
    """Which pre-trained encoder to fine-tune."""

    name: str = Field(default="all-MiniLM-L6-v2", min_length=1)
    """`all-MiniLM-L6-v2` (installed with the package), a local folder, or a model hub id."""
    max_length: int = Field(default=128, ge=8, le=8192)
    """Tokens a sentence is cut to; every prediction says whether it was."""


class DataConfig(Section):
    """What to learn from."""

    path: tuple[Path, ...] = (Path("data"),)
    """Folders with a train, dev and test split: written out, or stand-off labels of public files.
    One may be given without brackets."""
    weights: tuple[Weight, ...] | None = None
    """Weight in the loss of a sentence from each folder; null weighs all alike."""
    train_limit: int | None = Field(default=None, ge=3)
    """Train on this many rows only (whole groups, drawn with the seed)."""

    @field_validator("path", mode="before")
    @classmethod
    def _one_folder(cls, path: Any) -> Any:
        return (path,) if isinstance(path, str | Path) else path

    @model_validator(mode="after")
    def _a_weight_a_folder(self) -> DataConfig:
        if not self.path:
            raise ValueError("path names no folder")
        if self.weights is not None and len(self.weights) != len(self.path):
            raise ValueError(f"{len(self.weights)} weights for {len(self.path)} folders")
        if self.weights is not None and not any(self.weights):
            raise ValueError("every weight is 0: nothing to learn from")
        return self


class TrainConfig(Section):
    """How to fine-tune."""

    epochs: float = Field(default=4, gt=0, le=1000)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0, lt=1)
    head_learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    """Rate of the classifying layer, which starts from nothing and has far to go."""
    weight_decay: float = Field(default=0.01, ge=0, lt=1)
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    soft_labels: float = Field(default=0.0, ge=0, le=1)
    """Part of the target that follows the readers' votes instead of the adjudicated label."""
    frozen: int = Field(default=0, ge=0)
    """Lowest parts left as they are: 1 the embeddings, 2 also the first layer, ..."""
    early_stopping: int = Field(default=2, ge=1)
    """Stop after this many epochs without a better dev macro-F1; the best epoch is kept."""
    seed: int = Field(default=13, ge=0, lt=2**32)


class TrackingConfig(Section):
    """What MLflow is told. `MLFLOW_TRACKING_URI` says where; without it, `mlflow.db` here."""

    enabled: bool = True
    experiment: str = Field(default="stance", min_length=1)
    registered_model: str = Field(default="stance", min_length=1)


class Config(Section):
    """A whole experiment."""

    labels: tuple[str, ...] = LABELS
    poles: tuple[str, str] | None = ("conciliatory", "hardline")
    """The labels at -1 and +1 of a score; null for labels without opposite ends."""
    encoder: EncoderConfig = EncoderConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    tracking: TrackingConfig = TrackingConfig()
    output: Path = Path("models")
    """Folder that saved models go to."""

    @model_validator(mode="after")
    def _labels_make_sense(self) -> Config:
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels must be two or more different names, got {self.labels}")
        if self.poles and (unknown := [pole for pole in self.poles if pole not in self.labels]):
            raise ValueError(f"poles {unknown} are not among the labels {list(self.labels)}")
        return self

    def to_yaml(self) -> str:
        """Return the resolved settings, every default written out, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_config(path: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read and check a configuration.

    Args:
        path: YAML file; None takes every default.
        overrides: `section.key=value` strings that win over the file, values written as in YAML.

    Raises:
        ConfigError: Naming the file, the key, what was found and the nearest right name; all
            faults together.
    """
    where = str(path) if path is not None else "configuration"
    settings = _read_yaml(Path(path)) if path is not None else {}
    for override in overrides:
        _apply(settings, override)
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        faults = [_explain(fault) for fault in error.errors()]
        raise ConfigError(f"{where}: " + f"\n{where}: ".join(faults)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(str(p) for p in path.parent.glob("*.yaml"))
        hint = f"; there are: {', '.join(known)}" if known else ""
        raise ConfigError(f"{path}: no such configuration file{hint}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder, expected a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: expected `key: value` lines, found {type(settings).__name__}")
    return settings


def _apply(settings: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"override {override!r}: expected section.key=value")
    *sections, name = key.strip().split(".")
    target = settings
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise ConfigError(f"override {override!r}: {section!r} is a value, not a section")
    try:
        target[name] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"override {override!r}: {value!r} is not a YAML value") from None


def _explain(fault: Any) -> str:
    *sections, name = [str(part) for part in fault["loc"]] or [""]
    key = ".".join([*sections, name]) or "the whole file"
    if fault["type"] == "extra_forbidden":
        known = _keys_of(sections)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    message = fault["msg"].removeprefix("Value error, ")
    found = "" if not fault["loc"] else f" (found {fault['input']!r})"
    return f"{key}: {message[0].lower()}{message[1:]}{found}"


def _keys_of(sections: Sequence[str]) -> list[str]:
    """Return the known keys of a section, or of the top level if the section is not a model."""
    model: type[BaseModel] = Config
    for section in sections:
        annotation = model.model_fields[section].annotation if section in model.model_fields else 0
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return list(model.model_fields)
