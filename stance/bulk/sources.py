"""Documents of tables (Parquet, JSON lines, CSV) and of article files, a chunk at a time.

What a chunk holds depends on the input alone, so that a run that was cut off finds the same chunks
again.
"""

from __future__ import annotations

import glob
import hashlib
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stance.article import expand
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

    Attributes:
        files: What is read, in order.
        total: Documents to score.
        schema: Arrow schema of the columns that the input has.

    Raises:
        DocumentError: If nothing is found, or a table is damaged, cut off, or has no such column.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        *,
        text_column: str = "text",
        limit: int | None = None,
        sample: int | None = None,
    ) -> None:
        pyarrow = require("pyarrow", extra="bulk", purpose="scoring tables")
        self.text_column = text_column
        self.files = _found(inputs)
        self._seen = {file: _state(file) for file in self.files}
        surveys = [_survey(file, text_column) for file in self.files if is_table(file)]
        articles = sum(not is_table(file) for file in self.files)
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
        for file in self.files:
            if is_table(file) and _state(file) != self._seen[file]:
                raise DocumentError(
                    f"{file}: changed while it was read; what was scored may not belong to it any "
                    f"more: begin anew with --overwrite"
                )

    def chunks(self) -> Iterator[Chunk]:
        """Yield all documents, in order."""
        number, held, characters = 0, [], 0
        for block in self._blocks():
            held.append(block)
            characters += sum(len(item.text or "") for item in block.items)
            if sum(len(b.items) for b in held) >= CHUNK or characters >= CHUNK_CHARACTERS:
                yield Chunk(number, join(held))
                number, held, characters = number + 1, [], 0
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
                    items = tuple(replace(block.items[n - start], number=n) for n in kept)
                    columns = block.columns.take([n - start for n in kept])
                    yield Block(items, columns)
                start = stop

    def _read(self, file: str) -> Iterator[Block]:
        kind = _kind(file)
        if kind is None:
            yield Block((Item(name=file, path=file),), empty_table(self.schema, 1))
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


def _found(inputs: Sequence[str]) -> list[str]:
    files: list[str] = []
    for name in inputs:
        if os.path.isdir(name):
            inside = sorted(str(path) for path in Path(name).iterdir() if is_table(path.name))
            files += inside or expand([name])
        elif os.path.exists(name):
            files.append(name)
        elif glob.has_magic(name):
            matching = sorted(
                path for path in glob.glob(name, recursive=True) if os.path.isfile(path)
            )
            if not matching:
                raise DocumentError(f"{name}: no file matches this pattern")
            files += matching
        else:
            raise DocumentError(f"{name}: no such file")
    return list(dict.fromkeys(files))


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
