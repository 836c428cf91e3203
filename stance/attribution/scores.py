"""How good spans are: precision, recall and F1 by role, exactly and by overlap; speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stance.attribution.words import ROLES, runs

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class SpanScore:
    """F1 of the spans of a role.

    Attributes:
        exact: F1 of spans found from the first word to the last.
        overlap: F1 where a span counts as found if a span of its role shares a word with it.
        exact_interval: 95 % interval, articles drawn with replacement.
        overlap_interval: The same.
        gold: Spans that are marked.
        found: Spans that were found.
    """

    exact: float
    overlap: float
    exact_interval: tuple[float, float]
    overlap_interval: tuple[float, float]
    gold: int
    found: int


def span_scores(
    gold: Sequence[NDArray[np.int64]], found: Sequence[NDArray[np.int64]], *, seed: int = 0
) -> dict[str, SpanScore]:
    """Return a score for each role.

    Args:
        gold: The tags of the words of each article.
        found: The same, as they were found.
        seed: Of the bootstrap over articles.
    """
    counts = np.array([_counts(a, b) for a, b in zip(gold, found, strict=True)])  # (A, roles, 5)
    draws = np.random.default_rng(seed).integers(0, len(counts), (RESAMPLES, len(counts)))
    result = {}
    for role, name in enumerate(ROLES):
        own = counts[:, role]
        samples = np.array([_f1s(own[draw].sum(0)) for draw in draws])
        low, high = np.percentile(samples, [2.5, 97.5], axis=0)
        exact, overlap = _f1s(own.sum(0))
        result[name] = SpanScore(
            exact,
            overlap,
            (float(low[0]), float(high[0])),
            (float(low[1]), float(high[1])),
            int(own[:, 0].sum()),
            int(own[:, 1].sum()),
        )
    return result


def _counts(gold: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each role: gold spans, found spans, both, gold touched, found touching."""
    result = np.zeros((len(ROLES), 5), dtype=np.int64)
    spans = [runs(gold), runs(found)]
    for role in range(len(ROLES)):
        g, f = ([s[1:] for s in side if s[0] == role] for side in spans)
        in_gold, in_found = (
            (tags - 1) // 2 == role if len(tags) else np.zeros(0, dtype=bool)
            for tags in (gold, found)
        )
        result[role] = (
            len(g),
            len(f),
            len(set(g) & set(f)),
            sum(bool(in_found[a:b].any()) for a, b in g),
            sum(bool(in_gold[a:b].any()) for a, b in f),
        )
    return result


def _f1s(counts: NDArray[np.int64]) -> tuple[float, float]:
    gold, found, both, touched, touching = (float(value) for value in counts)
    exact = 2 * both / (gold + found) if gold + found else 1.0
    recall = touched / gold if gold else 1.0
    precision = touching / found if found else 1.0
    overlap = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return exact, overlap
