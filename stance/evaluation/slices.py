"""Figures by parts of the data, and the parts where a model is worst."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.actors import find_actors, gazetteer
from stance.corpus.table import GROUP_COLUMNS
from stance.evaluation.sample import Sample, missing
from stance.metrics import FloatArray, IntArray, bootstrap, figure, group_index
from stance.metrics.figures import Confusions, figures

SUPPORT = 30
"""Fewest sentences of a slice."""
WORST = 10
_VALUES = 100
"""A column with more values that have support names sentences rather than kinds of them."""
_CROSSED = 12
"""Columns with at most so many values are crossed with each other."""
_LENGTHS = (10, 20, 30)
_NOT_METADATA = {"id", "text", "label", "gold", "votes", *GROUP_COLUMNS}
_FOR_SLICES = 500


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the data.

    Attributes:
        name: Such as `form=headline`, or `form=headline, decade=1990s`.
        column: The column; None of two.
        rows: Which rows are in it, shape (N,).
    """

    name: str
    column: str | None
    rows: NDArray[np.bool_]


def slices(sample: Sample, predicted: IntArray) -> dict[str, Any]:
    """Measure a model on every slice with support, and find those where it is worse than elsewhere.

    Slices are the values of every column with metadata, the number of words, the actors named, and
    two values of small columns together. Whether the error of a slice is above the error of the
    rest is tested one-sided, with a standard error that counts groups; the chances are corrected
    for the number of slices looked at (Holm 1979).

    Returns:
        `tested`, how many slices were looked at; `columns`, for each column its slices; and
        `worst`, the ten with the least chances: each with `name`, `rows`, `error`, `macro_f1`
        (figures with intervals), `rest`, the error elsewhere, `p` and `p_corrected`.
    """
    gold, groups = sample.gold, sample.groups
    index = group_index(len(gold), groups)
    wrong = (predicted != gold).astype(float)
    found = list(find_slices(sample))
    chances = [_chance(one.rows, wrong, index) for one in found]
    corrected = holm(chances)
    order = sorted(range(len(found)), key=lambda i: chances[i])
    # Crossed slices are many, and only the worst of them are of interest.
    shown = {i for i in range(len(found)) if found[i].column is not None} | set(order[:WORST])
    told = {
        i: {
            **_figures(found[i], sample, predicted, index),
            "rest": float(wrong[~found[i].rows].mean()),
            "p": chances[i],
            "p_corrected": corrected[i],
        }
        for i in sorted(shown)
    }
    columns: dict[str, list[dict[str, Any]]] = {}
    for i, one in told.items():
        if (column := found[i].column) is not None:
            columns.setdefault(column, []).append(one)
    return {
        "tested": len(found),
        "columns": columns,
        "worst": [told[i] for i in order[:WORST]],
    }


def find_slices(sample: Sample, *, crossed: bool = True) -> Iterator[Slice]:
    """Yield every slice with `SUPPORT`, of one column and, if wanted, of two."""
    columns = _columns(sample)
    single = []
    for column, values in columns.items():
        counts = Counter(value for row in values for value in row)
        kept = [v for v in sorted(counts) if SUPPORT <= counts[v] < len(values)]
        if len(kept) > _VALUES:
            continue
        of = [
            Slice(f"{column}={value}", column, np.array([value in row for row in values]))
            for value in kept
        ]
        yield from of
        if len(counts) <= _CROSSED:
            single.extend(of)
    for one, other in itertools.combinations(single, 2) if crossed else ():
        if one.column != other.column:
            both = one.rows & other.rows
            narrower = both.sum() < min(one.rows.sum(), other.rows.sum())
            if both.sum() >= SUPPORT and narrower:
                yield Slice(f"{one.name}, {other.name}", None, both)


def _columns(sample: Sample) -> dict[str, list[tuple[str, ...]]]:
    """Return of each column the values of each row: one, none, or (of actors) several."""
    names = dict.fromkeys(key for row in sample.rows for key in row)
    metadata = [n for n in names if n not in _NOT_METADATA and not n.startswith("context")]
    found: dict[str, list[tuple[str, ...]]] = {}
    for name in metadata:
        values = [row.get(name) for row in sample.rows]
        if any(isinstance(value, list | dict) for value in values):
            continue
        if all(str(v) == row["label"] for v, row in zip(values, sample.rows, strict=True)):
            continue  # the gold label under its name in the file
        found[name] = [() if missing(v) else (str(v),) for v in values]
    found["words"] = [(_length(row["text"]),) for row in sample.rows]
    known = gazetteer()
    found["actor"] = [
        tuple({known[actor].name for actor in find_actors(row["text"])}) for row in sample.rows
    ]
    return found


def _length(text: str) -> str:
    words = len(text.split())
    bounds = (0, *_LENGTHS)
    for low, high in itertools.pairwise(bounds):
        if words <= high:
            return f"{low + 1:02}-{high}"
    return f"over {_LENGTHS[-1]}"


def _chance(rows: NDArray[np.bool_], wrong: FloatArray, index: IntArray) -> float:
    """Return the one-sided chance of an error as far above the rest's, in [0, 1]."""
    inside, outside = wrong[rows].mean(), wrong[~rows].mean()
    pull = np.where(rows, (wrong - inside) / rows.sum(), -(wrong - outside) / (~rows).sum())
    spread = math.sqrt(float((np.bincount(index, weights=pull) ** 2).sum()))
    if not spread:
        return 0.0 if inside > outside else 1.0
    return 0.5 * math.erfc(float(inside - outside) / spread / math.sqrt(2))


def holm(chances: list[float]) -> list[float]:
    """Correct chances for their number, so that one false alarm in all is as rare as told."""
    corrected, highest = [0.0] * len(chances), 0.0
    for rank, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[i]))
        corrected[i] = highest
    return corrected


def _figures(one: Slice, sample: Sample, predicted: IntArray, index: IntArray) -> dict[str, Any]:
    rows = np.flatnonzero(one.rows)
    confusions = Confusions(sample.gold[rows], predicted[rows], len(sample.labels))

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        found = figures(confusions(weights))
        return {"error": 1 - found["accuracy"], "macro_f1": found["macro_f1"]}

    point, drawn = bootstrap(
        statistic, len(rows), groups=index[rows].tolist(), resamples=_FOR_SLICES
    )
    return {
        "name": one.name,
        "rows": len(rows),
        **{name: figure(point[name], drawn[name]) for name in ("error", "macro_f1")},
    }
