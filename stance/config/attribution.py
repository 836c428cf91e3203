"""Settings of the tagger that finds who is reported to have said what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator

from stance.config.experiment import TrackingConfig
from stance.config.files import Section, read


class TaggerEncoderConfig(Section):
    """Which pre-trained encoder to fine-tune."""

    name: str = Field(default="all-MiniLM-L6-v2", min_length=1)
    """As `encoder.name` of an experiment."""
    max_length: int = Field(default=256, ge=16, le=8192)
    """Tokens of a window: so much of an article the tagger reads at a time."""


class TaggerDataConfig(Section):
    """What to learn from."""

    path: tuple[str, ...] = ("data",)
    """Each a folder with `articles.jsonl` and the splits that its sentences are in, or
    `public:polnear`. One may be given without brackets."""
    dev: float = Field(default=0.08, gt=0, lt=1)
    """Share of the articles of a source without a part to choose by that is held out for it."""

    @field_validator("path", mode="before")
    @classmethod
    def _one_source(cls, path: Any) -> Any:
        return (path,) if isinstance(path, str) else path


class TaggerTrainConfig(Section):
    """How to fine-tune; the names mean what they mean in an experiment."""

    epochs: float = Field(default=8, gt=0, le=1000)
    batch_size: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0, lt=1)
    head_learning_rate: float = Field(default=3e-3, gt=0, lt=1)
    """Rate of what starts from nothing: the tags' layer and chain, and the looks of the words."""
    weight_decay: float = Field(default=0.01, ge=0, lt=1)
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Part of a token's vector that the tags' layer does not see in a step."""
    encoder_dropout: float = Field(default=0.0, ge=0, lt=1)
    """The same within the encoder; drawing so many random numbers takes a CPU as long as all the
    rest."""
    frozen: int = Field(default=1, ge=0)
    early_stopping: int = Field(default=3, ge=1)
    """Stop after this many epochs without a better mean F1 on dev; the best epoch is kept."""
    seed: int = Field(default=13, ge=0, lt=2**32)
    checkpoint_minutes: float = Field(default=5, ge=0, allow_inf_nan=False)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"


class AttributionConfig(Section):
    """A training of the attribution tagger."""

    encoder: TaggerEncoderConfig = TaggerEncoderConfig()
    data: TaggerDataConfig = TaggerDataConfig()
    train: TaggerTrainConfig = TaggerTrainConfig()
    tracking: TrackingConfig = TrackingConfig()
    output: Path = Path("models/attribution")
    """Folder that saved taggers go to, with a champion of its own."""

    def to_yaml(self) -> str:
        """Return the resolved settings, every default written out, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_attribution_config(
    path: str | Path | None = None, overrides: Sequence[str] = ()
) -> AttributionConfig:
    """Read and check the settings of the tagger, as `load_config` those of an experiment."""
    return read(AttributionConfig, path, overrides)
