"""Intervals: the bootstrap over groups, one mechanism for every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Figure = dict[str, float | None]
"""`value` with the 95 % interval `low` to `high`; None where a figure is not defined."""
Statistic = Callable[[FloatArray], Mapping[str, FloatArray]]
"""Turns weights of rows, shape (B, N), into figures, each of shape (B, ...); NaN is undefined."""

RESAMPLES = 1000
_CELLS = 4_000_000
"""Weights at a time: a million rows must not ask for gigabytes."""
_MANY, _FEW_RESAMPLES = 100_000, 200


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    groups: Sequence[object] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Compute figures of N rows and of bootstrap samples of them.

    Whole groups are drawn with replacement, since rows of one group are no independent evidence
    (Davison & Hinkley 1997, section 3.8).

    Args:
        statistic: Computes the figures, by weights of rows.
        n: Number of rows.
        groups: What belongs together (an article, a contrast family), length N; None draws rows.
        resamples: Bootstrap samples; at most 200 with more than 100,000 rows, whose intervals are
            narrow anyway.
        seed: Seed of the drawing.

    Returns:
        The figures of the rows, and of each sample (shape (resamples, ...)). Of a single group
        there is one sample, of NaN: drawn again it is the same, which would look like certainty.
    """
    point = {name: values[0] for name, values in statistic(np.ones((1, n))).items()}
    index = group_index(n, groups)
    if not index.max():
        return point, {name: np.full((1, *np.shape(v)), np.nan) for name, v in point.items()}
    drawn: dict[str, list[FloatArray]] = {name: [] for name in point}
    resamples = min(resamples, _FEW_RESAMPLES) if n > _MANY else resamples
    for weights in _samples(index, resamples, seed):
        for name, values in statistic(weights).items():
            drawn[name].append(values)
    return point, {name: np.concatenate(parts) for name, parts in drawn.items()}


def figure(point: Any, drawn: FloatArray) -> Figure:
    """Return a figure with its 95 % percentile interval, over the samples that define it."""
    value = float(point)
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known):
        return {"value": None if not np.isfinite(value) else value, "low": None, "high": None}
    low, high = np.percentile(known, [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}


def told(figure: Mapping[str, float | None] | None, *, percent: bool = False) -> str:
    """Write a figure with its interval, if it has one, as `0.812 [0.790, 0.835]`."""
    if not figure or figure["value"] is None:
        return "not defined"
    form = "{:.1%}" if percent else "{:.3f}"
    value = form.format(figure["value"])
    if figure.get("low") is None:
        return value
    return f"{value} [{form.format(figure['low'])}, {form.format(figure['high'])}]"


def group_index(n: int, groups: Sequence[object] | None) -> IntArray:
    """Return the number of the group of each row, shape (N,)."""
    if groups is None:
        return np.arange(n, dtype=np.int64)
    known: dict[object, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in groups], dtype=np.int64)


def _samples(index: IntArray, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Yield blocks of weights, shape (B, N)."""
    rng = np.random.default_rng(seed)
    count = int(index.max()) + 1
    step = max(1, _CELLS // max(len(index), count))
    for start in range(0, resamples, step):
        # A resample of G groups with replacement is a multinomial count for each group.
        size = min(step, resamples - start)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=size)
        yield weights[:, index].astype(float)


def mean_interval(values: FloatArray, *, resamples: int = 1000) -> tuple[float, float] | None:
    """Return the 95 % bootstrap interval of a mean, or None with fewer than two values."""
    if len(values) < 2:
        return None
    rng = np.random.default_rng(0)
    means = rng.choice(values, size=(resamples, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def ratio(top: NDArray[Any], bottom: NDArray[Any], *, empty: float = 0.0) -> FloatArray:
    """Divide; where there is nothing to divide by, `empty`."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    result: FloatArray = np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom > 0)
    return result
