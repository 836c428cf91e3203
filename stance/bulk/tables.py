"""Scored articles as two Arrow tables: a row a sentence, a row an article."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from stance.bulk.blocks import Block
from stance.schema import ScoredArticle

DOCUMENT = "document"
"""Column of both tables with the document's place in the input, from 0 on: their key."""


class Tables:
    """The columns of the two tables.

    Args:
        example: Any scored article with a sentence: its properties become the columns.
        source: Arrow schema of the input's columns.
        text_column: The one of them that the sentence table leaves out.
    """

    def __init__(self, example: ScoredArticle, source: Any, text_column: str) -> None:
        self._text_column = text_column
        self._sentence = _schema(_sentence_rows(example)[0])
        self._article = _schema(_article_row(example))
        self.sentences = _with_input(self._sentence, source, leave_out=text_column)
        self.articles = _with_input(self._article, source)

    def of(self, scored: Sequence[ScoredArticle], block: Block) -> tuple[Any, Any]:
        """Return the tables of scored articles and what the input says of each."""
        rows, owners = [], []
        for place, (article, item) in enumerate(zip(scored, block.items, strict=True)):
            for row in _sentence_rows(article):
                rows.append({**row, DOCUMENT: item.number})
                owners.append(place)
        articles = [
            {**_article_row(article), DOCUMENT: item.number}
            for article, item in zip(scored, block.items, strict=True)
        ]
        kept = block.columns.drop_columns(
            [name for name in (self._text_column,) if name in block.columns.column_names]
        )
        return (
            _table(rows, self._sentence, kept.take(owners) if owners else kept.slice(0, 0)),
            _table(articles, self._article, block.columns),
        )


def _sentence_rows(article: ScoredArticle) -> list[dict[str, Any]]:
    return [
        {DOCUMENT: 0, "sentence": number, **row} for number, row in enumerate(article.to_rows())
    ]


def _article_row(article: ScoredArticle) -> dict[str, Any]:
    """Return what the document schema says of an article, flat, without its sentences and text."""
    low, high = article.interval or (None, None)
    return {
        DOCUMENT: 0,
        "name": article.name,
        "score": article.score,
        "interval_low": low,
        "interval_high": high,
        "sentences": len(article),
        **{f"n_{label}": count for label, count in article.counts.items()},
        "language": article.metadata.language,
        "warnings": list(article.warnings),
        "model": article.model,
    }


def _schema(row: dict[str, Any]) -> Any:
    import pyarrow

    floats = ("score", "interval_low", "interval_high")
    return pyarrow.schema(
        [(name, pyarrow.float64() if name in floats else _type(v)) for name, v in row.items()]
    )


def _type(value: Any) -> Any:
    import pyarrow

    if isinstance(value, list | tuple):
        return pyarrow.list_(pyarrow.string())
    for kind, type_ in ((bool, pyarrow.bool_), (int, pyarrow.int64), (float, pyarrow.float64)):
        if isinstance(value, kind):
            return type_()
    return pyarrow.string()


def _table(rows: list[dict[str, Any]], schema: Any, source: Any) -> Any:
    """Return our columns, and beside them the input's, renamed where the names are ours."""
    import pyarrow

    arrays = [
        pyarrow.array([_value(row[field.name], field.type) for row in rows], field.type)
        for field in schema
    ]
    names = [*schema.names, *_renamed(source.column_names, schema.names)]
    columns = [source.column(name) for name in source.column_names]
    return pyarrow.Table.from_arrays([*arrays, *columns], names=names)


def _value(value: Any, type_: Any) -> Any:
    plain = value is None or isinstance(value, str | bool | int | float)
    if plain and not (str(type_) == "string" and not isinstance(value, str | None)):
        return value
    if str(type_).startswith("list"):
        return [one if isinstance(one, str) else json.dumps(one) for one in value]
    return json.dumps(value, ensure_ascii=False)


def _renamed(names: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Return the input's column names, those that we have with `input_` before them."""
    taken = {*names, *ours}
    result = []
    for name in names:
        free = name
        while name in ours and free in taken:
            free = f"input_{free}"
        taken.add(free)
        result.append(free)
    return result


def _with_input(schema: Any, source: Any, *, leave_out: str | None = None) -> Any:
    import pyarrow

    fields = [field for field in source if field.name != leave_out]
    names = _renamed([field.name for field in fields], schema.names)
    renamed = [field.with_name(name) for field, name in zip(fields, names, strict=True)]
    return pyarrow.schema([*schema, *renamed])
