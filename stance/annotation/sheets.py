"""The files of an annotation: items, sheets, Label Studio's export, decisions; and agreement."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, TextIO

from stance import artifact
from stance.corpus.table import Row, read_sound_rows
from stance.metrics import Figure, alpha_figure
from stance.schema import DataError, Problem

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
TEXTS = ("before", "sentence", "after")
SHEET_COLUMNS = ("id", *TEXTS, "label", "note")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far readers agree.

    Attributes:
        alpha: Krippendorff's alpha over all items with two votes or more, with its 95 % interval
            over documents; None if undefined.
        pairs: For each two readers, the share of common items they label alike, in [0, 1].
        labels: For each reader, how often each label.
        items: Items with at least one vote.
        incomplete: Items that some of the readers have not labelled.
        disagreements: Ids of items whose votes differ.
    """

    alpha: Figure
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
    faults: list[Problem] = []
    for sheet in map(Path, sheets):
        export = sheet.suffix.lower() == ".json"
        rows = list(_export_rows(sheet) if export else _sheet_rows(sheet))
        given: Votes = {}
        if len(rows) > 1 and not any(item in items for _, _, item, _ in rows):
            message = f"none of its {len(rows)} ids is of {folder}; is it of another annotation?"
            faults.append(Problem(str(sheet), None, message))
            continue
        for number, reader, item, text in rows:
            fault = None
            label = _label(text, labels)
            if label is None:
                fault = f"label {text!r}, expected one of {', '.join(labels)}"
            elif item not in items:
                fault = f"id {item!r} is none of {folder}"
            elif given.setdefault(reader, {}).setdefault(item, label) != label:
                fault = f"{reader} labels {item} a second time, otherwise"
            if fault:
                place = (None, f"task {number}: {fault}") if export else (number, fault)
                faults.append(Problem(str(sheet), *place))
        if twice := sorted(given.keys() & votes.keys()):
            fault = f"{twice[0]} has labelled in another file too; rename one, or leave one out"
            faults.append(Problem(str(sheet), None, fault))
        votes |= given
    if faults:
        raise DataError(f"{folder}: {len(faults)} faults in what readers gave", faults)
    if not votes:
        raise DataError(f"{', '.join(map(str, sheets))}: no row has a label")
    return votes


def read_notes(sheets: Sequence[str | Path]) -> Votes:
    """Return what each reader noted on which item, where a sheet has a column `note`."""
    notes: Votes = {}
    for sheet in map(Path, sheets):
        if sheet.suffix.lower() != ".json":
            for _, row in read_sound_rows(sheet, ("id",)):
                if note := str(row.get("note") or "").strip():
                    notes.setdefault(sheet.stem, {})[str(row["id"]).strip()] = note
    return notes


def agree(folder: str | Path, votes: Votes, *, notes: Votes | None = None) -> Agreement:
    """Compute agreement, and write `disagreements.csv` for the adjudicator.

    What an adjudicator has filled in before is kept.

    Args:
        folder: Folder of the annotation.
        votes: The readers' labels.
        notes: What readers noted, for the adjudicator to see.

    Raises:
        DataError: If what was filled in before is no label.
    """
    items = read_items(folder)
    by_item = votes_by_item(items, votes)
    path = Path(folder) / DISAGREEMENTS
    decided = read_decisions(folder)
    differing = [item for item, given in by_item.items() if len(set(given.values())) > 1]
    kept = [item for item in decided if item not in differing]
    write_sheet(
        path,
        ("id", *TEXTS, "votes", "notes", "label"),
        [
            {
                **items[item],
                "votes": ", ".join(f"{r}: {vote}" for r, vote in by_item.get(item, {}).items()),
                "notes": "; ".join(
                    f"{r}: {on[item]}" for r, on in (notes or {}).items() if item in on
                ),
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
        alpha=alpha_figure(
            [list(given.values()) for given in by_item.values()],
            groups=[items[item]["document"] for item in by_item],
        ),
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


def _sheet_rows(path: Path) -> Iterator[tuple[int, str, str, str]]:
    """Yield line, reader, id and label of each row that has a label."""
    if path.name in (ITEMS, DISAGREEMENTS):
        raise DataError(f"{path}: is no reader's sheet")
    for line, row in read_sound_rows(path, ("id", "label")):
        if label := str(row["label"] or "").strip():
            yield line, path.stem, str(row["id"]).strip(), label


def _export_rows(path: Path) -> list[tuple[int, str, str, str]]:
    """Return number of the task, reader, id and label of each annotation in a Label Studio export.

    Skipped tasks, predictions and whatever else people add to the interface are passed over. A
    reader is told by e-mail or number; one who is alone in the file, and a number, by its name.
    """
    found = []
    number = 0
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(tasks, list):
            raise TypeError(f"expected a list of tasks, found {type(tasks).__name__}")
        for number, task in enumerate(tasks, start=1):
            item = str(task["data"]["id"])
            for annotation in task["annotations"] or ():
                if annotation.get("was_cancelled"):
                    continue
                for result in annotation["result"]:
                    choices = (result.get("value") or {}).get("choices")
                    if choices and result.get("from_name", "label") == "label":
                        found.append((number, _reader(annotation), item, ", ".join(choices)))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: not a Label Studio export in the form JSON (not JSON-MIN, and not the tasks "
            f"themselves): at task {number}, {type(error).__name__}: {error}"
        ) from None
    if len(readers := {reader for _, reader, *_ in found}) == 1 and readers.pop().isdigit():
        return [(number, path.stem, item, label) for number, _, item, label in found]
    return found


def _reader(annotation: Mapping[str, Any]) -> str:
    given = annotation.get("completed_by")
    if isinstance(given, dict):
        given = given.get("email") or given.get("id")
    return "label-studio" if given is None else str(given)


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


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table that people open in a spreadsheet.

    It begins with a mark, without which Excel takes UTF-8 for its own code page, and a sentence
    that begins like a formula has an apostrophe before it.
    """
    quoted = [
        {
            **row,
            **{k: f"'{row[k]}" for k in TEXTS if row[k].startswith(("=", "+", "-", "@"))},
        }
        for row in rows
    ]
    write_csv(path, columns, quoted, encoding="utf-8-sig")


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    encoding: str = "utf-8",
) -> None:
    with _written(path, encoding) as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write(path: Path, text: str) -> None:
    with _written(path) as file:
        file.write(text)


@contextmanager
def _written(path: Path, encoding: str = "utf-8") -> Iterator[TextIO]:
    try:
        with (
            artifact.atomic(path) as temporary,
            temporary.open("w", encoding=encoding, newline="") as file,
        ):
            yield file
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
