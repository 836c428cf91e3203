"""What the tests of behaviour share: a model that remembers, means with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.metrics import Figure, FloatArray, IntArray, bootstrap, figure
from stance.prediction import Model


class Remembered:
    """A model that scores each text once, however many of the tests below ask.

    Args:
        scorer: The model.
    """

    def __init__(self, scorer: Model) -> None:
        self.labels, self.manifest = scorer.labels, scorer.manifest
        self._score = scorer.predict_proba
        self._known: dict[str, FloatArray] = {}

    def predict_proba(self, texts: Sequence[str]) -> FloatArray:
        """Return what the model does, shape (N, K)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._score(new), strict=True))
        return np.array([self._known[text] for text in texts]).reshape(-1, len(self.labels))


def labels_of(scorer: Model | Remembered, texts: Sequence[str]) -> list[str]:
    return [scorer.labels[i] for i in scorer.predict_proba(texts).argmax(axis=1)]


def wilson(hits: int, n: int) -> dict[str, float]:
    """Return the `rate` of hits and its 95 % interval, `low` to `high` (Wilson, JASA 1927)."""
    z, rate = 1.959964, hits / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return {"rate": rate, "low": max(0.0, centre - half), "high": min(1.0, centre + half)}


def shift(before: FloatArray, after: FloatArray) -> FloatArray:
    """Return |Δp| of each row (S,), half the sum of the changes of all labels' probabilities."""
    shift: FloatArray = np.abs(after - before).sum(axis=1) / 2
    return shift


def mean(values: NDArray[Any], sentences: IntArray) -> Figure:
    """Return the mean of values (S,), with its 95 % bootstrap interval over their sentences."""
    if not len(values):
        return {"value": None, "low": None, "high": None}

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        return {"mean": weights @ values / weights.sum(axis=1)}

    _, drawn = bootstrap(statistic, len(values), groups=sentences.tolist())
    return figure(values.mean(), drawn["mean"])
