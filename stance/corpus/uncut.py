"""Labelled sentences that come without splits: a user's file, a published corpus by name.

Repeated sentences are read once, then whole groups are drawn for dev and test, label by label.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stance.config import CutConfig
from stance.corpus.public import SOURCES, public_rows
from stance.corpus.standoff import split_file
from stance.corpus.table import GROUP_COLUMNS, Numbered, Row, read_numbered, text_faults
from stance.schema import DataError

logger = logging.getLogger(__name__)

PUBLIC = "public:"
"""What the name of a published corpus begins with where a path is expected."""


def is_public(path: Path) -> bool:
    """Tell whether a path names a published corpus: `public:cameo`, `public:fomc/5768`."""
    return path.as_posix().startswith(PUBLIC)


def is_corpus(path: Path) -> bool:
    """Tell whether a path names a corpus: published, or a folder with the file of a train part."""
    return is_public(path) or split_file(path, "train").is_file()


def holds_documents(path: Path) -> bool:
    """Tell whether a path names a published corpus whose rows are documents, and have no label."""
    name, _, _ = _parts(path)
    return is_public(path) and name in SOURCES and SOURCES[name].documents


def has_published_test(path: Path) -> bool:
    """Tell whether a path names a published corpus with a test part of its own."""
    name, _, test = _parts(path)
    return is_public(path) and name in SOURCES and test in SOURCES[name].files


def _parts(path: Path) -> tuple[str, str, str]:
    """Return a published corpus's name, and what its train and its test part are called."""
    name, _, variant = path.as_posix().removeprefix(PUBLIC).partition("/")
    train, test = (f"{part}-{variant}" if variant else part for part in ("train", "test"))
    return name, train, test


def read_public(path: Path, cut: CutConfig, splits: Sequence[str]) -> dict[str, list[Numbered]]:
    """Return the splits of a published corpus.

    Dev is cut from its train part. Test is its test part, as published, repeats and all, or cut
    as well if it has none; a test part is not even fetched unless `test` is among `splits`.

    Raises:
        DataError: If there is no such corpus, it has no labels, or a file of it cannot be had.
    """
    name, train, test = _parts(path)
    if holds_documents(path):
        raise DataError(
            f"{path.as_posix()}: whole documents without labels; `stance attribution train` learns "
            f"who says what from them, `stance annotate sample` draws sentences to label"
        )
    if name in SOURCES and train not in SOURCES[name].files:
        variants = [key.partition("-")[2] for key in SOURCES[name].files if key.startswith("train")]
        names = ", ".join(f"{PUBLIC}{name}/{one}".rstrip("/") for one in variants)
        raise DataError(f"{path.as_posix()}: no such part; expected {names}")
    has_test = has_published_test(path)
    rows = distinct(_readable(public_rows(name, train)), str(path))
    found = cut_by_group(rows, cut.model_copy(update={"test": 0.0}) if has_test else cut)
    if has_test:
        found["test"] = public_rows(name, test) if "test" in splits else []
    return {split: list(enumerate(part, start=1)) for split, part in found.items()}


def read_file(
    path: Path, cut: CutConfig, *, text_column: str, label_column: str
) -> dict[str, list[Numbered]]:
    """Return a labelled file cut into splits; its groups are a column of `GROUP_COLUMNS`, if any.

    Raises:
        DataError: With every fault of every row.
    """
    numbered = read_numbered(path, text_column=text_column, label_column=label_column)
    column = next((name for name in GROUP_COLUMNS if name in numbered[0][1]), None)
    named = [
        {
            **row,
            "id": str(row.get("id") or f"{path.stem}-{number}"),
            "group": str((column and row.get(column)) or row["text"]),
        }
        for number, (_, row) in enumerate(numbered, start=1)
    ]
    lines: dict[str, int] = {}
    for line, row in numbered:
        lines.setdefault(same_text(row["text"]), line)
    found = cut_by_group(distinct(named, str(path)), cut)
    return {
        split: [(lines[same_text(row["text"])], row) for row in part]
        for split, part in found.items()
    }


def distinct(rows: Sequence[Row], name: str) -> list[Row]:
    """Return each sentence once, with the label most of its copies have.

    Where two labels have as many copies, nobody knows the label: the sentence is left out.
    """
    copies: dict[str, list[Row]] = {}
    for row in rows:
        copies.setdefault(same_text(row["text"]), []).append(row)
    result = []
    for same in copies.values():
        (label, most), *others = Counter(row["label"] for row in same).most_common()
        if not others or most > others[0][1]:
            result.append({**same[0], "label": label})
    repeats, open_ = len(rows) - len(copies), len(copies) - len(result)
    if repeats or open_:
        logger.warning(
            "%s: %d repeats of a sentence are read once; %d sentences whose copies disagree on "
            "the label are left out",
            *(name, repeats, open_),
        )
    return result


def cut_by_group(rows: Sequence[Row], cut: CutConfig) -> dict[str, list[Row]]:
    """Cut rows into train, dev and test: whole groups, about the same share of each label."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    by_label: dict[str, list[str]] = {}
    for name, members in groups.items():
        label = Counter(row["label"] for row in members).most_common(1)[0][0]
        by_label.setdefault(label, []).append(name)
    drawn = random.Random(cut.seed)
    home: dict[str, str] = {}
    for label in sorted(by_label):
        names = sorted(by_label[label])
        drawn.shuffle(names)
        total = sum(len(groups[name]) for name in names)
        for split, share in (("dev", cut.dev), ("test", cut.test)):
            held = 0
            while names and held < share * total:
                home[names[-1]] = split
                held += len(groups[names.pop()])
    found: dict[str, list[Row]] = {"train": [], "dev": [], "test": []}
    for row in rows:
        found[home.get(row["group"], "train")].append(row)
    return found


def same_text(text: str) -> str:
    """Return what two copies of a sentence have in common: case and blanks do not count."""
    return " ".join(text.lower().split())


def _readable(rows: Sequence[Row]) -> list[Row]:
    """Leave out what cannot be read: the files are pinned, nobody can mend them."""
    return [row for row in rows if not text_faults(row["text"])]
