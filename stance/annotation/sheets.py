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
from stance.corpus.table import Row, read_sound_rows
from stance.metrics import krippendorff_alpha
from stance.schema import DataError

Votes = dict[str, dict[str, str]]
"""For each reader the label of each item."""

ITEMS, DISAGREEMENTS, SETTINGS = "items.csv", "disagreements.csv", "annotation.json"
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
        incomplete: Items that some of the readers have not labelled.
        disagreements: Ids of items whose votes differ.
    """

    alpha: float | None
    pairs: dict[tuple[str, str], float]
    labels: dict[str, dict[str, int]]
    items: int
    incomplete: int
    disagreements: list[str]


def read_labels(folder: str | Path, sheets: Sequence[str | Path]) -> Votes:
    """Read filled sheets: CSV (the file's name is the reader) or Label Studio's JSON export.

    Rows without a label are passed over: a reader may not be done. Labels may be in capitals.

    Raises:
        DataError: Naming file and row of every label that is none, every id that is not of this
            annotation or comes twice, and every reader with two sheets; or if nothing is labelled.
    """
    items, labels = read_items(folder), read_settings(folder)["labels"]
    votes: Votes = {}
    faults: list[str] = []
    for sheet in map(Path, sheets):
        export = sheet.suffix.lower() == ".json"
        given: Votes = {}
        for place, reader, item, text in _export_rows(sheet) if export else _sheet_rows(sheet):
            label = _label(text, labels)
            if label is None:
                faults.append(f"{place}: label {text!r}, expected one of {', '.join(labels)}")
            elif item not in items:
                faults.append(f"{place}: id {item!r} is none of {folder}")
            elif given.setdefault(reader, {}).setdefault(item, label) != label:
                faults.append(f"{place}: {reader} labels {item} a second time, otherwise")
        if twice := sorted(given.keys() & votes.keys()):
            faults.append(f"{sheet}: {twice[0]} has labelled in another file too; rename one")
        votes |= given
    if faults:
        raise DataError("\n".join(faults))
    if not votes:
        raise DataError(f"{', '.join(map(str, sheets))}: no row has a label")
    return votes


def agree(folder: str | Path, votes: Votes) -> Agreement:
    """Compute agreement, and write `disagreements.csv` for the adjudicator.

    What an adjudicator has filled in before is kept.

    Raises:
        DataError: If what was filled in before is no label.
    """
    items = read_items(folder)
    by_item = votes_by_item(items, votes)
    path = Path(folder) / DISAGREEMENTS
    decided = read_decisions(folder)
    differing = [item for item, given in by_item.items() if len(set(given.values())) > 1]
    kept = [item for item in decided if item not in differing]
    write_csv(
        path,
        ("id", "before", "sentence", "after", "votes", "label"),
        [
            {
                **items[item],
                "votes": ", ".join(f"{r}: {vote}" for r, vote in by_item.get(item, {}).items()),
                "label": decided.get(item, ""),
            }
            for item in [*differing, *kept]
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
        incomplete=sum(len(given) < len(votes) for given in by_item.values()),
        disagreements=differing,
    )


def _label(text: str, labels: Sequence[str]) -> str | None:
    """Return the label that a reader meant, or None."""
    plain = text.strip().casefold()
    return next((label for label in labels if label.casefold() == plain), None)


def _sheet_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    if path.name in (ITEMS, DISAGREEMENTS):
        raise DataError(f"{path}: is no reader's sheet")
    for line, row in read_sound_rows(path, ("id", "label")):
        if label := str(row["label"] or "").strip():
            yield f"{path}:{line}", path.stem, str(row["id"]).strip(), label


def _export_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield the labels of a Label Studio export, the last annotation of each reader counting."""
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(tasks, list):
            raise TypeError(f"expected a list of tasks, found {type(tasks).__name__}")
        for number, task in enumerate(tasks, start=1):
            for annotation in task.get("annotations", []):
                if annotation.get("was_cancelled"):
                    continue
                reader = annotation.get("completed_by", "label-studio")
                name = reader.get("email", "?") if isinstance(reader, dict) else str(reader)
                for result in annotation["result"]:
                    if choices := result["value"].get("choices"):
                        yield f"{path}: task {number}", name, task["data"]["id"], choices[0]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: not a Label Studio export in the form JSON ({type(error).__name__}: {error})"
        ) from None


def read_items(folder: str | Path) -> dict[str, Row]:
    """Return the items of an annotation by id."""
    path = Path(folder) / ITEMS
    if not path.is_file():
        raise DataError(f"{folder}: no items.csv here; start one with  stance annotate sample")
    return {row["id"]: row for _, row in read_sound_rows(path, ITEM_COLUMNS)}


def read_settings(folder: str | Path) -> dict[str, Any]:
    """Return how an annotation was drawn: `labels`, `strategy`, `seed`, `inputs`."""
    path = Path(folder) / SETTINGS
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        settings["labels"][0]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        raise DataError(
            f"{path}: missing or damaged; draw again with  stance annotate sample"
        ) from (None)
    return settings


def votes_by_item(items: Mapping[str, Row], votes: Votes) -> dict[str, dict[str, str]]:
    """Return the votes on each item that has any, by reader."""
    return {
        item: given
        for item in items
        if (given := {name: labels[item] for name, labels in votes.items() if item in labels})
    }


def read_decisions(folder: str | Path) -> dict[str, str]:
    """Return the labels an adjudicator has filled in.

    Raises:
        DataError: Naming every row whose label is none, or whose id is not of this annotation.
    """
    path = Path(folder) / DISAGREEMENTS
    if not path.is_file():
        return {}
    items, labels = read_items(folder), read_settings(folder)["labels"]
    decided: dict[str, str] = {}
    faults = []
    for line, row in read_sound_rows(path, ("id", "label")):
        if not (text := str(row["label"] or "").strip()):
            continue
        label = _label(text, labels)
        if label is None or row["id"] not in items:
            faults.append(
                f"{path}:{line}: {row['id']} {text!r}, expected one of {', '.join(labels)}"
            )
        else:
            decided[row["id"]] = label
    if faults:
        raise DataError("\n".join(faults))
    return decided


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with artifact.atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write(path: Path, text: str) -> None:
    with artifact.atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
