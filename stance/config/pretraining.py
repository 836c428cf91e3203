"""Settings of a pre-training on unlabelled text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from stance.config.experiment import TrackingConfig
from stance.config.files import Section, read


class PretrainConfig(Section):
    """How an encoder goes on with masked language modelling (Gururangan et al. 2020)."""

    encoder: str = Field(default="all-MiniLM-L6-v2", min_length=1)
    """What to start from, as `encoder.name` of an experiment."""
    max_length: int = Field(default=128, ge=8, le=8192)
    """Tokens a sentence is cut to."""
    masked: float = Field(default=0.15, gt=0, lt=1)
    """Share of the tokens, or of the words, that are masked."""
    whole_words: bool = True
    """Mask all tokens of a word together, so that none is guessed from the others."""
    held_out: float = Field(default=0.05, gt=0, lt=1)
    """Share of the sentences that only measure, 2,000 at most."""
    epochs: float = Field(default=3, gt=0, le=1000)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0, lt=1)
    head_learning_rate: float = Field(default=1e-3, gt=0, lt=1)
    """Rate of the language-modelling head of an encoder that comes without one."""
    weight_decay: float = Field(default=0.01, ge=0, lt=1)
    warmup_ratio: float = Field(default=0.06, ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "fp32"
    """Of matrix products; weights stay in fp32. auto is bf16 on a recent GPU or a CPU with AMX,
    where that is about twice as fast, else fp32; fp16 needs a GPU."""
    seed: int = Field(default=13, ge=0, lt=2**32)
    checkpoint_minutes: float = Field(default=5, ge=0, allow_inf_nan=False)
    """Least time between two checkpoints within an epoch; each epoch ends with one."""
    tracking: TrackingConfig = TrackingConfig()


def load_pretrain_config(
    path: str | Path | None = None, overrides: Sequence[str] = ()
) -> PretrainConfig:
    """Read and check the settings of a pre-training, as `load_config` those of an experiment."""
    return read(PretrainConfig, path, overrides)
