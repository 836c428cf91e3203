"""The files of an annotation: items, sheets, Label Studio's export, decisions; and agreement."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from stance import artifact
from stance.corpus.table import Row, read_rows
from stance.metrics import krippendorff_alpha
from stance.schema import LABELS, DataError

Votes = dict[str, dict[str, str]]
"""For each reader the label of each item."""

ITEMS, DISAGREEMENTS = "items.csv", "disagreements.csv"
ITEM_COLUMNS = (
    "id",
    "document",
    "start",
    "end",
    "before_start",
    "after_end",
    "before",
    "sentence",
    "after",
    "sample",
)
SHEET_COLUMNS = ("id", "before", "sentence", "after", "label", "note")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far readers agree.

    Attributes:
        alpha: Krippendorff's alpha over all items with two votes or more; None if undefined.
        pairs: For each two readers, the share of common items they label alike, in [0, 1].
        labels: For each reader, how often each label.
        items: Items with at least one vote.
        disagreements: Ids of items whose votes differ.
    """

    alpha: float | None
    pairs: dict[tuple[str, str], float]
    labels: dict[str, dict[str, int]]
    items: int
    disagreements: list[str]


def read_labels(sheets: Sequence[str | Path], *, labels: Sequence[str] = LABELS) -> Votes:
    """Read filled sheets: CSV (the file's name is the reader) or Label Studio's JSON export.

    Rows without a label are passed over: a reader may not be done.

    Raises:
        DataError: Naming file and row of every unknown label, or if nothing is labelled.
    """
    votes: Votes = {}
    faults = []
    for sheet in map(Path, sheets):
        rows = _export_rows(sheet) if sheet.suffix == ".json" else _sheet_rows(sheet)
        for place, reader, item, label in rows:
            if label not in labels:
                faults.append(f"{place}: label {label!r}, expected one of {', '.join(labels)}")
            votes.setdefault(reader, {})[item] = label
    if faults:
        raise DataError("\n".join(faults))
    if not votes:
        raise DataError(f"{', '.join(map(str, sheets))}: no row has a label")
    return votes


def agree(folder: str | Path, votes: Votes) -> Agreement:
    """Compute agreement, and write `disagreements.csv` for the adjudicator.

    What an adjudicator has filled in before is kept.

    Raises:
        DataError: If a vote is on an item that the folder does not have.
    """
    items = read_items(folder)
    by_item = votes_by_item(items, votes)
    differing = [item for item, given in by_item.items() if len(set(given.values())) > 1]
    path = Path(folder) / DISAGREEMENTS
    decided = read_decisions(path)
    write_csv(
        path,
        ("id", "before", "sentence", "after", "votes", "label"),
        [
            {
                **items[item],
                "votes": ", ".join(f"{reader}: {vote}" for reader, vote in by_item[item].items()),
                "label": decided.get(item, ""),
            }
            for item in differing
        ],
    )
    pairs = {}
    for one, other in combinations(votes, 2):
        common = votes[one].keys() & votes[other].keys()
        if common:
            alike = sum(votes[one][item] == votes[other][item] for item in common)
            pairs[one, other] = alike / len(common)
    return Agreement(
        alpha=krippendorff_alpha([list(given.values()) for given in by_item.values()]),
        pairs=pairs,
        labels={reader: dict(Counter(given.values())) for reader, given in votes.items()},
        items=len(by_item),
        disagreements=differing,
    )


def _sheet_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for line, row in _rows(path, ("id", "label")):
        if label := (row["label"] or "").strip().lower():
            yield f"{path}:{line}", path.stem, row["id"], label


def _export_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield the labels of a Label Studio export, the last annotation of each reader counting."""
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(tasks, list):
            raise TypeError(f"expected a list of tasks, found {type(tasks).__name__}")
        for number, task in enumerate(tasks, start=1):
            for annotation in task["annotations"]:
                if annotation.get("was_cancelled"):
                    continue
                reader = annotation.get("completed_by", "label-studio")
                name = reader.get("email", "?") if isinstance(reader, dict) else str(reader)
                for result in annotation["result"]:
                    if choices := result["value"].get("choices"):
                        yield f"{path}: task {number}", name, task["data"]["id"], choices[0]
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a Label Studio export in the form JSON ({type(error).__name__}: {error})"
        ) from None


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[int, Row]]:
    rows, problems = read_rows(path)
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    if rows and (missing := [name for name in columns if name not in rows[0][1]]):
        raise DataError(f"{path}: no column {', '.join(missing)}")
    return rows


def read_items(folder: str | Path) -> dict[str, Row]:
    path = Path(folder) / ITEMS
    if not path.is_file():
        raise DataError(f"{folder}: no items.csv here; start one with  stance annotate sample")
    return {row["id"]: row for _, row in _rows(path, ITEM_COLUMNS)}


def votes_by_item(items: Mapping[str, Row], votes: Votes) -> dict[str, dict[str, str]]:
    unknown = [item for given in votes.values() for item in given if item not in items]
    if unknown:
        raise DataError(f"{len(unknown)} labelled ids are none of this annotation: {unknown[0]}")
    return {
        item: given
        for item in items
        if (given := {name: labels[item] for name, labels in votes.items() if item in labels})
    }


def read_decisions(path: Path) -> dict[str, str]:
    if not path.is_file() or path.stat().st_size == 0:
        return {}
    return {row["id"]: row["label"] for _, row in _rows(path, ("id", "label")) if row["label"]}


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with artifact.atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write(path: Path, text: str) -> None:
    with artifact.atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
