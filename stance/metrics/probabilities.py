"""Figures of probabilities: ROC-AUC, log loss, Brier score; by weights of rows."""

from __future__ import annotations

import numpy as np

from stance.metrics.bootstrap import FloatArray, IntArray, ratio

_LEAST = np.finfo(np.float64).eps


def roc_auc(gold: IntArray, probs: FloatArray) -> FloatArray:
    """Return the area under each label's ROC curve against the rest, shape (K,), in [0, 1].

    The chance that a sentence of the label is given a higher probability than one of another
    label, ties counting half (Hanley & McNeil 1982); 0.5 is chance, NaN a label without gold or
    with nothing but gold.
    """
    areas = Areas(gold, probs)(np.ones((1, len(gold))))
    return np.asarray(areas[0])


class Areas:
    """ROC areas of samples of the same rows, sorted once."""

    def __init__(self, gold: IntArray, probs: FloatArray) -> None:
        self._sorted = []
        for label in range(probs.shape[1]):
            order = np.argsort(probs[:, label], kind="stable")
            values = probs[order, label]
            starts = np.flatnonzero(np.diff(values, prepend=-1.0))  # of the runs of equal values
            self._sorted.append((order, starts, (gold[order] == label).astype(float)))

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return the areas, shape (B, K), of weights of shape (B, N)."""
        return np.stack([self._area(weights, *one) for one in self._sorted], axis=1)

    @staticmethod
    def _area(
        weights: FloatArray, order: IntArray, starts: IntArray, is_label: FloatArray
    ) -> FloatArray:
        weights = weights[:, order]
        with_it = np.add.reduceat(weights * is_label, starts, axis=1)
        without = np.add.reduceat(weights * (1 - is_label), starts, axis=1)
        below = np.cumsum(without, axis=1) - without / 2
        pairs = with_it.sum(axis=1) * without.sum(axis=1)
        return ratio((with_it * below).sum(axis=1), pairs, empty=np.nan)


def brier(gold: IntArray, probs: FloatArray) -> float:
    """Return the Brier score (1950), the mean squared distance from the gold label.

    Summed over the labels, so in [0, 2]; 0 is the best.
    """
    return float(squares(gold, probs).mean())


def squares(gold: IntArray, probs: FloatArray) -> FloatArray:
    """Return each row's squared distance from its gold label, shape (N,)."""
    right = np.zeros_like(probs)
    right[np.arange(len(gold)), gold] = 1
    return np.asarray(((probs - right) ** 2).sum(axis=1))


def surprises(gold: IntArray, probs: FloatArray) -> FloatArray:
    """Return the negative log probability of each row's gold label, in nats, shape (N,).

    A probability of 0 counts as the smallest step of a double, as in scikit-learn.
    """
    return np.asarray(-np.log(np.clip(probs[np.arange(len(gold)), gold], _LEAST, 1 - _LEAST)))
