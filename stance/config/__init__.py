"""Settings: YAML files and `key=value` overrides to frozen, checked objects."""

from stance.config.experiment import (
    POLES,
    Config,
    CutConfig,
    DataConfig,
    DistillConfig,
    EncoderConfig,
    LoraConfig,
    PromotionConfig,
    TrackingConfig,
    TrainConfig,
    load_config,
    restore_config,
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
    "PromotionConfig",
    "TrackingConfig",
    "TrainConfig",
    "load_config",
    "load_pretrain_config",
    "restore_config",
]
