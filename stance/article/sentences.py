"""Splits an article into sentences whose offsets index the untouched text.

`blocks` cuts what is no running text: paragraphs, headlines, list items, what a page puts around an
article. `boundaries` says where the sentences of a block end.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stance.article.boundaries import DAY, MONTH, begins_sentence, boundaries
from stance.schema import Span

MAX_CHARACTERS = 5_000
"""A stretch without any boundary is cut at a blank after this many characters."""

# It begins where a run of blanks does: sought at each of them, a run would be read once for each.
_PARAGRAPH = re.compile(r"(?<![^\S\n])(?:[^\S\n]*(?:\r\n|\n|\r|\f|\u2028|\u2029)){2,}")
_LINE = re.compile(r"\r\n|\n|\r|\f|\u2028|\u2029")
_WORD = re.compile(r"[^\W\d_]")
_FIRST = re.compile(r"\S{1,40}")

_BULLET = re.compile(r"\s*(?:[-*•⁃–—·▪>]|#{1,6}|\(?\d{1,2}[.)]|\(?[a-z]\))\s+")
# `12 Jan. 1994: Treaty signed`, a line of a chronology or an agenda.
_ENTRY = re.compile(
    rf"(?:\d{{1,2}} {MONTH}|{MONTH} \d|\d{{4}}\b|\d{{1,2}}[:.]\d\d|{DAY})[^:!?]{{0,14}}"
    r"(?:: | [–—-] )"
)
# Beyond this width, in characters, a line was not broken for width.
_WIDTH = 100
# A line shorter than this, alone before a capital, is rather a headline than broken for width.
_HEADLINE = 45

# Lines that a web page puts around an article. Each is matched against a whole short line, so a
# sentence that merely speaks of sharing or reading more is left alone.
_BOILERPLATE_CHARACTERS = 160
_SHARE = (
    r"(?:share|tweet|print|e-?mail|copy\s+link|facebook|twitter|x|linkedin|whatsapp|telegram"
    r"|reddit)"
)
_BOILERPLATE = re.compile(
    "|".join(
        (
            r"(?:\d[\d,.]*|no|leave an?|post an?|add an?|view all|show|load more)?"
            r"\s*comments?(?:\s*\(\d+\))?",
            rf"{_SHARE}(?:[\s|/·•,:]+(?:this|article|story|on|via|and|{_SHARE}))*",
            r"(?:read|see|watch|listen)\s+(?:more|also|next)(?:\s*:.*|\s+(?:on|about)\s.*)?",
            r"(?:related|more|top|latest)\s+(?:stories|articles|topics|coverage|news)\s*:?.*",
            r"(?:follow|like|join|find) us (?:on|at)\b.*|skip to (?:main )?content",
            r"(?:sign up|subscribe)\s+(?:to|for|now|here|today)\b.*",
            r"advertisements?|sponsored(?:\s+content)?|story continues below(?:\s+advertisement)?",
            r"(?:©|\(c\)|copyright)(?:\s.*)?|all rights reserved",
            r"(?:this (?:site|website)|we) uses? cookies\b.*|accept(?:\s+all)?\s+cookies",
            r"(?:.*[.!?)]\s)?(?:photo|image|picture|file photo|photograph)"
            r"(?:\s+(?:by|credit|courtesy))?\s*:.*",
            # What a browser prints above and below a page, links to elsewhere.
            r"\d{1,2}/\d{1,2}/\d{2,4}, \d{1,2}:\d\d(?:\s?[ap]m)?(?:\s.*)?",
            r"\S{2,5}://\S+(?:\s+\d+/\d+)?|click here (?:to|for)\b.*|.*: live updates",
            r"(?:tags?|filed under|categories)\s*:.*",
            r"(?:\d+\s+)?(?:min(?:ute)?s?\s+read|views|shares|likes)",
        )
    ),
    re.IGNORECASE,
)
# What readers write stands below such a line, if it does not stand among those above an article.
_COMMENTS = re.compile(r"(?:[1-9][\d,.]*\s*)?comments?(?:\s*\(\d+\))?", re.IGNORECASE)
_TOLD = re.compile(r"[.!?…][\"'”’»)]*\Z")
_LEAST_TOLD = 3  # sentences of an article, at least


@dataclass(frozen=True, slots=True)
class Sentences:
    """Spans of an article: its sentences, and what was set apart as no part of it."""

    sentences: tuple[Span, ...]
    boilerplate: tuple[Span, ...]


def split(text: str) -> Sentences:
    """Split an article into sentences.

    A paragraph is split at sentence ends, inside quotations too; a line of a list or a headline is
    a sentence of its own. Comment counts, share links and the like are set apart, and so is all
    that follows "12 Comments" below the article.

    Returns:
        Spans in order, none empty, none overlapping, without blanks around them.
    """
    sentences: list[Span] = []
    boilerplate: list[Span] = []
    told = 0
    comments = False
    for block in blocks(text):
        if comments or _is_boilerplate(text, block):
            boilerplate.append(block)
            if told >= _LEAST_TOLD and _COMMENTS.fullmatch(text, block.start, block.end):
                comments = True
            continue
        for span in _sentences_of(text, block):
            # A rule of asterisks or a page number is neither sentence nor boilerplate.
            if _WORD.search(text, span.start, span.end):
                sentences.append(span)
                told += bool(_TOLD.search(text, max(span.end - 3, span.start), span.end))
    return Sentences(tuple(sentences), tuple(boilerplate))


def _is_boilerplate(text: str, span: Span) -> bool:
    line = text[span.start : span.end].rstrip(" .…»>")
    return len(line) <= _BOILERPLATE_CHARACTERS and bool(_BOILERPLATE.fullmatch(line))


def blocks(text: str) -> Iterator[Span]:
    """Yield paragraphs; within one, lines that stand alone (lists, headlines, verse) apart."""
    for paragraph in _cut(text, Span(0, len(text)), _PARAGRAPH):
        lines = list(_cut(text, paragraph, _LINE))
        start = 0
        for index, goes_on in enumerate([*_going_on(text, lines), False]):
            if not goes_on:
                yield Span(lines[start].start, lines[index].end)
                start = index + 1


def _cut(text: str, span: Span, separator: re.Pattern[str]) -> Iterator[Span]:
    start = span.start
    for match in separator.finditer(text, span.start, span.end):
        yield from _trimmed(text, start, match.start())
        start = match.end()
    yield from _trimmed(text, start, span.end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    blanks = "\ufeff\u200b"
    while start < end and (text[start].isspace() or text[start] in blanks):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in blanks):
        end -= 1
    if start < end:
        yield Span(start, end)


def _going_on(text: str, lines: Sequence[Span]) -> Iterator[bool]:
    """Tell for each line but the last whether it was broken for width: the next goes on with it.

    Before a small letter it was. Before anything else it was if the next word found no room on it,
    give or take what the paragraph's surely broken lines leave free at their ends.
    """
    width = max(line.end - line.start for line in lines)
    pairs = list(itertools.pairwise(lines))
    apart = [_stands_apart(text, line, following) for line, following in pairs]
    free = [width - (line.end - line.start) - _room_for(text, after) for line, after in pairs]
    small = [text[following.start].islower() for _, following in pairs]
    ragged = [room for room, goes_on in zip(free, small, strict=True) if goes_on]
    slack = min(max(ragged, default=0), _WIDTH // 6)
    wrapped = bool(ragged) or (len(lines) > 2 and all(room < 0 for room in free))
    for index, (line, following) in enumerate(pairs):
        fills = width <= _WIDTH and free[index] <= max(slack, 0)
        if not wrapped:
            opening = text[following.start : following.start + 40]
            fills &= line.end - line.start >= _HEADLINE and not begins_sentence(opening)
        yield not apart[index] and (small[index] or fills)


def _room_for(text: str, line: Span) -> int:
    """Return the width of a line's first word and the blank before it, in characters."""
    word = _FIRST.match(text, line.start, line.end)
    return 1 + (len(word.group()) if word else 0)


def _stands_apart(text: str, line: Span, following: Span) -> bool:
    opens_paragraph = (
        _indent(text, following) > max(1, _indent(text, line))
        and not text[following.start].islower()
        and not _BULLET.match(text, line.start, line.end)
    )
    return (
        opens_paragraph
        or any(pattern.match(text, following.start, following.end) for pattern in (_BULLET, _ENTRY))
        or _is_boilerplate(text, line)
        or _is_boilerplate(text, following)
    )


def _indent(text: str, line: Span) -> int:
    """Return how many blanks stand before a line, 40 at most."""
    before = text[max(0, line.start - 40) : line.start]
    return len(before) - len(before.rstrip(" \t"))


def _sentences_of(text: str, block: Span) -> Iterator[Span]:
    start = block.start
    for boundary in boundaries(text[block.start : block.end]):
        end = block.start + boundary
        yield from _pieces(text, start, end)
        start = end
    yield from _pieces(text, start, block.end)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield a sentence trimmed; cut at blanks if it is absurdly long."""
    for span in _trimmed(text, start, end):
        rest = span
        while rest.end - rest.start > MAX_CHARACTERS:
            blank = text.rfind(" ", rest.start + 1, rest.start + MAX_CHARACTERS)
            cut = blank if blank > 0 else rest.start + MAX_CHARACTERS
            yield from _trimmed(text, rest.start, cut)
            remainder = list(_trimmed(text, cut, rest.end))
            if not remainder:
                return
            rest = remainder[0]
        yield rest
