"""Reads an article from a file, the web or standard input, or says in one line why it cannot."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stance.article import worker
from stance.article.document import Document
from stance.article.formats import DATA, SUFFIXES, TYPES, recognise, text
from stance.article.language import language_of
from stance.schema import DocumentError, Metadata, Span, StanceError

MAX_BYTES = 50_000_000
SECONDS = 60.0
"""How long extracting an article may take, and half of it fetching one."""

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.I)


def is_url(name: str) -> bool:
    """Tell a URL from a path."""
    return bool(_URL.match(name))


def visible(folder: str | Path) -> list[Path]:
    """Return what a folder shows, sorted.

    Hidden files are not the user's: `.DS_Store`, `._a.txt` that a Mac puts beside `a.txt`,
    `~$a.docx` while Word has `a.docx` open.
    """
    return sorted(p for p in Path(folder).iterdir() if not p.name.startswith((".", "~$")))


def expand(inputs: Iterable[str]) -> list[str]:
    """Replace each folder by the articles in it, sorted by name; leave all else alone.

    Raises:
        DocumentError: If a folder holds no article.
    """
    names: list[str] = []
    for name in inputs:
        if name == "-" or is_url(name) or not os.path.isdir(name):
            names.append(name)
            continue
        found = [str(path) for path in visible(name) if path.suffix.lower() in SUFFIXES]
        if not found:
            kinds = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
            raise DocumentError(f"{name}: no article in this folder (looked for {kinds})")
        names.extend(found)
    return names


def read_document(name: str, *, allow_private: bool = False) -> Document:
    """Read one article: plain text, Markdown, HTML, PDF, Word (.docx) or mail (.eml).

    The format is told by the content, then by the name or the server. All but plain text is read
    in a process of its own with bounds on time and memory, see `stance.article.worker`.

    Args:
        name: A path, an `http` or `https` URL, or `-` for standard input.
        allow_private: Let a URL lead to addresses of this machine and its network.

    Raises:
        DocumentError: If it is missing, is none of these, is damaged, has no article, or is too
            large; one line that begins with the name.
        DependencyError: If the library for its format is not installed.
    """
    shown = "<stdin>" if name == "-" else name
    try:
        document = _fetched(name, allow_private) if is_url(name) else _from_file(name)
    except StanceError as error:
        raise type(error)(f"{shown}: {error}") from None
    found = document.metadata
    language = language_of(document.text) or found.language
    return replace(document, name=shown, metadata=replace(found, language=language))


def _from_file(name: str) -> Document:
    suffix = Path(name).suffix.lower()
    content = _read_bytes(name)
    if suffix in DATA:
        raise DocumentError(
            f"is data ({suffix}), expected an article ({', '.join(SUFFIXES)}); many documents go "
            f"into a table with one a row, its text in the column text (.jsonl, .csv, .parquet)"
        )
    return _extracted(content, SUFFIXES.get(suffix))


def _fetched(url: str, allow_private: bool) -> Document:
    seconds = SECONDS / 2
    request = {"do": "fetch", "url": url, "allow_private": allow_private, "seconds": seconds}
    page, content = worker.call(request, seconds=seconds + 5)
    if not content.strip():
        raise DocumentError("the server sent an empty page")
    hint = TYPES.get(page["type"]) or SUFFIXES.get(Path(page["url"]).suffix.lower())
    document = _extracted(content, hint, page["charset"])
    return replace(
        document,
        metadata=replace(
            document.metadata,
            url=page["url"],
            retrieved=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def _extracted(content: bytes, hint: str | None, charset: str | None = None) -> Document:
    format = recognise(content, hint)
    if format == "text":
        return text.read(content, charset)
    request = {"do": "extract", "format": format, "charset": charset}
    found: dict[str, Any] = worker.call(request, content, seconds=SECONDS)[0]
    return Document(
        name="",
        text=found["text"],
        metadata=Metadata(**found["metadata"]),
        boilerplate=tuple(Span(**span) for span in found["boilerplate"]),
        warnings=tuple(found["warnings"]),
    )


def _read_bytes(name: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError("no such file") from None
    except IsADirectoryError:
        raise DocumentError("is a folder, expected an article") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DocumentError(f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise DocumentError(
            f"larger than {MAX_BYTES // 1_000_000} MB; split it into articles first"
        )
    if not content.strip():
        raise DocumentError("empty, nothing to score")
    return content
