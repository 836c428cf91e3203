"""Figures of predicted labels, and all figures of a model with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.metrics.bootstrap import (
    RESAMPLES,
    Figure,
    FloatArray,
    IntArray,
    bootstrap,
    figure,
    group_index,
    ratio,
)
from stance.metrics.probabilities import Areas, squares, surprises

PRIMARY = "macro_f1"
"""The figure that training selects by and that a champion is judged on."""

WHOLE = ("macro_f1", "weighted_f1", "accuracy", "balanced_accuracy", "mcc")
"""Figures of all labels together that need no probabilities."""


def numbers(names: Sequence[str], labels: Sequence[str]) -> IntArray:
    """Return label numbers, shape (N,), of label names."""
    number = {label: i for i, label in enumerate(labels)}
    return np.array([number[name] for name in names], dtype=np.int64)


def confusion(gold: IntArray, predicted: IntArray, k: int) -> IntArray:
    """Return counts of shape (K, K): rows gold, columns predicted."""
    matrix: IntArray = np.bincount(gold * k + predicted, minlength=k * k).reshape(k, k)
    return matrix


def figures(matrix: NDArray[Any]) -> dict[str, FloatArray]:
    """Compute figures from confusion counts of shape (..., K, K).

    Returns:
        `accuracy`, `macro_f1`, `weighted_f1`, `balanced_accuracy` (mean recall of the labels with
        gold; Brodersen et al. 2010), all in [0, 1], and `mcc` (Matthews correlation of K labels,
        Gorodkin 2004, in [-1, 1], 0 is chance) of shape (...); and `precision`, `recall`, `f1` of
        shape (..., K), in [0, 1]. A ratio without cases (0/0) counts as 0, as scikit-learn does
        with `zero_division=0`; a label with no gold and no prediction does not enter the macro
        mean.
    """
    matrix = np.asarray(matrix, dtype=float)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    gold, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    total = matrix.sum(axis=(-2, -1))
    f1 = ratio(2 * hits, gold + predicted)
    recall = ratio(hits, gold)
    present = (gold + predicted) > 0
    by_chance = (gold * predicted).sum(axis=-1)
    spread = (total**2 - (gold**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return {
        "accuracy": ratio(hits.sum(axis=-1), total),
        "macro_f1": ratio((f1 * present).sum(axis=-1), present.sum(axis=-1)),
        "weighted_f1": ratio((f1 * gold).sum(axis=-1), total),
        "balanced_accuracy": ratio(recall.sum(axis=-1), (gold > 0).sum(axis=-1)),
        "mcc": ratio(hits.sum(axis=-1) * total - by_chance, np.sqrt(spread)),
        "precision": ratio(hits, predicted),
        "recall": recall,
        "f1": f1,
    }


def macro_f1(gold: IntArray, predicted: IntArray, k: int) -> float:
    """Return the unweighted mean of the labels' F1, in [0, 1]."""
    return float(figures(confusion(gold, predicted, k))["macro_f1"])


class Confusions:
    """Confusion counts of samples of the same rows."""

    def __init__(self, gold: IntArray, predicted: IntArray, k: int) -> None:
        self._k = k
        self._cells = np.zeros((len(gold), k * k))
        self._cells[np.arange(len(gold)), gold * k + predicted] = 1

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Return counts, shape (B, K, K), of weights of shape (B, N)."""
        counts: FloatArray = (weights @ self._cells).reshape(-1, self._k, self._k)
        return counts


def evaluate_predictions(
    gold: IntArray,
    predicted: IntArray,
    labels: Sequence[str],
    *,
    probs: FloatArray | None = None,
    groups: Sequence[object] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute every figure with its 95 % interval.

    Args:
        gold: Label numbers, shape (N,).
        predicted: Label numbers, shape (N,).
        labels: Names of the K labels.
        probs: Probabilities, shape (N, K), for the figures that need them.
        groups: What belongs together (an article, a contrast family), length N; the bootstrap
            draws groups, because rows of one group are no independent evidence. None draws rows.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        `n`, `groups`; `macro_f1`, `weighted_f1`, `accuracy`, `balanced_accuracy`, `mcc`, each
        `{"value", "low", "high"}`; `labels` with precision, recall, f1 and support of each; and
        `confusion` (rows gold). With `probs` also `roc_auc` (mean over the labels, and of each),
        `log_loss` (nats) and `brier` (in [0, 2]). What is not defined, as the ROC of a label
        without gold, is None.
    """
    k = len(labels)
    confusions = Confusions(gold, predicted, k)
    areas = None if probs is None else Areas(gold, probs)
    losses: dict[str, FloatArray] = {}
    if probs is not None:
        losses = {"log_loss": surprises(gold, probs), "brier": squares(gold, probs)}

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        found = figures(confusions(weights))
        total = weights.sum(axis=1)
        found |= {name: weights @ loss / total for name, loss in losses.items()}
        if areas is not None:
            found["label_auc"] = areas(weights)
            found["roc_auc"] = _mean_of_known(found["label_auc"])
        return found

    point, drawn = bootstrap(statistic, len(gold), groups=groups, resamples=resamples, seed=seed)
    matrix = confusion(gold, predicted, k)
    by_label = {"precision": "precision", "recall": "recall", "f1": "f1"}
    if probs is not None:
        by_label["roc_auc"] = "label_auc"

    def of_label(name: str, i: int) -> Figure:
        return figure(point[name][i], drawn[name][:, i])

    return {
        "n": len(gold),
        "groups": int(group_index(len(gold), groups).max()) + 1,
        **{
            name: figure(point[name], drawn[name])
            for name in (*WHOLE, "roc_auc", *losses)
            if name in point
        },
        "labels": {
            label: {
                **{name: of_label(key, i) for name, key in by_label.items()},
                "support": int(matrix[i].sum()),
            }
            for i, label in enumerate(labels)
        },
        "confusion": matrix.tolist(),
    }


def _mean_of_known(areas: FloatArray) -> FloatArray:
    """Average over the labels, shape (B, K) to (B,), those that are not defined left out."""
    known = np.isfinite(areas)
    return ratio(np.where(known, areas, 0).sum(axis=1), known.sum(axis=1), empty=np.nan)
