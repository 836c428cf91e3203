"""Parquet files as blocks of documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stance.bulk.blocks import ROWS, Block, item
from stance.schema import DocumentError


def survey(path: str) -> tuple[int, Any]:
    """Return the number of rows and the Arrow schema.

    Raises:
        DocumentError: If it is no whole Parquet file.
    """
    with _opened(path) as file:
        return file.metadata.num_rows, file.schema_arrow.remove_metadata()


def check_text(field: Any) -> None:
    """Refuse a text column that holds no strings.

    Raises:
        DocumentError: Saying what it holds.
    """
    import pyarrow.types as types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
        raise DocumentError(f"column {field.name!r} holds {field.type}, expected strings")


def read(path: str, text_column: str, schema: Any) -> Iterator[Block]:
    """Yield the rows in order.

    Raises:
        DocumentError: If the file is damaged.
    """
    import pyarrow

    start = 1
    with _opened(path) as file:
        batches = file.iter_batches(batch_size=ROWS)
        while True:
            try:
                batch = next(batches, None)
            except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
                raise DocumentError(
                    f"{path}: damaged near row {start}: {_line(error)}; mend it and begin anew"
                ) from None
            if batch is None:
                return
            texts = batch.column(text_column).to_pylist()
            items = tuple(item(f"{path}:{start + n}", text) for n, text in enumerate(texts))
            yield Block(items, pyarrow.Table.from_batches([batch]))
            start += len(items)


def _opened(path: str) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:
        # Without these two a whole row group would be held in memory.
        return pyarrow.parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise DocumentError(
            f"{path}: not a whole Parquet file ({_line(error)}); it may have been cut off when it "
            f"was written or copied"
        ) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
