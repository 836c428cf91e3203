"""Measures saved models: how good, how sure, where they fail, better than what."""

from stance.evaluation.confident import calibrate
from stance.evaluation.measure import Evaluation, evaluate

__all__ = ["Evaluation", "calibrate", "evaluate"]
