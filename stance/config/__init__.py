"""Settings: YAML files and `key=value` overrides to frozen, checked objects."""

from stance.config.attribution import (
    AttributionConfig,
    TaggerTrainConfig,
    load_attribution_config,
)
from stance.config.experiment import (
    POLES,
    CalibrationConfig,
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
)
from stance.config.files import as_override, check, restore
from stance.config.pretraining import PretrainConfig, load_pretrain_config
from stance.config.space import Dimension

__all__ = [
    "POLES",
    "AttributionConfig",
    "CalibrationConfig",
    "Config",
    "CutConfig",
    "DataConfig",
    "Dimension",
    "DistillConfig",
    "EncoderConfig",
    "LoraConfig",
    "PretrainConfig",
    "PromotionConfig",
    "TaggerTrainConfig",
    "TrackingConfig",
    "TrainConfig",
    "as_override",
    "check",
    "load_attribution_config",
    "load_config",
    "load_pretrain_config",
    "restore",
]
