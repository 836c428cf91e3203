"""An article as it was read: its text, what it says of itself, what is set apart in it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from stance.article.language import language_of
from stance.article.sentences import Sentences, split
from stance.schema import DocumentError, Metadata, Span

MAX_CHARACTERS = 1_000_000
"""A long book; what is longer is no article, and is refused before hours are spent on it."""

# Never seen by a reader, yet found in what is extracted: control characters, halves of surrogate
# pairs (which no file can hold), soft hyphens.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\xad\ud800-\udfff]")
_BLANKS = re.compile(r"[^\S\n]+")


@dataclass(frozen=True, slots=True)
class Document:
    """The text of an article and where it came from.

    Attributes:
        name: A path, a URL, or `<stdin>`.
        text: What is scored; every span of the article indexes it. A plain text file's is its
            content, untouched; another format's is what was extracted, untouched from then on.
        metadata: Title, date, outlet and language, as far as they are known.
        boilerplate: Spans of `text` that the format marks as no part of the article (captions,
            quoted mail), in order.
        warnings: What the reader should know of the reading, such as attachments left out.
    """

    name: str
    text: str
    metadata: Metadata = field(default_factory=Metadata)
    boilerplate: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()


def split_document(document: Document) -> Sentences:
    """Split a document into sentences, what its format sets apart left out of them."""
    parts = split(document.text)
    apart = document.boilerplate
    if not apart:
        return parts

    def outside(spans: tuple[Span, ...]) -> list[Span]:
        ends = [span.end for span in apart]  # of spans in order that do not overlap
        nearest = [(span, bisect_right(ends, span.start)) for span in spans]
        return [s for s, i in nearest if i == len(apart) or apart[i].start >= s.end]

    return replace(
        parts,
        sentences=tuple(outside(parts.sentences)),
        boilerplate=tuple(sorted([*outside(parts.boilerplate), *apart], key=lambda s: s.start)),
    )


def texts_of(document: Document, parts: Sentences) -> list[str]:
    """Return the sentences themselves."""
    return [document.text[span.start : span.end] for span in parts.sentences]


def tidy(text: str) -> str:
    """Return extracted text with single blanks, trimmed lines and no unseen characters."""
    lines = _BLANKS.sub(" ", _UNSEEN.sub("", text)).split("\n")
    return "\n".join(line.strip() for line in lines).strip("\n")


def compose(blocks: Iterable[tuple[str, bool]]) -> tuple[str, tuple[Span, ...]]:
    """Join paragraphs to a text, an empty line between two.

    Args:
        blocks: Each paragraph with whether it is boilerplate; blank ones are left out.

    Returns:
        The text, and the spans of its boilerplate.
    """
    parts: list[str] = []
    spans: list[Span] = []
    start = 0
    for block, apart in blocks:
        part = tidy(block)
        if not part:
            continue
        if apart:
            spans.append(Span(start, start + len(part)))
        parts.append(part)
        start += len(part) + 2
    return "\n\n".join(parts), tuple(spans)


def document_of(article: object, name: str | None) -> Document:
    """Return an article, plain text or a document, as a document.

    Raises:
        DocumentError: If it is neither, if there is no text, or more than `MAX_CHARACTERS`.
    """
    if isinstance(article, Document):
        document = replace(article, name=name or article.name)
    elif isinstance(article, str):
        metadata = Metadata(language=language_of(article))
        document = Document(name or "<text>", article, metadata)
    else:
        found = type(article).__name__
        raise DocumentError(f"{name or '<text>'}: expected a string or a document, found {found}")
    if not document.text.strip():
        raise DocumentError(f"{document.name}: empty, nothing to score")
    if len(document.text) > MAX_CHARACTERS:
        raise DocumentError(
            f"{document.name}: {len(document.text):,} characters, expected one article (at most "
            f"{MAX_CHARACTERS:,}); split it, or score it as rows of a table (docs/BULK.md)"
        )
    return document
