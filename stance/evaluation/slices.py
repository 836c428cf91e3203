"""Figures by parts of the data, and the parts where a model is worst."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stance.actors import find_actors, gazetteer
from stance.corpus.table import GROUP_COLUMNS, missing
from stance.evaluation.sample import Sample
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
        rows: Numbers of the rows in it, ascending, shape (M,): those of a column's slices are as
            many as the data has rows, a mask for each would be so many times a hundred.
    """

    name: str
    column: str | None
    rows: IntArray


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
    gold, index = sample.gold, group_index(len(sample.rows), sample.groups)
    wrong = (predicted != gold).astype(float)
    chances: list[float] = []
    kept: dict[int, Slice] = {}
    crossed: list[tuple[float, int]] = []
    for i, one in enumerate(find_slices(sample)):
        chances.append(_chance(one.rows, wrong, index))
        kept[i] = one
        if one.column is None:
            # Crossed slices are many, and only the worst of them are of interest.
            heapq.heappush(crossed, (-chances[i], -i))
            if len(crossed) > WORST:
                del kept[-heapq.heappop(crossed)[1]]
    corrected = holm(chances)
    worst = sorted(range(len(chances)), key=lambda i: chances[i])[:WORST]
    told = {
        i: {
            **_figures(one, gold, predicted, index, len(sample.labels)),
            "rest": _elsewhere(one.rows, wrong),
            "p": chances[i],
            "p_corrected": corrected[i],
        }
        for i, one in kept.items()
        if one.column is not None or i in worst
    }
    columns: dict[str, list[dict[str, Any]]] = {}
    for i, each in told.items():
        if (column := kept[i].column) is not None:
            columns.setdefault(column, []).append(each)
    return {"tested": len(chances), "columns": columns, "worst": [told[i] for i in worst]}


def find_slices(sample: Sample, *, crossed: bool = True) -> Iterator[Slice]:
    """Yield every slice with `SUPPORT`, of one column and, if wanted, of two."""
    single = []
    for column, values in _columns(sample):
        counts = Counter(value for row in values for value in row)
        places: dict[str, list[int]] = {
            v: [] for v in sorted(counts) if SUPPORT <= counts[v] < len(values)
        }
        if len(places) > _VALUES:
            continue
        for i, row in enumerate(values):
            for value in row:
                if value in places:
                    places[value].append(i)
        of = [Slice(f"{column}={v}", column, np.array(rows)) for v, rows in places.items()]
        yield from of
        if len(counts) <= _CROSSED:
            single.extend(of)
    for one, other in itertools.combinations(single, 2) if crossed else ():
        if one.column != other.column:
            both = one.rows[np.isin(one.rows, other.rows, assume_unique=True, kind="table")]
            if SUPPORT <= len(both) < min(len(one.rows), len(other.rows)):
                yield Slice(f"{one.name}, {other.name}", None, both)


def _columns(sample: Sample) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield each column with the values of each row: one, none, or (of actors) several."""
    names = dict.fromkeys(key for row in sample.rows for key in row)
    others = {*_NOT_METADATA, sample.grouped_by}
    metadata = [n for n in names if n not in others and not n.startswith("context")]
    for name in metadata:
        values = [row.get(name) for row in sample.rows]
        if any(isinstance(value, list | dict) for value in values):
            continue
        if all(str(v) == row["label"] for v, row in zip(values, sample.rows, strict=True)):
            continue  # the gold label under its name in the file
        yield name, [() if missing(v) else (str(v),) for v in values]
    yield "words", [(length(row["text"]),) for row in sample.rows]
    known = gazetteer()
    yield (
        "actor",
        [tuple({known[a].name for a in find_actors(row["text"])}) for row in sample.rows],
    )


def length(text: str) -> str:
    """Return the class of a text by its number of words, such as `11-20`."""
    words = len(text.split())
    bounds = (0, *_LENGTHS)
    for low, high in itertools.pairwise(bounds):
        if words <= high:
            return f"{low + 1:02}-{high}"
    return f"over {_LENGTHS[-1]}"


def _elsewhere(rows: IntArray, wrong: FloatArray) -> float:
    """Return the error of all rows but these, in [0, 1]."""
    return float((wrong.sum() - wrong[rows].sum()) / (len(wrong) - len(rows)))


def _chance(rows: IntArray, wrong: FloatArray, index: IntArray) -> float:
    """Return the one-sided chance of an error as far above the rest's, in [0, 1]."""
    inside, outside = wrong[rows].mean(), _elsewhere(rows, wrong)
    pull = (outside - wrong) / (len(wrong) - len(rows))
    pull[rows] = (wrong[rows] - inside) / len(rows)
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


def _figures(
    one: Slice, gold: IntArray, predicted: IntArray, index: IntArray, k: int
) -> dict[str, Any]:
    rows = one.rows
    confusions = Confusions(gold[rows], predicted[rows], k)

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
