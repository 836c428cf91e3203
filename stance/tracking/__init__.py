"""The only door to MLflow. Tracking never kills a training and never loses one.

Every call is guarded: the first that fails is told once, the rest are skipped, and the saved model
folder holds all that `log_folder` needs to log the run later.
"""

from stance.tracking.registry import (
    ALIAS,
    MODEL_NAME_TAG,
    download,
    flatten,
    registered_champion,
    set_alias,
)
from stance.tracking.runs import Run, exists, log_folder, run, tagged
from stance.tracking.store import DEFAULT_STORE, PARAM_LIMIT, store

__all__ = [
    "ALIAS",
    "DEFAULT_STORE",
    "MODEL_NAME_TAG",
    "PARAM_LIMIT",
    "Run",
    "download",
    "exists",
    "flatten",
    "log_folder",
    "registered_champion",
    "run",
    "set_alias",
    "store",
    "tagged",
]
