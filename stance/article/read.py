"""Reads an article from a file or standard input, or says in one line why it cannot."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stance.schema import DocumentError

SUFFIXES = (".txt", ".md", ".text")
"""What is scored of a folder."""

MAX_BYTES = 50_000_000
MAX_LINE = 1_000_000
"""Characters in a line; what is longer was written by a machine for a machine."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),  # kept as a character, so that offsets stay those of the file
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """The untouched text of an article and where it came from."""

    name: str
    text: str


def expand(inputs: Iterable[str]) -> list[str]:
    """Replace each folder by the articles in it, sorted by name; leave files and `-` alone.

    Raises:
        DocumentError: If a folder holds no article.
    """
    names: list[str] = []
    for name in inputs:
        folder = Path(name)
        if name == "-" or not folder.is_dir():
            names.append(name)
            continue
        found = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise DocumentError(f"{name}: no article in this folder (looked for *.txt, *.md)")
        names.extend(found)
    return names


def read_document(name: str) -> Document:
    """Read one article.

    Args:
        name: A path, or `-` for standard input.

    Raises:
        DocumentError: If the file is missing, is not text, is empty or is too large.
    """
    shown = "<stdin>" if name == "-" else name
    return Document(shown, decode(_read_bytes(name, shown), shown))


def _read_bytes(name: str, shown: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(name, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError(f"{shown}: no such file") from None
    except IsADirectoryError:
        raise DocumentError(f"{shown}: is a folder, expected an article") from None
    except OSError as error:
        raise DocumentError(f"{shown}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise DocumentError(
            f"{shown}: larger than {MAX_BYTES // 1_000_000} MB; split it into articles first"
        )
    return content


def decode(content: bytes, shown: str) -> str:
    """Turn bytes into text, every code point kept, or refuse.

    Raises:
        DocumentError: If the bytes are empty, blank, binary, neither UTF-8 nor UTF-16, marked-up,
            or one enormous line.
    """
    encoding = next((codec for bom, codec in _BOMS if content.startswith(bom)), "utf-8")
    if encoding == "utf-8" and b"\0" in content:
        raise DocumentError(f"{shown}: not text (null bytes); expected an article as plain text")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{shown}: not {encoding.upper()} text (byte {error.start}); convert it first, e.g. "
            f"iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if not text.strip("\ufeff \t\r\n\f\v\u00a0\u200b"):
        raise DocumentError(f"{shown}: empty, nothing to score")
    control = sum(ch < " " and ch not in "\t\n\r\f\v\x1b" for ch in text[:10_000])
    if control > 0.02 * min(len(text), 10_000):
        raise DocumentError(f"{shown}: not text (control characters); expected an article")
    longest = max(map(len, text.splitlines()))
    if longest > MAX_LINE:
        raise DocumentError(
            f"{shown}: a line of {longest:,} characters, expected an article in paragraphs; "
            f"split it into articles, or lines, of under {MAX_LINE:,}"
        )
    head = text[:1000].lstrip("\ufeff \t\r\n").lower()
    if head.startswith(("<!doctype html", "<html", "%pdf-", "{\\rtf")):
        raise DocumentError(
            f"{shown}: is marked-up, expected plain text; extract the article first"
        )
    return text
