"""What a corpus is made of: counts by column, lengths, actors, agreement of its readers."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from stance.actors import find_actors, gazetteer
from stance.corpus.table import Row
from stance.metrics import krippendorff_alpha

COLUMNS: tuple[str, ...] = ("kind", "form", "register", "dispute", "decade", "rule")
"""Metadata columns that are counted, where a corpus has them."""


def statistics_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Describe rows of a corpus.

    Returns:
        `sentences`, `groups`, `labels`; `words` with mean, min, max; for each of `COLUMNS` a count
        of each label by value; `actors` by type, `countries`, `regions`; and where rows have
        `votes` (readings joined by `|`), `agreement`: Krippendorff's alpha overall, by form and by
        rule.
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
    result["actors"] = dict(Counter(known[actor].type for actor in named))
    result["countries"] = sum(known[actor].type == "state" for actor in named)
    result["regions"] = dict(Counter(known[a].region for a, n in named.items() for _ in range(n)))
    voted = [row for row in rows if row.get("votes")]
    if voted:
        result["agreement"] = {
            "alpha": alpha(voted),
            **{
                column: {value: alpha(part) for value, part in _parts(voted, column).items()}
                for column in ("form", "rule")
            },
        }
    return result


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
    tables |= {column: described[column] for column in COLUMNS if column in described}
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
                line += f"{agreement[column][value]:>8.2f}"
            lines.append(line)
    if agreement:
        lines += ["", f"Krippendorff's alpha of the readings: {agreement['alpha']:.3f}"]
    return "\n".join(lines) + "\n"
