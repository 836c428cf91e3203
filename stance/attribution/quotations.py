"""Quotation marks: from which to which a quotation runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stance.schema import Span

_CLOSES = {
    "“": '”"',
    "„": '“”"',
    "«": "»",
    "‘": "’",
    '"': '"”',
    "'": "'’",
    "``": ("''",),
    "''": ("''",),
}
"""What ends a quotation, by what opens it."""

# A mark that opens stands before a word and after a blank, a dash or a bracket; a single one that
# closes is no apostrophe of a word.
_OPENS = re.compile(
    r"(?:(?<=[\s(\[—–:-])|^)(?:``|''(?=\S)|\"(?=\S)|'(?=[^\s\d']))|[“„«]|(?<!\w)‘(?=\S)",
    re.MULTILINE,
)
_MARKS = re.compile(r"``|''|[\"“”„«»‘’']")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")

_LETTERS = re.compile(r"[^\W\d_]+")
_ENDS = tuple(",.?!…—")

LONGEST = 4000
"""Characters after which an unclosed single mark is taken for none."""


def quotations(text: str) -> list[Span]:
    """Return the outermost quotations of a text in order, marks included.

    One that is not closed in its paragraph runs to the paragraph's end, as in a speech quoted over
    several; an unclosed single mark is no quotation.
    """
    found: list[Span] = []
    start = 0
    for gap in (*_PARAGRAPH.finditer(text), None):
        end = gap.start() if gap else len(text)
        found += _of_paragraph(text, start, end)
        start = gap.end() if gap else end
    return found


def is_speech(text: str, quotation: Span) -> bool:
    """Return whether a quotation is speech and not a title or a word in inverted commas.

    It has three words or more, not only the short ones in lower case, and before the closing mark a
    stop or a comma; or it is not closed, but the next paragraph opens with a mark again.
    """
    words = _LETTERS.findall(text, quotation.start, quotation.end)
    lower = [word for word in words if word[0].islower()]
    if len(words) < 3 or (2 * len(lower) <= len(words) and max(map(len, lower), default=0) < 4):
        return False
    said = text[quotation.start : quotation.end]
    inside = said.rstrip("\"”’'“»")
    if len(inside) < len(said):
        return inside.rstrip().endswith(_ENDS)
    return _goes_on(text, quotation)


def numbered(text: str, quoted: Sequence[Span]) -> list[int]:
    """Return a number for each quotation, the same for those that are one over paragraphs."""
    found: list[int] = []
    for number, quotation in enumerate(quoted):
        one = number > 0 and _goes_on(text, quoted[number - 1])
        found.append(found[-1] if one else quotation.start)
    return found


def _goes_on(text: str, quotation: Span) -> bool:
    """Return whether a quotation is not closed, and the next paragraph opens with a mark again."""
    if text[quotation.end - 1] in "\"”’'“»":
        return False
    gap = _PARAGRAPH.match(text, quotation.end)
    return gap is not None and _OPENS.match(text, gap.end()) is not None


def _of_paragraph(text: str, start: int, end: int) -> Iterator[Span]:
    place = barren = start
    while (opening := _OPENS.search(text, place, end)) is not None:
        place = opening.end()
        close = _close(text, opening, end, after=barren)
        if close is None and opening.group() in ("'", "‘"):
            barren = place + LONGEST  # nothing in there closes a single mark: not looked at again
            continue
        stop = end if close is None else close
        while close is None and text[stop - 1].isspace():
            stop -= 1
        if stop > place:
            yield Span(opening.start(), stop)
            place = stop


def _unlike(mark: str, other: str) -> bool:
    """Return whether two marks are not a pair, though careless writers make them one."""
    return (mark, other) in (("“", '"'), ("„", '"'), ('"', "”"))


def _close(text: str, opening: re.Match[str], end: int, *, after: int) -> int | None:
    """Return the end of the quotation that a mark opens; None if it is not closed by `end`.

    A single mark is known not to be closed before `after`.
    """
    mark = opening.group()
    single = mark in ("'", "‘")
    start = max(opening.end(), after) if single else opening.end()
    depth = 0
    inner = False  # in a quotation in marks of the other kind
    for other in _MARKS.finditer(text, start, min(end, opening.end() + LONGEST)):
        found = other.group()
        following = text[other.end() : other.end() + 1]
        if found == mark and mark in "“„«":
            if mark == "“" and text[other.start() - 1] in _ENDS and not following.strip():
                return other.end()  # the wrong way round
            depth += 1
        elif _unlike(mark, found) and (inner or text[other.start() - 1] not in _ENDS):
            inner = not inner
        elif found in _CLOSES[mark]:
            apostrophe = found in "'’" and (
                following.isalnum() or text[other.start() - 1].isspace()
            )
            if single and apostrophe:
                continue
            if depth == 0:
                return other.end()
            depth -= 1
    return None
