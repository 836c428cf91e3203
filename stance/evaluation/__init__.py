"""Measures saved models: how good, how sure, where they fail, better than what."""

from stance.evaluation.comparison import Comparison, compare
from stance.evaluation.confident import calibrate
from stance.evaluation.measure import Evaluation, evaluate

__all__ = ["Comparison", "Evaluation", "calibrate", "compare", "evaluate"]
