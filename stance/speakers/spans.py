"""Places in a text: what is quoted, a name whole, where an attribution begins and ends."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from stance.schema import Attribution, Span
from stance.speakers.words import ARTICLES, DOCUMENTS, PRONOUNS, SPEAKS_FOR

_PAIRS = {"“": "”", "„": "“”", "«": "»", '"': '"'}
_BREAK = re.compile(r"\n\s*\n")
_TERM = 3
"""As many words in marks, in lower case, are a term and no sentence of somebody's."""
_START, _END = attrgetter("start"), attrgetter("end")

_NAME = r"[A-Z][\w’'-]+(?:\s(?:(?:bin|al|el|de|van|von|der)\s|al-|el-)?[A-Z][\w’'-]+){1,3}"
_BEFORE = re.compile(rf"(?:^|(?<=[.!?:;,”\"]\s)|(?<=\n))({_NAME}),\s$")
_AFTER = re.compile(rf",\s({_NAME})(?=[,.;:]|\s*$)", re.MULTILINE)
_FOR = re.compile(
    rf"(?:,\swho\s|,?\s){SPEAKS_FOR}[A-Z][\w’'-]+(?:\s(?:of\s)?(?:the\s)?[A-Z][\w’'-]+)*"
)
_ISSUED = re.compile(
    r"(?:\s(?:carried|issued|released|published))?\s(?:by|from|of)\s[^,.;:“”\"\n]{2,60}?"
    r"(?=[,.;:“”\"\n]|\s(?:that|which|on|in|at|said|says)\b|\Z)"
)
_OFFICE = re.compile(r"(?:US|U\.S\.|UN|EU|Nato|NATO)\s[a-z]")
_GOES_ON = re.compile(r"(?:\s(?:bin|al|el|de|van|von|der)\b|\s(?:al-|el-)?[A-Z][\w’'-]+)+")


def double_quoted(text: str) -> list[Span]:
    """Return what stands in double marks, these included; one left open ends with its paragraph."""
    spans: list[Span] = []
    start, closing = -1, ""
    breaks = {match.start() for match in _BREAK.finditer(text)}
    for place, character in enumerate(text):
        if start >= 0 and character in closing:
            spans.append(Span(start, place + 1))
            start = -1
        elif start < 0 and character in _PAIRS:
            start, closing = place, _PAIRS[character]
        elif start >= 0 and place in breaks:
            spans.append(Span(start, place))
            start = -1
    if start >= 0:
        spans.append(Span(start, len(text)))
    return spans


def quoted_share(pieces: Sequence[Span], quoted: Sequence[Span], text: str) -> float:
    """Return the share of the letters of some spans that stands in quotation marks, 0 to 1."""
    inside = total = 0
    for piece in pieces:
        near = bisect_right(quoted, piece.start, key=_END)
        for place in range(piece.start, piece.end):
            while near < len(quoted) and quoted[near].end <= place:
                near += 1
            if text[place].isalnum():
                total += 1
                inside += near < len(quoted) and quoted[near].start <= place
    return inside / total if total else 0.0


def is_term(pieces: Sequence[Span], text: str) -> bool:
    """Tell whether words are a term in another's sentence: what they call a “friendly visit”."""
    words = " ".join(text[piece.start : piece.end] for piece in pieces).split()
    words = [word for word in words if word not in ARTICLES]
    return 0 < len(words) <= _TERM and words[0].lstrip("‘'" + "".join(_PAIRS))[:1].islower()


def whole_name(text: str, source: Span) -> Span:
    """Return a source with what stands beside it: "NAME, the minister", "NAME, speaking for Peru".

    A tagger may take one for all of the source, or stop within a name.
    """
    words = text[source.start : source.end]
    start, end = source.start, source.end
    office = words[:1].islower() or _OFFICE.match(words)
    is_document = not DOCUMENTS.isdisjoint(words.lower().split()[-2:])
    if is_document and (issuer := _ISSUED.match(text, end)):
        end = issuer.end()
    elif office and (name := _BEFORE.search(text[max(0, start - 80) : start])):
        start -= len(name.group(1)) + 2
    elif office and (name := _AFTER.match(text, end)):
        end = name.end()
    elif (
        words.split()[-1:] and words.split()[-1][:1].isupper() and (on := _GOES_ON.match(text, end))
    ):
        end = on.end()
    if words.lower() not in PRONOUNS and (side := _FOR.match(text, end)):
        end = side.end()
    return Span(start, end)


def stripped(text: str, start: int, end: int) -> Span:
    """Return a part of a text without the blanks and pauses at its ends."""
    while start < end and (text[start].isspace() or text[start] in ",;:—–-"):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ",;:—–-"):
        end -= 1
    return Span(start, end)


def stands_alone(text: str, part: Span, sentence: Span, quoted: Sequence[Span]) -> bool:
    """Tell whether a part of a sentence is a clause: between its ends or marks of a pause."""
    if quoted_share([part], quoted, text) > 0.1:
        return False
    before = text[max(part.start - 2, sentence.start) : part.start + 1].strip()
    after = text[part.end - 1 : part.end + 1].strip()
    pauses = ',;:—–”"'
    return (part.start == sentence.start or any(c in pauses for c in before)) and (
        part.end == sentence.end or any(c in pauses for c in after)
    )


def gap(a: Span, b: Span) -> int:
    """Return how many characters lie between two spans."""
    return max(a.start, b.start) - min(a.end, b.end)


def first_in(spans: Sequence[Span], start: int) -> int:
    """Return the number of the first of some spans, in order, that begins at a place or after."""
    return bisect_left(spans, start, key=_START)


def first_place(attribution: Attribution) -> int:
    """Return where an attribution begins."""
    return min(s.start for s in (*attribution.sources, *attribution.cues, *attribution.contents))


def last_place(attribution: Attribution) -> int:
    """Return where an attribution ends."""
    return max(s.end for s in (*attribution.sources, *attribution.cues, *attribution.contents))


def begins_quoted(span: Span, quoted: Sequence[Span]) -> bool:
    """Tell whether a span begins within quotation marks, or with one."""
    near = bisect_right(quoted, span.start, key=_END)
    return near < len(quoted) and quoted[near].start <= span.start


def homes(sentences: Sequence[Span], spans: Sequence[Span]) -> set[int]:
    """Return the numbers of the sentences in which spans begin."""
    found = {bisect_right(sentences, span.start, key=_START) - 1 for span in spans}
    return {home for home in found if home >= 0}


def within(sentences: Sequence[Span], attributions: Sequence[Attribution]) -> list[Attribution]:
    """Return attributions without the spans of them that are in no sentence: links, captions.

    The spans of each are in order.
    """

    def inside(spans: tuple[Span, ...]) -> tuple[Span, ...]:
        at = [(span, bisect_right(sentences, span.start, key=_START) - 1) for span in spans]
        kept = (s for s, i in at if i >= 0 and s.start < sentences[i].end)
        return tuple(sorted(kept, key=_START))

    kept = [
        replace(a, sources=inside(a.sources), cues=inside(a.cues), contents=inside(a.contents))
        for a in attributions
    ]
    return [a for a in kept if a.sources or a.cues or a.contents]
