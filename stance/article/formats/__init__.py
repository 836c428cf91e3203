"""One module a format: from a file's content to a document, or a line that says why not.

Each `read(content, charset)` raises a `DocumentError` without the file's name, which the caller
knows. What a file holds was written by strangers: see `stance.article.worker` for the bounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from stance.article.document import Document
from stance.schema import DocumentError, StanceError

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        ".txt": "text",
        ".text": "text",
        ".md": "markdown",
        ".markdown": "markdown",
        ".html": "html",
        ".htm": "html",
        ".xhtml": "html",
        ".pdf": "pdf",
        ".docx": "docx",
        ".eml": "mail",
    }
)
"""The format that a file's name tells; its content wins where it says otherwise."""

DATA = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
"""Files that would read as text, of which nothing is an article: its marks would be scored."""

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "text/markdown": "markdown",
        "text/html": "html",
        "application/xhtml+xml": "html",
        "message/rfc822": "mail",
    }
)
"""The format that a server's media type tells."""

_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "docx"),
    (b"PK\x05\x06", "docx"),  # an archive of nothing
)
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old or encrypted Office file; save it as .docx without a password"),
    (b"{\\rtf", "RTF; save it as .docx or plain text"),
    (b"\x89PNG", "a picture, expected an article"),
    (b"\xff\xd8\xff", "a picture, expected an article"),
    (b"GIF8", "a picture, expected an article"),
    (b"\x1f\x8b", "compressed (gzip); decompress it first"),
)
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b",
    re.I | re.S,
)
_HEADER = re.compile(rb"[A-Za-z-]+:[ \t]|[ \t]+\S|From ")
_MAIL = re.compile(rb"^(?:message-id|mime-version|return-path|received):", re.I | re.M)


def recognise(content: bytes, hint: str | None) -> str:
    """Tell the format of a file.

    Args:
        content: The file.
        hint: The format that its name or its server tells, if any.

    Raises:
        DocumentError: If it is of a kind that is never read.
    """
    head = content[:4096]
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise DocumentError(f"is {what}")
    for magic, format in _MAGIC:
        if head.lstrip()[:1024].startswith(magic):
            return format
    if _HTML.match(head):
        return "html"
    if hint in ("html", "mail", "markdown"):
        return hint
    # A mail without a name of its own, as from standard input: nothing but headers, some telling.
    headers = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if _MAIL.search(headers) and all(map(_HEADER.match, headers.split(b"\n")[:5])):
        return "mail"
    # A file that is named .pdf or .docx and is neither is refused by the format's own reader.
    return hint or "text"


def extract(format: str, content: bytes, charset: str | None = None) -> Document:
    """Extract an article from a file of another format than plain text.

    Args:
        format: One of the values of `SUFFIXES` but `text`.
        content: The file.
        charset: The encoding that a server told, if any.

    Returns:
        A document without a name.

    Raises:
        DocumentError: If there is no article in it; the message lacks the name.
        DependencyError: If the library for it is not installed.
    """
    read = import_module(f"stance.article.formats.{format}").read
    try:
        document: Document = read(content, charset)
    except (StanceError, MemoryError):
        raise
    except Exception as error:  # what the libraries raise on damaged files is any error at all
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DocumentError(f"damaged {format} file, it cannot be read ({reason})") from error
    return document
