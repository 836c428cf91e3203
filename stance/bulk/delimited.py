"""JSON lines, CSV and TSV, plain or compressed, as blocks of documents."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from stance.bulk.blocks import ROWS, Block, Item, item
from stance.schema import DocumentError

Row = dict[str, Any]
Read = tuple[int, Row, str | None]
"""The line a row starts on, its values, and what is wrong with it."""


def survey(path: str) -> tuple[int, Any]:
    """Return the number of rows, and an Arrow schema that holds every value.

    A column of JSON lines is bool, int64 or float64 if all its values are; else string, values of
    other types as JSON. Columns of CSV are strings.

    Raises:
        DocumentError: If the file is cut off or cannot be read.
    """
    import pyarrow

    rows, kinds = 0, dict[str, set[str]]()
    for _, row, _ in _rows(path):
        rows += 1
        for name, value in row.items():
            kinds.setdefault(name, set()).add(_kind(value))
    _check_names(kinds, path)
    types = {name: _type(found - {"null"}) for name, found in kinds.items()}
    return rows, pyarrow.schema([(name, getattr(pyarrow, t)()) for name, t in types.items()])


def check_text(field: Any) -> None:
    """Each row tells itself whether its text is a string."""


def read(path: str, text_column: str, schema: Any) -> Iterator[Block]:
    """Yield the rows in order; one that cannot be read has a fault."""
    import pyarrow

    rows = _rows(path)
    while block := list(islice(rows, ROWS)):
        items = tuple(
            _item(f"{path}:{line}", row, text_column, fault) for line, row, fault in block
        )
        names = {name for _, row, _ in block for name in row}
        held = [field for field in schema if field.name in names]
        arrays = [
            pyarrow.array([_value(row.get(f.name), f.type) for _, row, _ in block], f.type)
            for f in held
        ]
        if held:
            yield Block(items, pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(held)))
        else:
            nulls = [pyarrow.nulls(len(block), field.type) for field in schema]
            yield Block(items, pyarrow.Table.from_arrays(nulls, schema=schema))


def _item(name: str, row: Row, text_column: str, fault: str | None) -> Item:
    return item(name, row.get(text_column), fault=fault)


def _rows(path: str) -> Iterator[Read]:
    name = path.lower().removesuffix(".gz").removesuffix(".zst")
    try:
        lines = name.endswith((".jsonl", ".ndjson"))
        yield from _json_rows(path) if lines else _csv_rows(path, name)
    except (OSError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DocumentError(f"{path}: cannot be read to its end: {reason}") from None


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Yield lines; a byte that is not UTF-8 becomes half a surrogate pair."""
    import pyarrow

    compression = {".gz": "gzip", ".zst": "zstd"}.get(Path(path.lower()).suffix)
    with pyarrow.input_stream(path, compression=compression, buffer_size=1 << 20) as stream:
        for number, raw in enumerate(io.BufferedReader(stream, 1 << 20), start=1):
            encoding = "utf-8-sig" if number == 1 else "utf-8"
            yield number, raw.decode(encoding, "surrogateescape")


def _json_rows(path: str) -> Iterator[Read]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, {}, f"not JSON: {error}"
            continue
        if isinstance(row, dict):
            yield number, row, None
        else:
            yield number, {}, "expected a JSON object"


def _csv_rows(path: str, name: str) -> Iterator[Read]:
    csv.field_size_limit(sys.maxsize)
    lines = (line for _, line in _lines(path))
    head = next(lines, "")
    delimiter = "\t" if name.endswith(".tsv") else ","
    if delimiter not in head and ";" in head:
        delimiter = ";"  # as spreadsheets write it where the comma is the decimal point
    # Strict: else a quotation mark that is never closed takes in all that follows as one text.
    reader = csv.reader(chain([head], lines), delimiter=delimiter, strict=True)
    header = _header(reader, path)
    nothing: Row = dict.fromkeys(header)  # what a row that cannot be read says of the columns
    start = reader.line_num + 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            unclosed = "end of data" in str(error)
            reason = "a quotation mark is not closed to the end of the file" if unclosed else error
            yield start, nothing, f"not CSV: {reason}"
            start = reader.line_num + 1
            continue
        if fields is None:
            return
        if len(fields) == len(header):
            yield start, dict(zip(header, fields, strict=True)), None
        elif fields:
            yield start, nothing, f"{len(fields)} fields, expected {len(header)}"
        start = reader.line_num + 1


def _check_names(names: Iterable[str], path: str) -> None:
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        raise DocumentError(
            f"{path}: a column name is not UTF-8; convert it first, e.g.  iconv -f UTF-16 -t UTF-8"
        ) from None


def _header(reader: Iterator[list[str]], path: str) -> list[str]:
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise DocumentError(f"{path}: its first line is no header: {error}") from None
    _check_names(header, path)
    for name in header:
        if name and header.count(name) > 1:  # nameless ones come of commas at the ends of lines
            raise DocumentError(f"{path}: several columns are called {name!r}; rename all but one")
    return header


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "other"
    return {float: "float", str: "str"}.get(type(value), "other")


def _type(kinds: set[str]) -> str:
    if kinds == {"bool"}:
        return "bool_"
    if kinds == {"int"}:
        return "int64"
    return "float64" if kinds and kinds <= {"int", "float"} else "string"


def _value(value: Any, type_: Any) -> Any:
    if value is None or str(type_) != "string":
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()
