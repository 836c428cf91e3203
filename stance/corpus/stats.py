"""What a corpus is made of: counts by column, lengths, actors, agreement of its readers."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stance.actors import find_actors, gazetteer
from stance.corpus.table import Row, read_sound_rows
from stance.metrics import alpha_figure, bootstrap, figure, krippendorff_alpha, told
from stance.schema import DataError

COLUMNS: tuple[str, ...] = (
    "source",
    "sample",
    "kind",
    "form",
    "register",
    "dispute",
    "decade",
    "rule",
)
"""Metadata columns that are counted, where a corpus has them."""

AGREED = ("source", "sample", "form", "rule")
"""Those of them by which the readers' agreement is told too."""

RANDOM = "source, drawn at random"
"""The table of what was drawn at random, whose shares of labels are those of its source."""

REREAD = "reread.csv"
"""File of a corpus folder with labels of a later reading: `id`, and `label` or nothing where the
reader gave none."""


def statistics_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Describe rows of a corpus.

    Returns:
        `sentences`, `groups`, `labels`; `words` with mean, min, max; for each of `COLUMNS` a count
        of each label by value, and of `RANDOM`; `actors` by type, `countries`, `regions`; and where
        rows have `votes` (readings joined by `|`), `agreement`: Krippendorff's `alpha` overall, its
        95 % `interval` over groups, and alpha by each of `AGREED`.
    """
    lengths = [len(row["text"].split()) for row in rows]
    named = Counter(actor for row in rows for actor in find_actors(row["text"]))
    known = gazetteer()
    result: dict[str, Any] = {
        "sentences": len(rows),
        "groups": len({row["group"] for row in rows}),
        "with_context": sum(bool(r.get("context_before") or r.get("context_after")) for r in rows),
        "labels": dict(Counter(row["label"] for row in rows)),
        "words": {
            "mean": round(statistics.mean(lengths), 2),
            "min": min(lengths),
            "max": max(lengths),
        },
    }
    for column in COLUMNS:
        if any(column in row for row in rows):
            result[column] = cross_table(rows, column)
    by_chance = [row for row in rows if row.get("sample") == "random" and "source" in row]
    if by_chance:
        result[RANDOM] = cross_table(by_chance, "source")
    result["actors"] = dict(Counter(known[actor].type for actor in named))
    result["countries"] = sum(known[actor].type == "state" for actor in named)
    result["regions"] = dict(Counter(known[a].region for a, n in named.items() for _ in range(n)))
    voted = [row for row in rows if row.get("votes")]
    if voted:
        votes = [row["votes"].split("|") for row in voted]
        overall = alpha_figure(votes, groups=[row["group"] for row in voted])
        result["agreement"] = {
            "alpha": overall["value"],
            "interval": [overall["low"], overall["high"]],
            **{
                column: {value: alpha(part) for value, part in _parts(voted, column).items()}
                for column in AGREED
                if column in result or column in ("form", "rule")
            },
        }
    return result


def drift(rows: Sequence[Row], file: Path) -> dict[str, Any]:
    """Tell how far a later reading of some rows gives the labels they have.

    Returns:
        `read`, rows read again; `labelled`, those that got a label then; and with 95 % intervals
        over groups the share of these whose label is the `same`, and `alpha` of label and reading.

    Raises:
        DataError: If the file lacks a column, names a row that is not there, or has no label.
    """
    known = {row["id"]: row for row in rows}
    again = [row for _, row in read_sound_rows(file, ("id", "label"))]
    if strange := [row["id"] for row in again if row["id"] not in known]:
        raise DataError(f"{file}: id {strange[0]!r} is none of this corpus")
    pairs = [(known[row["id"]], row["label"]) for row in again if row["label"]]
    if not pairs:
        raise DataError(f"{file}: no row has a label")
    groups = [row["group"] for row, _ in pairs]
    alike = np.array([row["label"] == label for row, label in pairs], float)
    point, drawn = bootstrap(
        lambda weights: {"same": weights @ alike / weights.sum(axis=-1)}, len(pairs), groups=groups
    )
    return {
        "read": len(again),
        "labelled": len(pairs),
        "same": figure(point["same"], drawn["same"]),
        "alpha": alpha_figure([(row["label"], label) for row, label in pairs], groups=groups),
    }


def cross_table(rows: Sequence[Row], column: str) -> dict[str, dict[str, int]]:
    """Count labels for each value of a column, most frequent value first."""
    parts = _parts(rows, column)
    order = sorted(parts, key=lambda value: -len(parts[value]))
    return {value: dict(Counter(row["label"] for row in parts[value])) for value in order}


def alpha(rows: Sequence[Row]) -> float | None:
    """Return Krippendorff's alpha of the rows' votes."""
    return krippendorff_alpha([row["votes"].split("|") for row in rows])


def _parts(rows: Sequence[Row], column: str) -> dict[str, list[Row]]:
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        parts[str(row.get(column))].append(row)
    return dict(parts)


def to_text(described: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Lay the description out as plain text."""
    words = described["words"]
    lines = [
        f"{described['sentences']} sentences in {described['groups']} groups, "
        f"{described['with_context']} with context; "
        f"words: mean {words['mean']}, {words['min']} to {words['max']}",
        f"{described['countries']} countries; actors by type: {described['actors']}",
    ]
    tables = {"label": {"all": described["labels"]}}
    tables |= {name: described[name] for name in (*COLUMNS, RANDOM) if name in described}
    agreement = described.get("agreement", {})
    wide = max(15, 2 + max(map(len, labels)))
    for column, table in tables.items():
        lines += ["", f"{column:24}{'n':>7}" + "".join(f"{label:>{wide}}" for label in labels)]
        if column in agreement:
            lines[-1] += f"{'alpha':>8}"
        for value, counts in table.items():
            n = sum(counts.values())
            cells = "".join(f"{counts.get(label, 0) / n:>{wide}.0%}" for label in labels)
            line = f"{value:24}{n:>7}{cells}"
            if column in agreement and agreement[column].get(value) is not None:
                line += f"{agreement[column][value]:>8.3f}"
            lines.append(line)
    if agreement:
        low, high = agreement["interval"]
        overall = told({"value": agreement["alpha"], "low": low, "high": high})
        lines += ["", f"Krippendorff's alpha of the readings: {overall}"]
    if "drift" in described:
        found = described["drift"]
        lines.append(
            f"{found['labelled']} of {found['read']} read again got a label; the one they had: "
            f"{told(found['same'])}, alpha {told(found['alpha'])}"
        )
    return "\n".join(lines) + "\n"
