"""Figures from gold labels and probabilities, with intervals. Pure functions.

Notation: N rows, K labels, `gold` of shape (N,) as label numbers, `probs` of shape (N, K).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PRIMARY = "macro_f1"
"""The figure that training selects by and that a champion is judged on."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


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
        `accuracy`, `macro_f1`, `weighted_f1` of shape (...), and `precision`, `recall`, `f1` of
        shape (..., K), all in [0, 1]. A ratio without cases (0/0) counts as 0, as scikit-learn
        does with `zero_division=0`; a label with no gold and no prediction does not enter the
        macro mean.
    """
    matrix = np.asarray(matrix, dtype=float)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    gold, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    total = matrix.sum(axis=(-2, -1))
    f1 = _ratio(2 * hits, gold + predicted)
    present = (gold + predicted) > 0
    return {
        "accuracy": _ratio(hits.sum(axis=-1), total),
        "macro_f1": _ratio((f1 * present).sum(axis=-1), present.sum(axis=-1)),
        "weighted_f1": _ratio((f1 * gold).sum(axis=-1), total),
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, gold),
        "f1": f1,
    }


def macro_f1(gold: IntArray, predicted: IntArray, k: int) -> float:
    """Return the unweighted mean of the labels' F1, in [0, 1]."""
    return float(figures(confusion(gold, predicted, k))["macro_f1"])


def evaluate_predictions(
    gold: IntArray,
    predicted: IntArray,
    labels: Sequence[str],
    *,
    groups: Sequence[object] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute every figure with its 95 % interval.

    Args:
        gold: Label numbers, shape (N,).
        predicted: Label numbers, shape (N,).
        labels: Names of the K labels.
        groups: What belongs together (an article, a contrast family), length N; the bootstrap
            draws groups, because rows of one group are no independent evidence. None draws rows.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        `n`, `groups`, `accuracy`, `macro_f1`, `weighted_f1` (each `{"value", "low", "high"}`),
        `labels` with precision, recall, f1 and support of each, and `confusion` (rows gold).
    """
    k = len(labels)
    matrix = confusion(gold, predicted, k)
    point = figures(matrix)
    by_group = _group_confusions(gold, predicted, k, groups)
    rng = np.random.default_rng(seed)
    n_groups = len(by_group)
    # A resample of n groups with replacement is a multinomial count for each group.
    weights = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=resamples)
    drawn = figures(np.tensordot(weights, by_group, axes=1))  # (B, K, K)

    def with_interval(name: str, *index: int) -> dict[str, float]:
        values = drawn[name][:, index[0]] if index else drawn[name]
        low, high = np.percentile(values, [2.5, 97.5])
        return {"value": float(point[name][index]), "low": float(low), "high": float(high)}

    return {
        "n": len(gold),
        "groups": n_groups,
        **{name: with_interval(name) for name in ("macro_f1", "weighted_f1", "accuracy")},
        "labels": {
            label: {
                **{name: with_interval(name, i) for name in ("precision", "recall", "f1")},
                "support": int(matrix[i].sum()),
            }
            for i, label in enumerate(labels)
        },
        "confusion": matrix.tolist(),
    }


def paired_difference(
    gold: IntArray,
    ours: IntArray,
    theirs: IntArray,
    k: int,
    *,
    groups: Sequence[object] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, float]:
    """Compare the macro-F1 of two systems on the same rows by a paired bootstrap over groups.

    Each resample draws whole groups and scores both systems on them (Efron & Tibshirani 1993;
    Koehn 2004 for its use in comparing systems).

    Args:
        gold: Label numbers, shape (N,).
        ours: Predictions of the first system, shape (N,).
        theirs: Predictions of the second, shape (N,).
        k: Number of labels.
        groups: As for `evaluate_predictions`.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        `value`, the first's macro-F1 minus the second's, in [-1, 1]; `low` and `high`, its 95 %
        interval; `p`, the share of resamples in which the first is no better, in [0, 1].
    """
    first = _group_confusions(gold, ours, k, groups)
    second = _group_confusions(gold, theirs, k, groups)
    n = len(first)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    drawn = [
        figures(np.tensordot(weights, system, axes=1))["macro_f1"] for system in (first, second)
    ]
    differences = drawn[0] - drawn[1]
    low, high = np.percentile(differences, [2.5, 97.5])
    return {
        "value": macro_f1(gold, ours, k) - macro_f1(gold, theirs, k),
        "low": float(low),
        "high": float(high),
        "p": float((differences <= 0).mean()),
    }


def calibration_error(
    gold: IntArray, probs: FloatArray, *, bins: int = 15, debiased: bool = True
) -> float:
    """Return the expected calibration error of the predicted labels, in [0, 1]; 0 is the best.

    The mean over bins of |share of right labels − mean probability of the predicted label|, rows
    sorted by that probability and cut into bins of equal size (Naeini et al. 2015; Nguyen &
    O'Connor 2015 for equal size). In a finite sample a perfectly calibrated model has an error
    above 0; `debiased` takes off what chance adds, by the normal approximation of each bin's share
    (Kumar, Liang & Ma, Verified Uncertainty Calibration, NeurIPS 2019, appendix on the ℓ1 error;
    their resampling is replaced by the mean of a folded normal), at least 0.

    Args:
        gold: Label numbers, shape (N,).
        probs: Probabilities, shape (N, K).
        bins: Number of bins; fewer where there would be under two rows in one.
        debiased: Take off the bias.
    """
    right = (probs.argmax(axis=1) == gold).astype(float)
    sure = probs.max(axis=1)
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, max(1, min(bins, len(order) // 2)))
    size = np.array([len(part) for part in parts])
    share = np.array([right[part].mean() for part in parts])
    gap = share - np.array([sure[part].mean() for part in parts])
    found = float(np.average(np.abs(gap), weights=size))
    if not debiased:
        return found
    spread = np.sqrt(share * (1 - share) / size)
    by_chance = [_folded_mean(g, s) for g, s in zip(gap, spread, strict=True)]
    return max(0.0, 2 * found - float(np.average(by_chance, weights=size)))


def _folded_mean(mean: float, sd: float) -> float:
    """Return the mean of |X| for X normal."""
    if sd == 0:
        return abs(mean)
    z = mean / sd
    return sd * math.sqrt(2 / math.pi) * math.exp(-z * z / 2) + mean * math.erf(z / math.sqrt(2))


def mean_interval(values: FloatArray, *, resamples: int = 1000) -> tuple[float, float] | None:
    """Return the 95 % bootstrap interval of a mean, or None with fewer than two values."""
    if len(values) < 2:
        return None
    rng = np.random.default_rng(0)
    means = rng.choice(values, size=(resamples, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def log_loss(gold: IntArray, logits: FloatArray, temperature: float = 1.0) -> float:
    """Return the mean negative log probability of the gold labels, in nats; lower is better."""
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    log_probs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return float(-log_probs[np.arange(len(gold)), gold].mean())


def fit_temperature(gold: IntArray, logits: FloatArray) -> float:
    """Return the temperature that minimises the log loss (Guo et al., ICML 2017), in [0.05, 20].

    Dividing logits by it calibrates the probabilities and never changes a label.
    """
    # Unimodal in log T; a fine grid is plain, exact enough (1 %) and needs no optimiser.
    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 600))
    return float(grid[np.argmin([log_loss(gold, logits, t) for t in grid])])


def krippendorff_alpha(votes: Sequence[Sequence[str]]) -> float | None:
    """Return Krippendorff's alpha for nominal labels, at most 1; 0 is what chance would give.

    Krippendorff, Content Analysis (2004), chapter 11. Units with one vote do not count.

    Args:
        votes: The labels that each unit was given, in any number.

    Returns:
        Alpha, or None if no two votes on a unit exist or only one label occurs.
    """
    pairs: dict[tuple[str, str], float] = defaultdict(float)
    for unit in votes:
        for i, one in enumerate(unit):
            for j, other in enumerate(unit):
                if i != j:
                    pairs[one, other] += 1 / (len(unit) - 1)
    totals: dict[str, float] = defaultdict(float)
    for (one, _), weight in pairs.items():
        totals[one] += weight
    n = sum(totals.values())
    expected = n * n - sum(count * count for count in totals.values())
    if not expected:
        return None
    observed = sum(weight for (one, other), weight in pairs.items() if one != other)
    return float(1 - (n - 1) * observed / expected)


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> FloatArray:
    top, bottom = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    result: FloatArray = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return result


def _group_confusions(
    gold: IntArray, predicted: IntArray, k: int, groups: Sequence[object] | None
) -> IntArray:
    """Return confusion counts of each group, shape (G, K, K)."""
    keys = range(len(gold)) if groups is None else groups
    numbers: dict[object, int] = {}
    index = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    counts = np.zeros((len(numbers), k, k), dtype=np.int64)
    np.add.at(counts, (index, gold, predicted), 1)
    return counts
