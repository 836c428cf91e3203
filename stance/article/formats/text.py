"""Plain text: every code point is kept, so that offsets are those of the file."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from contextlib import suppress

from stance.article.document import Document
from stance.schema import DocumentError

MAX_LINE = 1_000_000
"""Characters in a line; what is longer was written by a machine for a machine."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),  # kept as a character, so that offsets stay those of the file
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read(content: bytes, charset: str | None = None) -> Document:
    """Take a file for what it is."""
    return Document("", decode(content, charset))


def decode(content: bytes, charset: str | None = None) -> str:
    """Turn bytes into text, every code point kept, or refuse.

    Raises:
        DocumentError: If the bytes are empty, blank, binary, one enormous line, or neither
            UTF-8, UTF-16 with its mark, nor in the encoding `charset`.
    """
    marked = next((codec for bom, codec in _BOMS if content.startswith(bom)), None)
    if not marked and b"\0" in content:
        raise DocumentError("not text (null bytes); expected an article as plain text")
    text = _decoded(content, [marked] if marked else ["utf-8", *([charset] if charset else ())])
    if not text.strip("\ufeff \t\r\n\f\v\u00a0\u200b"):
        raise DocumentError("empty, nothing to score")
    control = sum(ch < " " and ch not in "\t\n\r\f\v\x1b" for ch in text[:10_000])
    if control > 0.02 * min(len(text), 10_000):
        raise DocumentError("not text (control characters); expected an article")
    longest = max(map(len, text.splitlines()))
    if longest > MAX_LINE:
        raise DocumentError(
            f"a line of {longest:,} characters, expected an article in paragraphs; "
            f"split it into articles, or lines, of under {MAX_LINE:,}"
        )
    return text


def _decoded(content: bytes, encodings: Sequence[str]) -> str:
    try:
        return content.decode(encodings[0])
    except UnicodeDecodeError as error:
        first = error
    for encoding in encodings[1:]:
        with suppress(LookupError, UnicodeError):
            return content.decode(encoding)
    raise DocumentError(
        f"not {encodings[0].upper()} text (byte {first.start}); convert it first, e.g. "
        f"iconv -f WINDOWS-1252 -t UTF-8"
    )
