"""What leaving the hard ones out buys: risk by coverage, and sets of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.metrics.bootstrap import FloatArray, IntArray, bootstrap, figure, ratio

COVERAGES = (0.8, 0.5)
"""Coverages at which the error is told."""


def risk_coverage(
    gold: IntArray,
    probs: FloatArray,
    *,
    groups: Sequence[object] | None = None,
    points: int = 100,
) -> dict[str, Any]:
    """Compute the error among the surest rows, by how many of them are answered.

    El-Yaniv & Wiener 2010; area under the curve as Geifman, Uziel & El-Yaniv, ICLR 2019.

    Args:
        gold: Label numbers, shape (N,).
        probs: Probabilities, shape (N, K); a row is as sure as its highest one.
        groups: As for `evaluate_predictions`.
        points: Points of the curve.

    Returns:
        `area`, the mean error over all coverages (lower is better) and `chance_area` and
        `best_area`, what no order and the perfect order of the rows would have; `at`, for each of
        `COVERAGES` the `error` there and its `ratio` to the error at full coverage; and `curve`,
        dictionaries of `coverage`, `error` and `threshold` (answer if at least as sure).
    """
    order = np.argsort(-probs.max(axis=1), kind="stable")
    sure = probs.max(axis=1)[order]
    wrong = (probs.argmax(axis=1) != gold).astype(float)[order]
    n = len(gold)

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        weights = weights[:, order]
        covered = np.cumsum(weights, axis=1)
        total = covered[:, -1:]
        error = ratio(np.cumsum(weights * wrong, axis=1), covered)
        found = {
            "area": (error * weights).sum(axis=1) / total[:, 0],
            "full": error[:, -1],
        }
        for coverage in COVERAGES:
            # The last row of the first `coverage` of the weight.
            last = (covered < coverage * total - 1e-9).sum(axis=1)
            there = error[np.arange(len(error)), np.minimum(last, n - 1)]
            found[f"error {coverage}"] = there
            found[f"ratio {coverage}"] = ratio(there, error[:, -1], empty=np.nan)
        return found

    point, drawn = bootstrap(statistic, n, groups=groups)
    errors = np.cumsum(wrong) / np.arange(1, n + 1)
    shown = np.unique(np.linspace(1, n, min(points, n)).round().astype(int)) - 1
    best = np.cumsum(np.sort(wrong)) / np.arange(1, n + 1)
    return {
        "area": figure(point["area"], drawn["area"]),
        "chance_area": float(wrong.mean()),
        "best_area": float(best.mean()),
        "error": figure(point["full"], drawn["full"]),
        "at": {
            str(coverage): {
                name: figure(point[f"{name} {coverage}"], drawn[f"{name} {coverage}"])
                for name in ("error", "ratio")
            }
            for coverage in COVERAGES
        },
        "curve": [
            {
                "coverage": float((i + 1) / n),
                "error": float(errors[i]),
                "threshold": float(sure[i]),
            }
            for i in shown
        ],
    }


def set_figures(
    gold: IntArray,
    sets: NDArray[np.bool_],
    labels: Sequence[str],
    *,
    groups: Sequence[object] | None = None,
) -> dict[str, Any]:
    """Measure sets of labels: how often they hold the gold label, and how large they are.

    Args:
        gold: Label numbers, shape (N,).
        sets: Which labels are in the set of a row, shape (N, K).
        labels: Names of the K labels.
        groups: As for `evaluate_predictions`.

    Returns:
        `coverage`, the share of sets with the gold label, in all and by `labels`; `size`, the mean
        number of labels in a set; `single`, the share of sets with one label only. Each with its
        interval.
    """
    held = sets[np.arange(len(gold)), gold].astype(float)
    size = sets.sum(axis=1).astype(float)
    members = np.stack([gold == i for i in range(len(labels))], axis=1).astype(float)

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        total = weights.sum(axis=1)
        return {
            "coverage": weights @ held / total,
            "size": weights @ size / total,
            "single": weights @ (size == 1) / total,
            "by label": ratio((weights * held) @ members, weights @ members, empty=np.nan),
        }

    point, drawn = bootstrap(statistic, len(gold), groups=groups)
    return {
        **{name: figure(point[name], drawn[name]) for name in ("coverage", "size", "single")},
        "labels": {
            label: figure(point["by label"][i], drawn["by label"][:, i])
            for i, label in enumerate(labels)
        },
    }
