"""Two systems on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, lgamma, log

from stance.metrics.bootstrap import FloatArray, IntArray, bootstrap, figure
from stance.metrics.figures import PRIMARY, Confusions, figures


def paired_difference(
    gold: IntArray,
    ours: IntArray,
    theirs: IntArray,
    k: int,
    *,
    name: str = PRIMARY,
    groups: Sequence[object] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, float]:
    """Compare a figure of two systems on the same rows by a paired bootstrap over groups.

    Each resample draws whole groups and scores both systems on them (Efron & Tibshirani 1993;
    Koehn 2004 for its use in comparing systems).

    Args:
        gold: Label numbers, shape (N,).
        ours: Predictions of the first system, shape (N,).
        theirs: Predictions of the second, shape (N,).
        k: Number of labels.
        name: The figure, of those that `figures` gives as one number.
        groups: As for `evaluate_predictions`.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        `value`, the first's figure minus the second's, in [-1, 1]; `low` and `high`, its 95 %
        interval; `p`, the share of resamples in which the first is no better, in [0, 1]. Of a
        single group nothing is known: -1 to 1, and p is 1.
    """
    systems = [Confusions(gold, predicted, k) for predicted in (ours, theirs)]

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        first, second = (figures(system(weights))[name] for system in systems)
        return {"difference": first - second}

    point, drawn = bootstrap(statistic, len(gold), groups=groups, resamples=resamples, seed=seed)
    found = figure(point["difference"], drawn["difference"])
    if found["low"] is None:
        return {"value": float(found["value"] or 0), "low": -1.0, "high": 1.0, "p": 1.0}
    p = float((drawn["difference"] <= 0).mean())
    return {**{key: float(value or 0) for key, value in found.items()}, "p": p}


def mcnemar(gold: IntArray, ours: IntArray, theirs: IntArray) -> dict[str, float]:
    """Test whether two systems are right equally often: McNemar's test (1947), exact binomial.

    It takes rows for independent; with rows in groups trust the paired bootstrap.

    Returns:
        `only_first` and `only_second`, rows that one alone has right, and the two-sided `p`.
    """
    first, second = ours == gold, theirs == gold
    b, c = int((first & ~second).sum()), int((second & ~first).sum())
    n = b + c
    logs = (
        lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) - n * log(2) for i in range(min(b, c) + 1)
    )
    return {"only_first": b, "only_second": c, "p": min(1.0, 2 * sum(map(exp, logs)))}
