"""Turns votes and decisions into a training corpus, written out or as stand-off labels."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from stance.annotation.sheets import (
    DISAGREEMENTS,
    Votes,
    read_decisions,
    read_items,
    votes_by_item,
    write,
    write_csv,
)
from stance.corpus import SPLITS, standoff
from stance.corpus.check import FROZEN
from stance.corpus.pinned import sha256_of
from stance.corpus.table import Row
from stance.schema import DataError

HELD_OUT = 0.1
"""Share of the sentences that dev and test get, each."""


def export(
    folder: str | Path,
    votes: Votes,
    output: str | Path,
    *,
    majority: bool = False,
    repository: str | None = None,
    commit: str = "",
    root: str | Path = ".",
    licence: str = "",
) -> dict[str, int]:
    """Write a training corpus: train, dev and test, the latter pinned; no document in two.

    Args:
        folder: Folder of the annotation; what `disagreements.csv` decides wins over votes.
        votes: The readers' labels.
        output: Folder to write.
        majority: Let a majority of votes decide what nobody adjudicated.
        repository: If given, write stand-off labels (no text) that point into this public
            repository, `owner/name`, at `commit`.
        commit: The commit of `repository` that the files under `root` are.
        root: Folder that is the root of the repository.
        licence: Terms of the text in a line.

    Returns:
        Rows of each split.

    Raises:
        DataError: If disagreements are undecided, there are fewer documents than splits, or
            stand-off labels are asked of a table.
    """
    items = read_items(folder)
    by_item = votes_by_item(items, votes)
    labels = read_decisions(Path(folder) / DISAGREEMENTS)
    open_ = []
    for item, given in by_item.items():
        (label, most), *others = Counter(given.values()).most_common()
        if item in labels:
            continue
        if not others or (majority and most > others[0][1]):
            labels[item] = label
        else:
            open_.append(item)
    if open_:
        raise DataError(
            f"{folder}: {len(open_)} disagreements are undecided (the first: {open_[0]}); fill in "
            f"the column label of disagreements.csv, or let the majority decide"
        )
    splits = _splits(Counter(items[item]["document"] for item in by_item))
    rows = [
        {
            **items[item],
            "label": labels[item],
            "votes": "|".join(given.values()),
            "split": splits[items[item]["document"]],
        }
        for item, given in by_item.items()
    ]
    target = Path(output)
    if repository is None:
        _export_plain(rows, target)
    else:
        _export_standoff(rows, target, repository, commit, Path(root), licence)
    test = target / f"test.{'jsonl' if repository is None else 'csv'}"
    write(target / FROZEN, f"{sha256_of(test.read_bytes())}  {test.name}\n")
    return {split: sum(row["split"] == split for row in rows) for split in SPLITS}


def _splits(sizes: Mapping[str, int]) -> dict[str, str]:
    """Give each document a split: a tenth of the sentences to dev, a tenth to test, at least one
    document each, in an order that depends on the documents' names alone."""
    if len(sizes) < len(SPLITS):
        raise DataError(
            f"{len(sizes)} documents; a corpus of {len(SPLITS)} splits needs as many at least, "
            f"since no document may be in two"
        )
    order = sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    splits: dict[str, str] = {}
    for split in ("dev", "test"):
        rows = 0
        while not rows or (rows < HELD_OUT * sum(sizes.values()) and len(order) > len(SPLITS)):
            splits[order[0]] = split
            rows += sizes[order.pop(0)]
    return splits | dict.fromkeys(order, "train")


def _export_plain(rows: Sequence[Row], folder: Path) -> None:
    for split in SPLITS:
        lines = [
            {
                "id": row["id"],
                "text": row["sentence"],
                "label": row["label"],
                "group": row["document"],
                "votes": row["votes"],
                "context_before": row["before"] or "",
                "context_after": row["after"] or "",
            }
            for row in rows
            if row["split"] == split
        ]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write(folder / f"{split}.jsonl", text)


def _export_standoff(
    rows: Sequence[Row], folder: Path, repository: str, commit: str, root: Path, licence: str
) -> None:
    if not commit:
        raise DataError(f"stand-off labels of {repository} need the commit that its files are at")
    paths = {}
    for document in {row["document"] for row in rows}:
        if not Path(document).is_file():
            raise DataError(f"{document}: stand-off labels point into text files, not into tables")
        try:
            paths[document] = Path(document).resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            raise DataError(f"{document}: not under {root}, the root of {repository}") from None
    files = [
        {
            "repository": repository,
            "commit": commit,
            "path": path,
            "sha256": sha256_of(Path(document).read_bytes()),
            "encoding": "utf-8",
            "source": repository.rpartition("/")[2],
            "licence": licence,
        }
        for document, path in sorted(paths.items())
    ]
    write_csv(folder / standoff.FILES, standoff.FILE_COLUMNS, files)
    for split in SPLITS:
        pointers = [
            {
                **row,
                "repository": repository,
                "commit": commit,
                "path": paths[row["document"]],
                "document": paths[row["document"]],
                "sha256": sha256_of(row["sentence"].encode()),
            }
            for row in rows
            if row["split"] == split
        ]
        write_csv(folder / f"{split}.csv", standoff.COLUMNS, pointers)
