"""Word documents: the paragraphs of `word/document.xml`, read as XML without entities.

ECMA-376 Part 1, 17.3 (paragraphs and runs). Only the two parts needed are decompressed, each up to
a limit, so that a small file cannot become a large one.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import IO

from stance.article.document import Document, compose, tidy
from stance.schema import DocumentError, Metadata, require

MAX_PART = 50_000_000
"""Bytes of a decompressed part; a book of a million words has about 20 million."""

_BODY = "word/document.xml"
_PROPERTIES = "docProps/core.xml"
# Deleted and moved text, and the second rendering of a text box for older programs.
_SKIPPED = {"del", "moveFrom", "Fallback"}
_BREAKS = {"tab": " ", "br": "\n", "cr": "\n"}


def read(content: bytes, charset: str | None = None) -> Document:
    """Extract the paragraphs of a Word document; captions and tables of contents are set apart.

    Raises:
        DocumentError: If it is no Word document, is damaged, encrypted, too large, or empty.
        DependencyError: If defusedxml is not installed.
    """
    require("defusedxml", extra="read", purpose="reading a Word document")
    from defusedxml import DefusedXmlException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if _BODY not in names:
                raise DocumentError(f"is a ZIP archive without {_BODY}, expected a .docx document")
            text, apart = compose(_paragraphs(_part(archive, _BODY)))
            found = _properties(_part(archive, _PROPERTIES)) if _PROPERTIES in names else {}
    except (zipfile.BadZipFile, EOFError) as error:
        raise DocumentError(f"is no .docx document, or a damaged one ({error})") from None
    except DefusedXmlException:
        raise DocumentError("the XML of this .docx document declares entities; refused") from None
    if not text:
        raise DocumentError("no text in this document, nothing to score")
    metadata = Metadata(
        format="docx",
        title=found.get("title"),
        date=found.get("created", "")[:10] or None,
        author=found.get("creator"),
        language=found.get("language", "").partition("-")[0].lower() or None,
    )
    return Document("", text, metadata, apart)


def _part(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    with archive.open(name) as file:
        content = file.read(MAX_PART + 1)
    if len(content) > MAX_PART:
        raise DocumentError(
            f"{name} in it is larger than {MAX_PART // 1_000_000} MB decompressed; "
            f"split it into articles first"
        )
    return io.BytesIO(content)


def _paragraphs(file: IO[bytes]) -> Iterator[tuple[str, bool]]:
    """Yield each paragraph; one in a text box comes before the paragraph that holds the box."""
    from defusedxml.ElementTree import iterparse

    open_paragraphs: list[tuple[list[str], list[str]]] = []  # runs and style of each
    skipped = 0
    for event, element in iterparse(file, events=("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if tag in _SKIPPED:
            skipped += 1 if event == "start" else -1
        elif tag == "p" and event == "start":
            open_paragraphs.append(([], []))
        elif event == "end" and open_paragraphs:
            runs, styles = open_paragraphs[-1]
            if tag == "p":
                open_paragraphs.pop()
                style = "".join(styles).lower()
                yield "".join(runs), style.startswith(("caption", "toc"))
            elif tag == "pStyle":
                styles.extend(value for key, value in element.items() if key.endswith("}val"))
            elif not skipped:
                runs.append((element.text or "") if tag == "t" else _BREAKS.get(tag, ""))
        if event == "end" and tag != "t":
            element.clear()


def _properties(file: IO[bytes]) -> dict[str, str]:
    from defusedxml.ElementTree import parse

    found = {}
    for element in parse(file).getroot():
        value = tidy(element.text or "")
        if value:
            found[element.tag.rpartition("}")[2]] = value
    return found
