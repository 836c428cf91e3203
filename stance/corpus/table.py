"""Reads labelled sentences from JSON lines, CSV, TSV or Parquet; faults carry their lines."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from stance.schema import DataError, Problem

Row = dict[str, Any]
Numbered = tuple[int, Row]
"""A row with the line it starts on (its number, counted from 1, in a Parquet file)."""

GROUP_COLUMNS = ("group", "doc", "document", "article")
"""Columns taken for the groups of a file, the first that it has."""

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")


def read_rows(path: Path) -> tuple[list[Numbered], list[Problem]]:
    """Read every row of a file that can be read, and the faults of the rest.

    Raises:
        DataError: If the file as a whole cannot be read.
    """
    readers: dict[str, Callable[[Path], tuple[list[Numbered], list[Problem]]]] = {
        ".jsonl": _read_jsonl,
        ".csv": _read_delimited,
        ".tsv": _read_delimited,
        ".parquet": _read_parquet,
    }
    if path.is_dir():
        raise DataError(f"{path}: is a folder, expected a file ({', '.join(SUFFIXES)})")
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: unknown kind of file; expected {', '.join(SUFFIXES)}")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: empty file")
    return readers[path.suffix.lower()](path)


def read_sound_rows(path: Path, columns: Sequence[str] = ()) -> list[Numbered]:
    """Read a file whose every row can be read and has these columns.

    Raises:
        DataError: With every fault, or naming the columns that are missing.
    """
    rows, problems = read_rows(path)
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    if rows and (missing := [name for name in columns if name not in rows[0][1]]):
        raise DataError(f"{path}: no column {', '.join(missing)}")
    return rows


def read_labelled(
    path: Path,
    *,
    labels: Sequence[str] | None = None,
    text_column: str = "text",
    label_column: str = "label",
) -> list[Row]:
    """Read a labelled file for evaluation.

    Args:
        path: A .jsonl, .csv, .tsv or .parquet file.
        labels: Labels that may occur; None allows any.
        text_column: Column with the sentence.
        label_column: Column with the gold label.

    Returns:
        The rows, with `text` and `label` filled from the named columns, other columns kept.

    Raises:
        DataError: With every fault of every row: missing columns, empty texts, unknown labels.
    """
    found = read_numbered(path, labels=labels, text_column=text_column, label_column=label_column)
    return [row for _, row in found]


def read_numbered(
    path: Path,
    *,
    labels: Sequence[str] | None = None,
    text_column: str = "text",
    label_column: str = "label",
) -> list[Numbered]:
    """Return the rows of `read_labelled`, each with its line."""
    rows, problems = read_rows(path)
    if rows and (missing := [c for c in (text_column, label_column) if c not in rows[0][1]]):
        raise DataError(
            f"{path}: no column {' and no column '.join(map(repr, missing))}; "
            f"the columns are {', '.join(map(repr, rows[0][1]))}: say which by --text-column and "
            f"--label-column, or for a training by data.text_column and data.label_column"
        )
    result: list[Numbered] = []
    for line, row in rows:
        label = row.get(label_column)
        if isinstance(label, int) and not isinstance(label, bool):
            label = str(label)  # classes that are numbers have names like any others
        row |= {"text": row.get(text_column), "label": label}
        faults = text_faults(row["text"]) or _blank(row["text"])
        if labels is not None:
            faults += label_faults(row["label"], labels)
        elif not isinstance(row["label"], str) or not row["label"]:
            faults.append("no label")
        problems.extend(Problem(str(path), line, fault) for fault in faults)
        result.append((line, row))
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    if not result:
        raise DataError(f"{path}: no rows")
    return result


def read_votes(votes: object, labels: Sequence[str]) -> list[str | None]:
    """Return the labels that readers gave a sentence, None in the place of one who gave none.

    Args:
        votes: Labels joined by `|`, each written out or as its first letters (`c|c|n`, `c||n`), or
            a list of them; an empty cell holds no votes.
        labels: Labels that may occur.

    Raises:
        DataError: If a vote is none of the labels, or the beginning of more than one.
    """
    if not isinstance(votes, list):
        votes = [] if missing(votes) else str(votes).split("|")
    found: list[str | None] = []
    for vote in votes:
        meant = [label for label in labels if not missing(vote) and label.startswith(str(vote))]
        if not missing(vote) and vote not in meant and len(meant) != 1:
            raise DataError(
                f"vote {str(vote)!r} is none of {', '.join(labels)}; expected the labels that "
                f"readers gave, such as {labels[0]}|{labels[-1]}; give a column `votes` that holds "
                f"something else another name"
            )
        found.append(vote if vote in meant else next(iter(meant), None))
    return found


def missing(value: object) -> bool:
    """Tell whether a cell of a table is empty; pandas writes NaN for that."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def text_faults(text: object) -> list[str]:
    """Say what is wrong with a sentence, if anything."""
    if not isinstance(text, str):
        return [f"text is {'missing' if text is None else type(text).__name__}, expected a string"]
    if not text.strip():
        return ["text is empty"]
    if "\ufffd" in text:
        return ["text holds U+FFFD: it was decoded with the wrong encoding"]
    if any(ch < " " and ch not in "\t\n\r" for ch in text):
        return ["text holds control characters"]
    return []


def _blank(text: str) -> list[str]:
    """Say that a text is what a spreadsheet or pandas writes where there is none."""
    if text.strip().lower() in ("nan", "none", "null", "n/a", "<na>"):
        return [f"text is {text!r}, which stands for a missing value"]
    return []


def label_faults(label: object, labels: Sequence[str]) -> list[str]:
    """Say what is wrong with a label, if anything."""
    if label in labels:
        return []
    shown = "no label" if label in (None, "") else f"unknown label {label!r}"
    return [f"{shown}; expected one of {', '.join(labels)}"]


def _lines(path: Path, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                fault = f"not UTF-8 (byte {error.start}); save the file as UTF-8"
                problems.append(Problem(str(path), number, f"{fault} (a spreadsheet: CSV UTF-8)"))


def _read_jsonl(path: Path) -> tuple[list[Numbered], list[Problem]]:
    rows: list[Numbered] = []
    problems: list[Problem] = []
    for number, line in _lines(path, problems):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            problems.append(Problem(str(path), number, f"not JSON: {error}"))
            continue
        if isinstance(row, dict):
            rows.append((number, row))
        else:
            problems.append(Problem(str(path), number, "expected a JSON object"))
    return rows, problems


def _read_delimited(path: Path) -> tuple[list[Numbered], list[Problem]]:
    problems: list[Problem] = []
    rows: list[Numbered] = []
    csv.field_size_limit(sys.maxsize)
    lines = (line for _, line in _lines(path, problems))
    head = next(lines, "")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    if delimiter not in head and ";" in head:
        delimiter = ";"  # as spreadsheets write it where the comma is the decimal point
    reader = csv.reader(chain([head], lines), delimiter=delimiter)
    try:
        header = next(reader, [])
        start = reader.line_num + 1
        for fields in reader:
            if len(fields) == len(header):
                rows.append((start, dict(zip(header, fields, strict=True))))
            elif fields:
                message = f"{len(fields)} fields, expected {len(header)}: {', '.join(header)}"
                problems.append(Problem(str(path), start, message))
            start = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(str(path), reader.line_num, str(error)))
    return rows, problems


def _read_parquet(path: Path) -> tuple[list[Numbered], list[Problem]]:
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except Exception as error:  # pyarrow raises several kinds for a damaged file
        raise DataError(f"{path}: not a readable Parquet file: {error}") from None
    return list(enumerate(table.to_pylist(), start=1)), []
