"""Measures saved models: how good, how sure, where they fail, better than what."""

from stance.evaluation.measure import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
