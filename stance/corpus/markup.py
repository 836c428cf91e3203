"""Running text with its attributions marked: `[S1 She] [C1 said] [Q1 it was late].`

Parts with the same digit belong together, within a paragraph; `[S12 She]` is the source of two. A
line `=== name | kind` begins a text; lines before the first are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from stance.schema import Attribution, DataError, Problem, Span

_MARK = re.compile(r"\[([SCQ])(\d+) ([^\[\]]+)\]")


def read_markup(path: Path) -> list[tuple[str, str, tuple[Attribution, ...]]]:
    """Return the name, the text and the attributions of each text of a file.

    Raises:
        DataError: With every stray bracket and every attribution without content.
    """
    texts = []
    problems = []
    head, *sections = path.read_text(encoding="utf-8").split("\n=== ")
    line = head.count("\n") + 2
    for section in sections:
        title, _, body = section.partition("\n")
        text, marked, faults = "", [], []
        for paragraph in body.strip("\n").split("\n\n"):
            plain, said = _paragraph(paragraph, len(text) + 2 if text else 0)
            text = f"{text}\n\n{plain}" if text else plain
            marked += said
            if "[" in plain or "]" in plain:
                faults.append(f"stray bracket: {plain[:60]!r}")
            faults += [f"no content: {paragraph[:60]!r}" for a in said if not a.contents]
        problems += [Problem(str(path), line, fault) for fault in faults]
        texts.append((title.partition(" | ")[0], text, tuple(marked)))
        line += section.count("\n") + 1
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    return texts


def _paragraph(marked: str, offset: int) -> tuple[str, list[Attribution]]:
    """Return a paragraph without its marks, and its attributions in a text where it begins."""
    plain = ""
    last = 0
    parts: dict[str, dict[str, list[Span]]] = {}
    for mark in _MARK.finditer(marked):
        plain += marked[last : mark.start()]
        kind, digits, words = mark.groups()
        span = Span(offset + len(plain), offset + len(plain) + len(words))
        for digit in digits:
            parts.setdefault(digit, {"S": [], "C": [], "Q": []})[kind].append(span)
        plain += words
        last = mark.end()
    plain += marked[last:]
    return plain, list(_attributions(parts))


def _attributions(parts: dict[str, dict[str, list[Span]]]) -> Iterator[Attribution]:
    for said in parts.values():
        yield Attribution(tuple(said["S"]), tuple(said["C"]), tuple(said["Q"]))
