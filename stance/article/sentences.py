"""Splits an article into sentences whose offsets index the untouched text.

Boundaries come from the `sentencex` library (abbreviations, initials, decimals). It keeps a
quotation in one piece, whereas a stance is one sentence's, so it is shown the text with quotation
marks blanked out, character for character; what it must not see at all (paragraphs, lists,
headlines) is cut before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stance.schema import Span

MAX_CHARACTERS = 5_000
"""A stretch without any boundary is cut at a blank after this many characters."""

# Marks that open or close a quotation; the apostrophe inside a word is not one.
_QUOTE = re.compile(r"[\"“”„«»]|(?<!\w)['‘‚]|['’](?!\w)")
# A bracket behind a stop hides the stop from the library.
_HIDING = re.compile(_QUOTE.pattern + r"|(?<=[.!?…])[)\]]")
_PARAGRAPH = re.compile(r"(?:[^\S\n]*(?:\r\n|\n|\r|\f|\u2028|\u2029)){2,}")
_LINE = re.compile(r"\r\n|\n|\r|\f|\u2028|\u2029")
_BULLET = re.compile(r"\s*(?:[-*•–—·▪]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+")
_CLOSERS = re.compile(r"[\"”»’')\]]+")
_WORD = re.compile(r"[^\W\d_]")

_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“‘'])(?:[A-Z]|Lt|Gen|Col|Maj|Capt|Sgt|Adm|Sen|Rep|Gov|Rev|Hon|Prof|Dr|Mr|Mrs|Ms"
    r"|St|No|Nos|Art|Jr|Sr|vs|v|cf|dlrs|pct|approx|Brig|Cmdr|Messrs|Pres|Amb|Sec|Min)\.$"
)

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
            r"(?:sign up|subscribe)\s+(?:to|for|now|here|today)\b.*",
            r"advertisements?|sponsored(?:\s+content)?|story continues below(?:\s+advertisement)?",
            r"(?:©|\(c\)|copyright)\s.*|all rights reserved",
            r"(?:this (?:site|website)|we) uses? cookies\b.*|accept(?:\s+all)?\s+cookies",
            r"(?:photo|image|picture|file photo|photograph)(?:\s+(?:by|credit|courtesy))?\s*:.*",
            r"(?:tags?|filed under|categories)\s*:.*",
            r"(?:\d+\s+)?(?:min(?:ute)?s?\s+read|views|shares|likes)",
        )
    ),
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentences:
    """Spans of an article: its sentences, and what was set apart as no part of it."""

    sentences: tuple[Span, ...]
    boilerplate: tuple[Span, ...]


def split(text: str) -> Sentences:
    """Split an article into sentences.

    A paragraph is split at sentence ends, inside quotations too; a line of a list or a headline is
    a sentence of its own. Comment counts, share links and the like are set apart.

    Returns:
        Spans in order, none empty, none overlapping, without blanks around them.
    """
    sentences: list[Span] = []
    boilerplate: list[Span] = []
    for block in _blocks(text):
        if _is_boilerplate(text, block):
            boilerplate.append(block)
            continue
        for span in _sentences_of(text, block):
            # A rule of asterisks or a page number is neither sentence nor boilerplate.
            if _WORD.search(text, span.start, span.end):
                sentences.append(span)
    return Sentences(tuple(sentences), tuple(boilerplate))


def _is_boilerplate(text: str, span: Span) -> bool:
    line = text[span.start : span.end].rstrip(" .…»>")
    return len(line) <= _BOILERPLATE_CHARACTERS and bool(_BOILERPLATE.fullmatch(line))


def _blocks(text: str) -> Iterator[Span]:
    """Yield paragraphs; within one, lines that stand alone (lists, headlines, verse) apart."""
    for paragraph in _cut(text, Span(0, len(text)), _PARAGRAPH):
        lines = list(_cut(text, paragraph, _LINE))
        start = 0
        for index in range(1, len(lines) + 1):
            if index == len(lines) or not _continues(text, lines[index - 1], lines[index]):
                yield Span(lines[start].start, lines[index - 1].end)
                start = index


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


def _continues(text: str, line: Span, following: Span) -> bool:
    """Tell a hard-wrapped line (the next goes on) from a line that stands alone."""
    if _BULLET.match(text, following.start, following.end):
        return False
    if _is_boilerplate(text, line) or _is_boilerplate(text, following):
        return False
    if text[following.start].islower():
        return True
    # Wrapped text fills its lines; after a short one a capital starts something new. Long lines
    # that end like a sentence are paragraphs of their own, split or not makes no difference.
    ended = text[line.end - 1] in '.!?…:"”’»)'
    return 45 <= line.end - line.start <= 100 and not (
        ended and following.end - following.start > 100
    )


def _sentences_of(text: str, block: Span) -> Iterator[Span]:
    import sentencex

    original = text[block.start : block.end]
    plain = _LINE.sub(lambda match: " " * len(match.group()), original)
    masked = _HIDING.sub(" ", plain)
    start = 0
    for boundary in sentencex.get_sentence_boundaries("en", masked):
        end = _adjust(plain, boundary["end_index"])
        if end <= start or not _is_boundary(plain, start, end):
            continue
        yield from _pieces(text, block.start + start, block.start + end)
        start = end
    yield from _pieces(text, block.start + start, block.end)


def _adjust(plain: str, end: int) -> int:
    """Move a boundary so that closing marks stay with the sentence they close."""
    while end > 0 and plain[end - 1].isspace():
        end -= 1
    # The library saw blanks for quotation marks, so its boundary may lie behind an opening one.
    while (
        end > 0 and _QUOTE.match(plain, end - 1) and end < len(plain) and not plain[end].isspace()
    ):
        end -= 1
        while end > 0 and plain[end - 1].isspace():
            end -= 1
    match = _CLOSERS.match(plain, end)
    return match.end() if match else end


def _is_boundary(plain: str, start: int, end: int) -> bool:
    following = plain[end : end + 80].lstrip()
    if not following:
        return True
    first = _QUOTE.sub("", following[:3]).lstrip()[:1]
    # `"Not now!" he said` goes on; so does an ellipsis before a small letter.
    if first.islower():
        return False
    return not _ABBREVIATION.search(plain[max(start, end - 12) : end])


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
