"""Labels of sentences that belong to others: pointers into public files, and no text.

A folder of stand-off labels holds

    files.csv     the public files: repository, commit, path, sha256, encoding, source, licence;
                  for a table also the columns that hold the key and the sentence
    train.csv, dev.csv, test.csv     a sentence a row: which file and document, offsets (or a row
                  key), sha256 of its text, label, votes, rule, form
    any other.csv of the same columns, e.g. sentences without a label

Loading it fetches the files, cuts every sentence out, and checks each against its sum, so that
what is trained on is what was read and labelled.
"""

from __future__ import annotations

import csv
import html
import io
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from stance.corpus import pinned
from stance.corpus.pinned import PinnedFile, sha256_of
from stance.corpus.table import Numbered, Row, read_rows
from stance.schema import DataError, Problem

logger = logging.getLogger(__name__)

FILES = "files.csv"
"""The file that makes a folder one of stand-off labels."""

FILE_COLUMNS = (
    "repository",
    "commit",
    "path",
    "sha256",
    "encoding",
    "source",
    "licence",
    "key_column",
    "text_column",
    "document_column",
)
COLUMNS = (
    "id",
    "repository",
    "commit",
    "path",
    "document",
    "row",
    "start",
    "end",
    "before_start",
    "after_end",
    "sha256",
    "label",
    "votes",
    "rule",
    "form",
    "sample",
)
"""Columns of a split; `row` is the key in a table, the four offsets (in code points of the decoded
file) are those of the sentence and of the one before and after it."""

DOWNLOADS = 8
"""Files downloaded at a time."""


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A public file and how to read it.

    Attributes:
        pinned: Where it is and what its sum is.
        encoding: How its bytes become text.
        source: Short name of the collection, e.g. `presidents`.
        licence: Terms in a line.
        key_column: For a table, the column with a row's key; else empty.
        text_column: For a table, the column with the sentence; else empty.
        document_column: For a table, the column with the document, which neighbours share.
    """

    pinned: PinnedFile
    encoding: str
    source: str
    licence: str
    key_column: str
    text_column: str
    document_column: str


def is_standoff(folder: Path) -> bool:
    """Tell whether a folder holds stand-off labels."""
    return (folder / FILES).is_file()


def is_pointers(path: Path) -> bool:
    """Tell whether a file is a table of a folder of stand-off labels."""
    listed = path.suffix == ".csv" and path.name != FILES
    return listed and path.is_file() and is_standoff(path.parent)


def split_file(folder: Path, split: str) -> Path:
    """Return the file of a split: a table of pointers, or sentences written out."""
    return folder / f"{split}{'.csv' if is_standoff(folder) else '.jsonl'}"


def clean(cut: str) -> str:
    """Return a sentence as it is labelled: entities resolved, blanks and line ends made one blank.

    Its sha256 (of the UTF-8 bytes) is the one in the table.
    """
    return " ".join(html.unescape(cut).split())


def read_files(folder: Path) -> dict[tuple[str, str], PublicFile]:
    """Return the public files of a folder by repository and path.

    Raises:
        DataError: If the list lacks a column or names a file twice.
    """
    path = folder / FILES
    rows, problems = read_rows(path)
    found: dict[tuple[str, str], PublicFile] = {}
    for line, row in rows:
        if missing := [name for name in FILE_COLUMNS if name not in row]:
            raise DataError(f"{path}: no column {', '.join(missing)}")
        key = (row["repository"], row["path"])
        if key in found:
            problems.append(Problem(str(path), line, f"{' '.join(key)} is listed again"))
        found[key] = PublicFile(
            PinnedFile(row["repository"], row["commit"], row["path"], row["sha256"]),
            *(row[name] or "" for name in FILE_COLUMNS[4:]),
        )
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    return found


def fetch_files(
    files: Iterable[PublicFile], *, progress: Callable[[int, int], None] | None = None
) -> dict[tuple[str, str], str]:
    """Return the decoded text of public files, downloading those not at hand.

    Each file is kept as it comes, so the next call goes on where this one was interrupted.

    Args:
        files: What to get.
        progress: Told how many files of how many are there.

    Raises:
        DataError: Saying how many files are missing, which, and why the first of them is.
    """
    wanted = sorted(files, key=lambda file: (file.pinned.repository, file.pinned.path))
    texts: dict[tuple[str, str], str] = {}

    def keep(file: PublicFile, content: bytes) -> None:
        texts[file.pinned.repository, file.pinned.path] = _decoded(file, content)
        if progress is not None:
            progress(len(texts), len(wanted))

    missing = []
    for file in wanted:
        content = pinned.at_hand(file.pinned)
        if content is None:
            missing.append(file)
        else:
            keep(file, content)
    if not missing:
        return texts
    logger.warning("%d of %d public files to download", len(missing), len(wanted))
    faults: dict[str, DataError] = {}
    # Its threads end with the process, which an impatient user must not wait for.
    with ThreadPool(DOWNLOADS) as pool:
        jobs = [pool.apply_async(pinned.download, (file.pinned,)) for file in missing]
        for file, job in zip(missing, jobs, strict=True):
            try:
                content = job.get()
            except DataError as error:
                faults[file.pinned.path] = error
                if len(faults) >= DOWNLOADS:  # not these files: the network, for which all wait
                    break
            else:
                keep(file, content)
        lost = sum(not (job.ready() and job.successful()) for job in jobs)
    if faults:
        first, *others = faults
        also = f"; also {', '.join(others)}" if others and len(faults) == lost else ""
        which = "; the first" if lost > 1 else ""
        raise DataError(
            f"{lost} of {len(wanted)} public files are not at hand{which}: {faults[first]}{also}"
        )
    return texts


def _decoded(file: PublicFile, content: bytes) -> str:
    """Decode without translating line ends: offsets count the file's own characters."""
    try:
        return content.decode(file.encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise DataError(f"{FILES}: {file.pinned.path} is not {file.encoding!r} ({error})") from None


def read_standoff(
    folder: Path, splits: Sequence[str], *, progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, list[Numbered]], list[Problem]]:
    """Rebuild the sentences of a folder of stand-off labels.

    Args:
        folder: Folder with `files.csv` and a table for each split.
        splits: Which of them to read.
        progress: As for `fetch_files`.

    Returns:
        For each split its rows with their lines: id, text, label, group (the document), source,
        context_before, context_after and the other columns; and the faults found.

    Raises:
        DataError: If a public file is missing or changed, or a table cannot be read at all.
    """
    files = read_files(folder)
    tables: dict[str, list[Numbered]] = {}
    problems: list[Problem] = []
    for split in splits:
        path = split_file(folder, split)
        tables[split], faults = read_rows(path)
        problems.extend(faults)
        if tables[split] and (missing := [c for c in COLUMNS if c not in tables[split][0][1]]):
            raise DataError(f"{path}: no column {', '.join(missing)}")
    used = {(row["repository"], row["path"]) for rows in tables.values() for _, row in rows}
    if unlisted := sorted(used - set(files)):
        raise DataError(f"{folder / FILES}: does not list {' '.join(unlisted[0])}")
    for file in {files[key].source: files[key] for key in sorted(used)}.values():
        logger.warning(
            "%s: %s (%s)", file.source, file.licence or "terms not stated", file.pinned.repository
        )
    cutter = _Cutter(files, fetch_files([files[key] for key in used], progress=progress))
    rebuilt: dict[str, list[Numbered]] = {}
    for split, rows in tables.items():
        rebuilt[split] = []
        for line, row in rows:
            try:
                rebuilt[split].append((line, cutter.cut(row)))
            except (DataError, ValueError, KeyError) as error:
                problems.append(Problem(str(split_file(folder, split)), line, str(error)))
    return rebuilt, problems


class _Cutter:
    """Cuts sentences and their neighbours out of decoded files."""

    def __init__(
        self, files: dict[tuple[str, str], PublicFile], texts: dict[tuple[str, str], str]
    ) -> None:
        self._files = files
        self._texts = texts
        self._tables: dict[tuple[str, str], _Table] = {}

    def cut(self, row: Row) -> Row:
        key = (row["repository"], row["path"])
        file = self._files[key]
        if row["commit"] != file.pinned.commit:
            raise DataError(f"commit {row['commit'][:12]} is not the one in {FILES}")
        if file.key_column:
            before, text, after = self._from_table(key, file, row["row"])
        else:
            before, text, after = self._from_text(self._texts[key], row)
        if sha256_of(text.encode()) != row["sha256"]:
            raise DataError(
                f"{row['id']}: the sentence cut from {row['path']} is not the one that was "
                f"labelled (sha256 differs); the offsets or the file's encoding changed"
            )
        kept = {name: row[name] for name in ("label", "votes", "form", "sample") if row[name]}
        context = {"context_before": before, "context_after": after}
        return {
            "id": row["id"],
            "text": text,
            "group": row["document"],
            "source": file.source,
            "rule": int(row["rule"] or 0),
            **kept,
            **{name: value for name, value in context.items() if value},
        }

    def _from_text(self, text: str, row: Row) -> tuple[str, str, str]:
        start, end = int(row["start"]), int(row["end"])
        if not 0 <= start < end <= len(text):
            raise DataError(f"{row['id']}: offsets {start} to {end} are not in {row['path']}")
        before = text[int(row["before_start"]) : start] if row["before_start"] else ""
        after = text[end : int(row["after_end"])] if row["after_end"] else ""
        return clean(before), clean(text[start:end]), clean(after)

    def _from_table(
        self, key: tuple[str, str], file: PublicFile, row_key: str
    ) -> tuple[str, str, str]:
        if key not in self._tables:
            self._tables[key] = _Table(self._texts[key], file)
        return self._tables[key].around(row_key)


class _Table:
    """A delimited file whose rows are sentences, in reading order."""

    def __init__(self, text: str, file: PublicFile) -> None:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self._name = file.pinned.path
        for column in (file.key_column, file.text_column, file.document_column):
            if column and rows and column not in rows[0]:
                raise DataError(f"{self._name}: no column {column!r}, which {FILES} names")
        self._keys = {row[file.key_column]: number for number, row in enumerate(rows)}
        self._texts = [clean(row[file.text_column] or "") for row in rows]
        self._documents = [row.get(file.document_column) for row in rows]

    def around(self, key: str) -> tuple[str, str, str]:
        if key not in self._keys:
            raise DataError(f"{self._name}: no row {key!r}")
        number = self._keys[key]
        return self._neighbour(number, -1), self._texts[number], self._neighbour(number, 1)

    def _neighbour(self, number: int, step: int) -> str:
        """Return the next sentence of the document; a table may repeat a sentence row after row."""
        other = number + step
        while 0 <= other < len(self._texts) and self._documents[other] == self._documents[number]:
            if self._texts[other] != self._texts[number]:
                return self._texts[other]
            other += step
        return ""
