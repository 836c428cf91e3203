"""Documents of tables (Parquet, JSON lines, CSV) and of article files, a chunk at a time.

What a chunk holds depends on the input alone, so that a run that was cut off finds the same chunks
again.
"""

from __future__ import annotations

import glob
import hashlib
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stance.article import expand, visible
from stance.article.formats import SUFFIXES
from stance.bulk import delimited, parquet
from stance.bulk.blocks import Block, Item, empty_table, fitted, join
from stance.schema import DocumentError, Metadata, StanceError, require

CHUNK = 256
"""Documents in a chunk, about; fewer if they are long."""

CHUNK_CHARACTERS = 1_000_000
"""Characters in a chunk, about."""

READERS = {
    ".parquet": parquet,
    ".jsonl": delimited,
    ".ndjson": delimited,
    ".csv": delimited,
    ".tsv": delimited,
}
COMPRESSED = (".gz", ".zst")

METADATA = tuple(name for name in Metadata().to_dict() if name != "language")
"""Columns that article files have instead of those of a table."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Documents that are scored and recorded together.

    Attributes:
        number: From 0 on.
        block: The documents, and the columns that the input has for them.
    """

    number: int
    block: Block


def is_table(name: str) -> bool:
    """Tell a table of documents from an article."""
    return _kind(name) is not None


class Sources:
    """What a run reads: surveyed when made, read as often as wanted.

    Args:
        inputs: Tables, article files, folders and patterns (`news/*.parquet`).
        text_column: Column of the tables with the text.
        limit: The first so many documents only.
        sample: So many of these only, drawn with a fixed seed.
        outputs: What the run will write: not read, though a folder or pattern holds it.

    Attributes:
        files: What is read, in order.
        total: Documents to score.
        schema: Arrow schema of the columns that the input has.

    Raises:
        DocumentError: If nothing is found, an output is named, or a table is damaged, cut off, or
            has no such column.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        *,
        text_column: str = "text",
        limit: int | None = None,
        sample: int | None = None,
        outputs: Sequence[Path] = (),
    ) -> None:
        pyarrow = require("pyarrow", extra="bulk", purpose="scoring tables")
        self.text_column = text_column
        self.files = _found(inputs, outputs)
        self._seen = {file: _state(file) for file in self.files}
        self._tables = [file for file in self.files if is_table(file)]
        surveys = [_survey(file, text_column) for file in self._tables]
        articles = len(self.files) - len(self._tables)
        found = sum(rows for rows, _ in surveys) + articles
        schemas = [schema for _, schema in surveys]
        if articles:
            schemas.append(pyarrow.schema([(name, pyarrow.string()) for name in METADATA]))
        try:
            self.schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise DocumentError(
                f"{', '.join(self.files[:3])}: the tables do not fit together: {error}; score "
                f"them one by one"
            ) from None
        self._end = found if limit is None else min(limit, found)
        self._wanted: set[int] | None = None
        if sample is not None and sample < self._end:
            self._wanted = set(random.Random(13).sample(range(self._end), sample))
        self.total = self._end if self._wanted is None else len(self._wanted)

    @property
    def fingerprint(self) -> str:
        """A hash of the files' names, sizes and times of change."""
        content = repr([(file, self._seen[file]) for file in self.files])
        return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()

    def check_unchanged(self) -> None:
        """Refuse to go on if a table is not what it was.

        Raises:
            DocumentError: Naming it.
        """
        for file in self._tables:
            if _state(file) != self._seen[file]:
                raise DocumentError(
                    f"{file}: changed while it was read; what was scored may not belong to it any "
                    f"more: begin anew with --overwrite"
                )

    def chunks(self) -> Iterator[Chunk]:
        """Yield all documents, in order."""
        number, held, documents, characters = 0, list[Block](), 0, 0
        for block in self._blocks():
            start = 0
            for stop, item in enumerate(block.items, start=1):
                documents, characters = documents + 1, characters + item.size
                if documents >= CHUNK or characters >= CHUNK_CHARACTERS:
                    held.append(block.part(range(start, stop)))
                    yield Chunk(number, join(held))
                    number, held, documents, characters = number + 1, [], 0, 0
                    start = stop
            if start < len(block.items):
                held.append(block.part(range(start, len(block.items))))
        if held:
            yield Chunk(number, join(held))

    def _blocks(self) -> Iterator[Block]:
        start = 0
        for file in self.files:
            for block in self._read(file):
                if start >= self._end:
                    return
                stop = start + len(block.items)
                kept = [
                    n
                    for n in range(start, min(stop, self._end))
                    if self._wanted is None or n in self._wanted
                ]
                if kept:
                    chosen = block.part([n - start for n in kept])
                    items = zip(chosen.items, kept, strict=True)
                    yield replace(chosen, items=tuple(replace(item, number=n) for item, n in items))
                start = stop

    def _read(self, file: str) -> Iterator[Block]:
        kind = _kind(file)
        if kind is None:
            size = self._seen[file][0]
            yield Block((Item(name=file, path=file, size=size),), empty_table(self.schema, 1))
            return
        for block in READERS[kind].read(file, self.text_column, self.schema):
            yield Block(block.items, fitted(block.columns, self.schema))


def _kind(name: str) -> str | None:
    """Return the suffix of a table that says how it is read, or None."""
    path = Path(name.lower())
    if path.suffix in COMPRESSED:
        path = path.with_suffix("")
        return path.suffix if path.suffix in READERS and path.suffix != ".parquet" else None
    return path.suffix if path.suffix in READERS else None


def _found(inputs: Sequence[str], outputs: Sequence[Path]) -> list[str]:
    written = [path.resolve() for path in outputs]
    files: list[str] = []
    for name in inputs:
        if os.path.isdir(name):
            inside = _inside(name, written)
        elif os.path.exists(name):
            if _among(name, written):
                raise DocumentError(f"{name}: would be read and written; give another --output")
            inside = [name]
        elif glob.has_magic(name):
            inside = sorted(
                path for path in glob.glob(name, recursive=True) if os.path.isfile(path)
            )
            if not inside:
                raise DocumentError(f"{name}: no file matches this pattern")
        else:
            raise DocumentError(f"{name}: no such file")
        files += [file for file in inside if not _among(file, written)]
    if not files:
        raise DocumentError(f"{', '.join(inputs)}: nothing there but what the run writes")
    return list(dict.fromkeys(files))


def _among(file: str, written: Sequence[Path]) -> bool:
    name = os.path.basename(file)
    return any(path.name == name and path == Path(file).resolve() for path in written)


def _inside(folder: str, written: Sequence[Path]) -> list[str]:
    """Return the tables of a folder, or its articles if it has no table."""
    paths = [str(path) for path in visible(folder) if is_table(path.name)]
    tables = [path for path in paths if not _among(path, written)]
    if not tables:
        return expand([folder])
    articles = [path.name for path in visible(folder) if path.suffix.lower() in SUFFIXES]
    if articles:
        raise DocumentError(
            f"{folder}: holds tables ({Path(tables[0]).name}) and articles ({min(articles)}); say "
            f"which by a pattern, like '{Path(folder) / '*'}{Path(tables[0]).suffix}'"
        )
    return tables


def _state(file: str) -> tuple[int, int]:
    try:
        found = os.stat(file)
    except OSError as error:
        raise DocumentError(f"{file}: cannot be read: {error.strerror}") from None
    return found.st_size, found.st_mtime_ns


def _survey(file: str, text_column: str) -> tuple[int, Any]:
    kind = _kind(file)
    assert kind is not None
    rows, schema = READERS[kind].survey(file)
    if not rows:
        raise DocumentError(f"{file}: no rows")
    twice = sorted(name for name, times in Counter(schema.names).items() if times > 1)
    if twice:
        raise DocumentError(f"{file}: several columns are called {twice[0]!r}; rename all but one")
    if text_column not in schema.names:
        shown = ", ".join(map(repr, schema.names)) or "none"
        raise DocumentError(
            f"{file}: no column {text_column!r}; the columns are {shown}; name the one with the "
            f"text: --text-column"
        )
    try:
        READERS[kind].check_text(schema.field(text_column))
    except StanceError as error:
        raise DocumentError(f"{file}: {error}") from None
    return rows, schema
