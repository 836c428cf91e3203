"""PDF, by pypdf: lines joined to paragraphs, running heads and page numbers left out."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import quantiles

from stance.article.document import Document, compose, tidy
from stance.schema import DocumentError, Metadata, require

_DIGITS = re.compile(r"\d+")
_STOP = re.compile(r"[.!?…:][\"'”’»)\]]*$")
_PAGE = re.compile(r"[-–— ]*(?:page )?\d+(?: ?(?:of|/) ?\d+)?[-–— ]*", re.IGNORECASE)
_HYPHEN = re.compile(r"\w[-‐]$")
# What programs write there unasked.
_NO_TITLE = re.compile(
    r"(?:untitled|microsoft word|document\d*|.*\.(?:docx?|indd|qxd|pdf|rtf|odt))\b.*", re.I
)
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)|table|photo(?:graph)?|source|map|chart)\s*(?:\d+\s*)?[:.|–—]", re.I
)


def read(content: bytes, charset: str | None = None) -> Document:
    """Extract the text of a PDF.

    Raises:
        DocumentError: If it is damaged, needs a password, or has no text (a scan).
        DependencyError: If pypdf is not installed.
    """
    pypdf = require("pypdf", extra="read", purpose="reading a PDF")
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        # Many are encrypted with an empty password, only to forbid changes; they open.
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("encrypted PDF, it needs a password; save a copy without one")
        pages = [_lines(page.extract_text()) for page in reader.pages]
        found = reader.metadata
        title = tidy(found.title or "") if found else ""
        author = tidy(found.author or "") if found else ""
        date = found.creation_date_raw if found else None
    except pypdf.errors.DependencyError as error:
        raise DocumentError(f"encrypted PDF, and {error}") from None
    except pypdf.errors.PyPdfError as error:
        raise DocumentError(f"damaged PDF ({error}); try to print it to a new PDF") from None
    if not any(pages):
        raise DocumentError(
            "no text on any page of this PDF (a scan?); "
            "recognise its text first, e.g. with ocrmypdf"
        )
    text, apart = compose(_paragraphs(_without_running_heads(pages)))
    metadata = Metadata(
        format="pdf",
        title=title if title and not _NO_TITLE.fullmatch(title) else None,
        date=_date(str(date or "")),
        author=author or None,
    )
    empty = sum(not page for page in pages)
    warnings = (f"no text on {empty} of {len(pages)} pages (scanned?)",) if empty else ()
    return Document("", text, metadata, apart, warnings)


def _lines(page: str) -> list[str]:
    return [line for line in tidy(page).split("\n") if line]


def _date(raw: str) -> str | None:
    """Return the day of a PDF date such as `D:20240503091200+02'00'`."""
    match = re.match(r"(?:D:)?(\d{4})(\d{2})(\d{2})", raw)
    return "-".join(match.groups()) if match else None


def _without_running_heads(pages: Sequence[list[str]]) -> list[str]:
    """Join pages; leave out first and last lines that recur on most, page numbers aside."""
    edges = Counter(
        shape for page in pages for shape in {_shape(line) for line in (*page[:2], *page[-2:])}
    )
    often = max(2, len(pages) / 2)
    lines = []
    for page in pages:
        for number, line in enumerate(page):
            edge = number < 2 or number >= len(page) - 2
            if not (edge and (_PAGE.fullmatch(line) or edges[_shape(line)] >= often)):
                lines.append(line)
    return lines


def _shape(line: str) -> str:
    return _DIGITS.sub("0", line.casefold())


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Join hard-wrapped lines: a paragraph ends with a stop on a line that is not full.

    A heading is a line much shorter than the column that the next does not continue.
    """
    full = quantiles(map(len, lines), n=4)[2] if len(lines) > 1 else 0
    parts: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        parts.append(line)
        goes_on = following[:1].islower() or (
            len(line) > 0.8 * full if _STOP.search(line) else len(line) > 0.65 * full
        )
        if not following or not goes_on:
            paragraph = _joined(parts)
            yield paragraph, bool(_CAPTION.match(paragraph))
            parts = []


def _joined(parts: Sequence[str]) -> str:
    """Join lines; a word that was broken at a line's end is made whole."""
    text = ""
    for part in parts:
        if _HYPHEN.search(text) and part[:1].islower():
            text = text[:-1] + part
        else:
            text = f"{text} {part}" if text else part
    return text
