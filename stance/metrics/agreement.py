"""How far people agree with each other, and a model with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stance.metrics.bootstrap import (
    Figure,
    FloatArray,
    IntArray,
    Statistic,
    bootstrap,
    figure,
    ratio,
)
from stance.metrics.figures import Confusions


def krippendorff_alpha(votes: Sequence[Sequence[str]]) -> float | None:
    """Return Krippendorff's alpha for nominal labels, at most 1; 0 is what chance would give.

    Krippendorff, Content Analysis (2004), chapter 11. Units with one vote do not count.

    Args:
        votes: The labels that each unit was given, in any number.

    Returns:
        Alpha, or None if no two votes on a unit exist or only one label occurs.
    """
    value = float(_alpha_of(votes)(np.ones((1, len(votes))))["alpha"][0])
    return value if np.isfinite(value) else None


def alpha_figure(
    votes: Sequence[Sequence[str]], *, groups: Sequence[object] | None = None
) -> Figure:
    """Return Krippendorff's alpha with its 95 % interval, by the bootstrap over units.

    Args:
        votes: As for `krippendorff_alpha`; one unit at least.
        groups: As for `evaluate_predictions`.
    """
    point, drawn = bootstrap(_alpha_of(votes), len(votes), groups=groups)
    return figure(point["alpha"], drawn["alpha"])


def _alpha_of(votes: Sequence[Sequence[str]]) -> Statistic:
    labels = sorted({label for unit in votes for label in unit})
    counts = np.array([[unit.count(label) for label in labels] for unit in map(list, votes)], float)
    counts = counts.reshape(len(votes), len(labels))
    counts[counts.sum(axis=1) < 2] = 0
    # Of the coincidence matrix only its diagonal and its margins are needed, unit by unit.
    alike = (counts * (counts - 1)).sum(axis=1) / np.maximum(counts.sum(axis=1) - 1, 1)

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        totals = weights @ counts
        n = totals.sum(axis=-1)
        unlike = (n - 1) * (n - weights @ alike)
        return {"alpha": 1 - ratio(unlike, n**2 - (totals**2).sum(axis=-1), empty=np.nan)}

    return statistic


def cohen_kappa(matrix: FloatArray) -> FloatArray:
    """Return Cohen's kappa (1960) of confusion counts (..., K, K): at most 1, 0 is chance.

    NaN where both gave one and the same label throughout: there is nothing to agree beyond chance.
    """
    total = matrix.sum(axis=(-2, -1))
    same = np.diagonal(matrix, axis1=-2, axis2=-1).sum(axis=-1) * total
    chance = (matrix.sum(axis=-1) * matrix.sum(axis=-2)).sum(axis=-1)
    return ratio(same - chance, total**2 - chance, empty=np.nan)


def agreement(
    votes: Sequence[Sequence[int | None]],
    predicted: IntArray,
    k: int,
    *,
    groups: Sequence[object] | None = None,
) -> dict[str, Any]:
    """Set a model's agreement with each annotator beside the annotators' with each other.

    Args:
        votes: Of each row the label number that each annotator gave, by position; None for none.
        predicted: Label numbers of the model, shape (N,).
        k: Number of labels.
        groups: As for `evaluate_predictions`.

    Returns:
        `annotators`, of each its `rows` and its agreement with the `model` and with the other
        `people` (mean over them): the share of `same` labels and Cohen's `kappa`, as figures with
        intervals; `alpha`, Krippendorff's of the people alone, such a figure too. Annotators who
        labelled under half of the rows (an adjudicator) are left out.
    """
    width = max(map(len, votes), default=0)
    table = np.full((len(votes), width), -1, dtype=np.int64)
    for row, given in enumerate(votes):
        table[row, : len(given)] = [-1 if vote is None else vote for vote in given]
    kept = [j for j in range(width) if 2 * (table[:, j] >= 0).sum() >= len(votes)]
    found = []
    for j in kept:
        others = [table[:, other] for other in kept if other != j]
        mine = table[:, j]
        found.append(
            {
                "annotator": j + 1,
                "rows": int((mine >= 0).sum()),
                "model": _pair(mine, [predicted], k, groups),
                "people": _pair(mine, others, k, groups) if others else None,
            }
        )
    named = [[str(vote) for vote in row[kept] if vote >= 0] for row in table]
    return {"annotators": found, "alpha": alpha_figure(named, groups=groups)}


def _pair(
    mine: IntArray, others: Sequence[IntArray], k: int, groups: Sequence[object] | None
) -> dict[str, Figure]:
    """Return one annotator's mean agreement with others, over the rows that both labelled."""
    both = [(mine >= 0) & (other >= 0) for other in others]
    tables = [Confusions(np.maximum(mine, 0), np.maximum(other, 0), k) for other in others]

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        counts = [table(weights * rows) for table, rows in zip(tables, both, strict=True)]
        same = [
            ratio(
                np.diagonal(each, axis1=-2, axis2=-1).sum(axis=-1),
                each.sum(axis=(-2, -1)),
                empty=np.nan,
            )
            for each in counts
        ]
        kappas = [cohen_kappa(each) for each in counts]
        return {"same": np.mean(same, axis=0), "kappa": np.mean(kappas, axis=0)}

    point, drawn = bootstrap(statistic, len(mine), groups=groups)
    return {name: figure(point[name], drawn[name]) for name in ("same", "kappa")}
