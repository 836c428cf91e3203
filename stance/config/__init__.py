"""Settings: YAML files and `key=value` overrides to frozen, checked objects."""

from stance.config.experiment import (
    POLES,
    Config,
    CutConfig,
    DataConfig,
    DistillConfig,
    EncoderConfig,
    LoraConfig,
    TrackingConfig,
    TrainConfig,
    load_config,
)
from stance.config.pretraining import PretrainConfig, load_pretrain_config

__all__ = [
    "POLES",
    "Config",
    "CutConfig",
    "DataConfig",
    "DistillConfig",
    "EncoderConfig",
    "LoraConfig",
    "PretrainConfig",
    "TrackingConfig",
    "TrainConfig",
    "load_config",
    "load_pretrain_config",
]
