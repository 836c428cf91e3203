"""Markdown, by markdown-it-py (CommonMark): the words without the marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from stance.article.document import Document, compose
from stance.schema import DocumentError, Metadata

if TYPE_CHECKING:
    from markdown_it.token import Token

# Metadata as static site generators write it; simple `key: value` lines of it are read.
_FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.S)
_KEY = re.compile(r"^(\w+):[ \t]*(.+?)[ \t]*$", re.M)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_OUTLETS = ("outlet", "publication", "publisher", "source", "site")


def read(content: bytes, charset: str | None = None) -> Document:
    """Extract the text of a Markdown file, front matter taken as metadata, code left out.

    Raises:
        DocumentError: If it is no text, or has none but code.
    """
    from markdown_it import MarkdownIt

    from stance.article.formats.text import decode

    source = decode(content, charset)
    front = _FRONT.match(source)
    keys = {}
    if front:
        keys = {key.lower(): value.strip("\"'") for key, value in _KEY.findall(front[1])}
        source = source[front.end() :]
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(source)
    text, apart = compose(_blocks(tokens))
    if not text:
        raise DocumentError("no text in this Markdown file, nothing to score")
    date = _DATE.search(keys.get("date", ""))
    metadata = Metadata(
        format="markdown",
        title=keys.get("title") or _heading(tokens),
        date=date[0] if date else None,
        outlet=next((keys[key] for key in _OUTLETS if key in keys), None),
        author=keys.get("author"),
        language=keys.get("lang") or keys.get("language"),
        url=keys.get("url"),
    )
    return Document("", text, metadata, apart)


def _blocks(tokens: list[Token]) -> Iterator[tuple[str, bool]]:
    for token in tokens:
        if token.type == "inline":
            text = _words(token)
            # A picture alone is shown with its description as a caption.
            picture = [child.type for child in token.children or ()] == ["image"]
            yield text, picture


def _words(token: Token) -> str:
    return "".join(
        "\n"
        if child.type == "hardbreak"
        else " "
        if child.type == "softbreak"
        else child.content
        if child.type in ("text", "code_inline", "image")
        else ""
        for child in token.children or ()
    )


def _heading(tokens: list[Token]) -> str | None:
    """Return the first heading of the highest rank, as the title of a file that has no other."""
    for before, token in pairwise(tokens):
        if before.type == "heading_open" and before.tag == "h1":
            return _words(token).strip() or None
    return None
