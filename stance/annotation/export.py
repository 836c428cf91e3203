"""Turns votes and decisions into a training corpus, written out or as stand-off labels."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
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
from stance.article.formats import SUFFIXES as FORMATS
from stance.corpus import SPLITS, standoff
from stance.corpus.check import FROZEN
from stance.corpus.pinned import PinnedFile, sha256_of
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
        DataError: If disagreements are undecided, there are fewer documents than splits, the folder
            is not empty, or a pointer would not lead back to its sentence.
    """
    target = Path(output)
    if target.is_dir() and any(target.iterdir()):
        raise DataError(f"{output}: holds something already; name another folder")
    if (repository is None) != (not commit):
        raise DataError("stand-off labels need both a repository and the commit its files are at")
    if repository is not None:
        PinnedFile(repository, commit, "", "")  # refuses what leads nowhere
    items = read_items(folder)
    by_item = votes_by_item(items, votes)
    labels = read_decisions(folder)
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
            f"{folder}: {len(open_)} disagreements are undecided (the first: {open_[0]}); have "
            f"`stance annotate agree` write {DISAGREEMENTS} and fill in its column label"
            + (
                "; these have no majority"
                if majority
                else ", or let the majority decide: --majority"
            )
        )
    splits = _splits({items[item]["document"] for item in by_item})
    rows = [
        {
            **items[item],
            "label": labels[item],
            "votes": "|".join(given.values()),
            "split": splits[items[item]["document"]],
        }
        for item, given in by_item.items()
    ]
    if repository is None:
        _export_plain(rows, target)
    else:
        _export_standoff(rows, target, repository, commit, Path(root), licence)
    test = standoff.split_file(target, "test")
    write(target / FROZEN, f"{sha256_of(test.read_bytes())}  {test.name}\n")
    return {split: sum(row["split"] == split for row in rows) for split in SPLITS}


def _splits(documents: Iterable[str]) -> dict[str, str]:
    """Give each document a split by a hash of its name: a tenth to dev, a tenth to test.

    So a document keeps its split when more is labelled. Only if a split came out empty does the
    document nearest to it move.
    """
    point = {d: int(hashlib.sha256(d.encode()).hexdigest()[:8], 16) / 2**32 for d in documents}
    if len(point) < len(SPLITS):
        raise DataError(
            f"{len(point)} documents; a corpus of {len(SPLITS)} splits needs as many at least, "
            f"since no document may be in two"
        )
    order = sorted(point, key=lambda document: point[document])
    test = max(1, sum(point[document] < HELD_OUT for document in order))
    dev = max(test + 1, sum(point[document] < 2 * HELD_OUT for document in order))
    train = min(dev, len(order) - 1)
    test, dev = min(test, train - 1), train
    return {
        document: "test" if rank < test else "dev" if rank < dev else "train"
        for rank, document in enumerate(order)
    }


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
                "sample": row["sample"],
            }
            for row in rows
            if row["split"] == split
        ]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write(folder / f"{split}.jsonl", text)


def _export_standoff(
    rows: Sequence[Row], folder: Path, repository: str, commit: str, root: Path, licence: str
) -> None:
    paths, files = {}, []
    for document in sorted({row["document"] for row in rows}):
        content = _verified(document, [row for row in rows if row["document"] == document])
        try:
            paths[document] = Path(document).resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            raise DataError(f"{document}: not under {root}, the root of {repository}") from None
        files.append(
            {
                "repository": repository,
                "commit": commit,
                "path": paths[document],
                "sha256": sha256_of(content),
                "encoding": "utf-8",
                "source": repository.rpartition("/")[2],
                "licence": licence,
            }
        )
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


def _verified(document: str, rows: Sequence[Row]) -> bytes:
    """Return a document's bytes if every row leads back to the sentence that was read."""
    if not Path(document).is_file() or not all(row["start"] for row in rows):
        raise DataError(
            f"{document}: no such file here; stand-off labels point into text files (not into "
            f"tables or other corpora), named as they were when the sentences were drawn"
        )
    if FORMATS.get(Path(document).suffix.lower(), "text") != "text":
        raise DataError(
            f"{document}: not plain text; stand-off labels point into text files, and an extracted "
            f"text has other offsets than its file"
        )
    content = Path(document).read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{document}: not UTF-8; stand-off labels need files that are") from None
    for row in rows:
        if standoff.clean(text[int(row["start"]) : int(row["end"])]) != row["sentence"]:
            raise DataError(f"{document}: changed since {row['id']} was drawn from it; draw again")
    return content
