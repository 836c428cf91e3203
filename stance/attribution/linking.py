"""From tagged words to attributions: which source and cue go with which content."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stance.attribution.quotations import numbered
from stance.attribution.sources import beside, subject, whole
from stance.attribution.words import ROLES, Words, runs
from stance.schema import Attribution, Span

_TELLING = frozenset("told tell tells telling".split())
# Pauses between a content and the frame of another sentence.
_COLON = re.compile(r":[\"“‘'«\s]*\Z")
_FULL_STOP = re.compile(r"\.[ \t]+[\"“‘'«]?")
_SIGNED = re.compile(r"\s*[–—-]{1,2}\s*")

FURTHEST = 80
"""Words between a source and its cue, at most."""


@dataclass(slots=True)
class _Part:
    """A tagged span: its words, its place, its sentence, the quotation that it is of.

    The form of the text may make it a part of the frame of quotations.
    """

    role: str
    low: int
    high: int
    span: Span
    sentence: int
    sure: float
    quotation: int | None
    framed: frozenset[int] = frozenset()


@dataclass(slots=True)
class _Group:
    """An attribution in the making."""

    sources: list[_Part] = field(default_factory=list)
    cues: list[_Part] = field(default_factory=list)
    contents: list[_Part] = field(default_factory=list)

    def frame(self) -> list[_Part]:
        return [*self.sources, *self.cues]

    def parts(self) -> list[_Part]:
        return [*self.frame(), *self.contents]

    def attribution(self) -> Attribution:
        def spans(parts: list[_Part]) -> tuple[Span, ...]:
            return tuple(part.span for part in sorted(parts, key=lambda part: part.low))

        probability = float(min(part.sure for part in self.parts()))
        return Attribution(spans(self.sources), spans(self.cues), spans(self.contents), probability)


def link(
    text: str,
    sentences: Sequence[Span],
    words: Words,
    numbers: NDArray[np.int64],
    sure: NDArray[np.float64],
) -> list[Attribution]:
    """Join tagged spans into attributions.

    Within a sentence a cue takes the nearest source, and a content the nearest of these frames.
    What is in the same quotation is one content, whichever of its sentences has the frame; one with
    a frame right beside it, by the form of the text, has that. A
    content without one goes on with what was said before it; a cue without a source, as in "and
    added", has that of the cue before it. What is tagged in no sentence, as in readers' comments,
    is left out.

    Args:
        text: The text.
        sentences: Its sentences.
        words: Its words.
        numbers: Their tags, shape (N,).
        sure: The probability of each tag, shape (N,).

    Returns:
        In order of their first span.
    """
    parts = _parts(text, sentences, words, numbers, sure)
    by_sentence: dict[int, list[_Part]] = {}
    for part in parts:
        by_sentence.setdefault(part.sentence, []).append(part)
    frames = {sentence: _frames(text, here) for sentence, here in by_sentence.items()}
    owners: dict[int | None, _Group] = {
        number: group
        for groups in frames.values()
        for group in groups
        for part in group.cues
        for number in part.framed
    }
    loose = []
    for unit in _units(part for part in parts if part.role == "content"):
        group = (
            owners.get(unit[0].quotation) or _frame_of(unit, frames) or _next_to(text, unit, frames)
        )
        if group is None:
            loose.append(_Group(contents=unit))
        else:
            group.contents += unit
    for groups in frames.values():
        for group in groups:
            if group.contents and not group.sources:
                group.sources = _subject(text, sentences, words, numbers, group.cues[0])
        _share_sources(groups)
    found = [group for groups in frames.values() for group in groups if group.contents] + loose
    for group in found:
        if group.cues and not group.sources:
            group.sources = _beside(text, words, numbers, group)
    found.sort(key=lambda group: min(part.low for part in group.contents))
    return [group.attribution() for group in _continued(text, found)]


def _parts(
    text: str,
    sentences: Sequence[Span],
    words: Words,
    numbers: NDArray[np.int64],
    sure: NDArray[np.float64],
) -> list[_Part]:
    starts = [sentence.start for sentence in sentences]
    quoted = [quotation for quotation, _ in words.quoted]
    opened = [quotation.start for quotation in quoted]
    names = numbered(text, quoted)
    framed = _framed(words, names)
    found = []
    for role, low, high in runs(numbers):
        if ROLES[role] == "source":
            low, high = whole(text, words, numbers, low, high)
        span = Span(words.spans[low].start, words.spans[high - 1].end)
        at = bisect_right(starts, span.start) - 1
        if at < 0 or span.start >= sentences[at].end:
            continue
        last = bisect_right(opened, span.start) - 1
        until = bisect_right(opened, span.end - 1) - 1  # `"A test" of will, "and of wit."` is one
        whole_quoted = last >= 0 and until > last and span.start == opened[last]
        inside = last >= 0 and span.end <= quoted[until if whole_quoted else last].end
        number = names[last] if inside else None
        part = _Part(ROLES[role], low, high, span, at, float(sure[low:high].mean()), number)
        if part.role != "content":
            part.framed = frozenset().union(*(framed.get(word, ()) for word in range(low, high)))
        found.append(part)
    return found


def _framed(words: Words, names: Sequence[int]) -> dict[int, set[int]]:
    """Return for words of frames, by the form of the text, the numbers of their quotations."""
    starts = [word.start for word in words.spans]
    found: dict[int, set[int]] = {}
    for (_, frame), name in zip(words.quoted, names, strict=True):
        for span in (frame.source, frame.cue) if frame else ():
            if span is not None:
                for word in range(bisect_left(starts, span.start), bisect_left(starts, span.end)):
                    found.setdefault(word, set()).add(name)
    return found


def _gap(a: _Part, b: _Part) -> int:
    """Return how many words lie between two parts."""
    return max(a.low, b.low) - min(a.high, b.high)


def _frames(text: str, parts: list[_Part]) -> list[_Group]:
    """Pair the sources and cues of a sentence, the nearest first.

    A participle, as in "praised the plan, telling reporters", has the source of the verb before.
    """
    sources = [part for part in parts if part.role == "source"]
    cues = [part for part in parts if part.role == "cue"]
    groups = [_Group(cues=[cue]) for cue in cues]
    pairs = sorted(
        (not source.framed & cue.framed, gap, s, c)
        for s, source in enumerate(sources)
        for c, cue in enumerate(cues)
        if (gap := _gap(source, cue)) <= FURTHEST
        and _may_pair(text, sources, source, cue, first=c == 0)
    )
    taken: set[int] = set()
    for _, _, s, c in pairs:
        if s not in taken and not groups[c].sources:
            groups[c].sources.append(sources[s])
            taken.add(s)
    groups += [_Group(sources=[source]) for s, source in enumerate(sources) if s not in taken]
    return sorted(groups, key=lambda group: min(part.low for part in group.frame()))


def _may_pair(text: str, sources: list[_Part], source: _Part, cue: _Part, *, first: bool) -> bool:
    """Return whether a source may be that of a cue: no hearer is, nor who is beside a participle.

    "Praised the plan, telling reporters" has the source of the verb before, else the sentence's
    first; behind "told" stands who is told.
    """
    words = text[cue.span.start : cue.span.end].lower().split()
    if source.low >= cue.high and words[-1] in _TELLING:
        return False
    before = text[max(0, cue.span.start - 4) : cue.span.start].rstrip()
    if words[0].endswith("ing") and before.endswith(",") and sources[0].low < cue.low:
        return first and source is sources[0]
    return True


def _units(contents: Iterable[_Part]) -> list[list[_Part]]:
    """Group contents that are parts of one quotation."""
    units: list[list[_Part]] = []
    for part in contents:
        if part.quotation is not None and units and units[-1][-1].quotation == part.quotation:
            units[-1].append(part)
        else:
            units.append([part])
    return units


def _frame_of(unit: list[_Part], frames: dict[int, list[_Group]]) -> _Group | None:
    """Return the nearest frame of a content; that of its last sentence, if both ends have one."""
    for end in (unit[-1], unit[0]):
        groups = frames[end.sentence]
        if groups:
            return min(groups, key=lambda group: _distance(group, end))
    return None


def _next_to(text: str, unit: list[_Part], frames: dict[int, list[_Group]]) -> _Group | None:
    """Return the frame of the sentence before or after a content, if only a pause is between.

    `He went on:` and `He agreed.` stand before a quotation, `- Sergei Lavrov` behind it.
    """
    first, last = unit[0], unit[-1]
    for group in frames.get(last.sentence + 1, []):
        if any(_SIGNED.fullmatch(text, last.span.end, who.span.start) for who in group.sources):
            return group
    groups = frames.get(first.sentence - 1, [])
    if not _COLON.search(text, max(0, first.span.start - 8), first.span.start):
        if first.quotation is None:
            return None
        groups = [
            group
            for group in groups
            if any(_FULL_STOP.fullmatch(text, cue.span.end, first.span.start) for cue in group.cues)
        ]
    return min(groups, key=lambda group: _distance(group, first), default=None)


def _distance(group: _Group, content: _Part) -> tuple[bool, int, int]:
    """Return how far a frame is from a content; of equals, that which has no content yet.

    A source without a cue comes last, unless it stands right there, as a label does.
    """
    gap = min(_gap(part, content) for part in group.frame())
    return not group.cues and gap > 2, gap, len(group.contents)


def _share_sources(groups: list[_Group]) -> None:
    """Give a cue without a source that of the cue before it, else that before it."""
    for number, group in enumerate(groups):
        if group.sources:
            continue
        before = [other for other in groups[:number] if other.sources]
        cued = [other for other in before if other.cues]
        group.sources = next((other.sources for other in reversed(cued or before)), [])


def _untagged(words: Words, place: tuple[int, int] | None, cue: _Part) -> list[_Part]:
    """Return words that no tag makes a source as one, if there are any."""
    if place is None:
        return []
    low, high = place
    span = Span(words.spans[low].start, words.spans[high - 1].end)
    return [_Part("source", low, high, span, cue.sentence, 0.5, None)]


def _subject(
    text: str,
    sentences: Sequence[Span],
    words: Words,
    numbers: NDArray[np.int64],
    cue: _Part,
) -> list[_Part]:
    """Return what stands right before a cue that has no source; a participle's is another's."""
    if text[cue.span.start : cue.span.end].split()[0].endswith("ing"):
        return []
    found = subject(text, words, numbers, cue.low, sentences[cue.sentence].start)
    return _untagged(words, found, cue)


def _beside(text: str, words: Words, numbers: NDArray[np.int64], group: _Group) -> list[_Part]:
    """Return the untagged name beside the cue of a quotation."""
    cue = group.cues[0]
    if not any(part.quotation is not None for part in group.contents):
        return []
    before = max((p.high for p in group.contents if p.high <= cue.low), default=None)
    return _untagged(words, beside(text, words, numbers, (cue.low, cue.high), before), cue)


def _continued(text: str, groups: list[_Group]) -> list[_Group]:
    """Join contents without a frame to what they go on with.

    A quotation goes on with the last one of its paragraph, whatever stands between them.
    """
    found: list[_Group] = []
    quoted: _Group | None = None  # the last that has a cue and a quotation
    for group in groups:
        before = None
        if found and not group.frame():
            before = quoted if quoted and _in_paragraph(text, quoted, group) else None
            before = before or (found[-1] if _goes_on(text, found[-1], group) else None)
        if before is None:
            found.append(group)
        else:
            before.contents += group.contents
        joined = before or group
        if joined.cues and any(part.quotation is not None for part in group.contents):
            quoted = joined
    return found


def _in_paragraph(text: str, before: _Group, group: _Group) -> bool:
    """Return whether a content is a quotation in the paragraph in which another ends."""
    last, first = before.contents[-1], group.contents[0]
    return first.quotation is not None and "\n" not in text[last.span.end : first.span.start]


def _goes_on(text: str, before: _Group, group: _Group) -> bool:
    """Return whether a quotation without a frame is in the sentence after what was said before it.

    What is not quoted is told. Later in its paragraph it goes on with words without a frame, too.
    """
    last, first = before.contents[-1], group.contents[0]
    near = first.sentence - max(part.sentence for part in (*before.frame(), last)) <= 1
    return first.quotation is not None and (near or _in_paragraph(text, before, group))
