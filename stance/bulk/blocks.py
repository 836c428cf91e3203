"""Some documents and the columns that the input has for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ROWS = 16
"""Rows that are read together."""

MAX_CHARACTERS = 5_000_000
"""A longer document is refused: its sentences would take more than a gigabyte."""


@dataclass(frozen=True, slots=True)
class Item:
    """A document of the input.

    Attributes:
        name: The file, or `FILE:ROW` with rows counted from 1.
        text: Its text, if a table had one.
        path: The file to read it from, if it is one.
        fault: Why it cannot be scored, if so.
        number: Its place in the input, from 0 on.
        size: Characters of its text, bytes of its file.
    """

    name: str
    text: str | None = None
    path: str | None = None
    fault: str | None = None
    number: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Documents, and an Arrow table of the input's columns with a row for each."""

    items: tuple[Item, ...]
    columns: Any

    def part(self, places: Sequence[int]) -> Block:
        """Return some of the documents, without a hold on the others."""
        return Block(tuple(self.items[place] for place in places), self.columns.take(list(places)))


def item(name: str, text: object, *, fault: str | None = None) -> Item:
    """Make a document of what a text column holds."""
    if fault is None:
        fault = fault_of(text)
    size = len(text) if isinstance(text, str) else 0
    return Item(name, None if fault else str(text), fault=fault, size=size)


def fault_of(text: object) -> str | None:
    """Say why a value of the text column is no document."""
    if text is None:
        return "no text (null)"
    if not isinstance(text, str):
        return f"text is of type {type(text).__name__}, expected a string"
    if not text.strip():
        return "empty, nothing to score"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "not UTF-8"
    if len(text) > MAX_CHARACTERS:
        return f"longer than {MAX_CHARACTERS // 1_000_000} million characters; split it first"
    return None


def join(blocks: Sequence[Block]) -> Block:
    """Put blocks with the same columns together."""
    import pyarrow

    items = tuple(item for block in blocks for item in block.items)
    return Block(items, pyarrow.concat_tables([block.columns for block in blocks]))


def empty_table(schema: Any, rows: int) -> Any:
    """Return a table of nulls."""
    import pyarrow

    return pyarrow.Table.from_arrays(
        [pyarrow.nulls(rows, field.type) for field in schema], schema=schema
    )


def fitted(table: Any, schema: Any) -> Any:
    """Return a table with the columns of a schema, null where it has none."""
    import pyarrow

    return pyarrow.Table.from_arrays(
        [
            table.column(field.name).cast(field.type)
            if field.name in table.column_names
            else pyarrow.nulls(len(table), field.type)
            for field in schema
        ],
        schema=schema,
    )
