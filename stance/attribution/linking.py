"""From tagged words to attributions: which source and cue go with which content."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stance.attribution.quotations import quotations
from stance.attribution.words import ROLES, Words, runs
from stance.schema import Attribution, Span


@dataclass(slots=True)
class _Part:
    """A tagged span: its words, its place, its sentence."""

    role: str
    low: int
    high: int
    span: Span
    sentence: int
    sure: float


@dataclass(slots=True)
class _Group:
    """An attribution in the making."""

    sources: list[_Part] = field(default_factory=list)
    cues: list[_Part] = field(default_factory=list)
    contents: list[_Part] = field(default_factory=list)

    def parts(self) -> list[_Part]:
        return [*self.sources, *self.cues, *self.contents]

    def frame(self) -> list[_Part]:
        return [*self.sources, *self.cues]

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

    Within a sentence a cue takes the nearest source, and a content the nearest of these frames. A
    content without one goes on with the quotation before it; a cue without a source, as in "and
    added", has that of the cue before it.

    Args:
        text: The text.
        sentences: Its sentences.
        words: Its words.
        numbers: Their tags, shape (N,).
        sure: The probability of each tag, shape (N,).
    """
    parts = _parts(sentences, words, numbers, sure)
    groups: list[_Group] = []
    for sentence in sorted({part.sentence for part in parts}):
        here = [part for part in parts if part.sentence == sentence]
        for group in _within(here):
            before = groups[-1] if groups else None
            if not group.frame() and before is not None and _goes_on(text, before, group):
                before.contents += group.contents
            else:
                groups.append(group)
    return [group.attribution() for group in groups if group.contents]


def _parts(
    sentences: Sequence[Span],
    words: Words,
    numbers: NDArray[np.int64],
    sure: NDArray[np.float64],
) -> list[_Part]:
    starts = [sentence.start for sentence in sentences]
    found = []
    for role, low, high in runs(numbers):
        span = Span(words.spans[low].start, words.spans[high - 1].end)
        at = bisect_right(starts, span.start) - 1
        found.append(_Part(ROLES[role], low, high, span, at, float(sure[low:high].mean())))
    return found


def _gap(a: _Part, b: _Part) -> int:
    """Return how many words lie between two parts."""
    return max(a.low, b.low) - min(a.high, b.high)


def _within(parts: list[_Part]) -> list[_Group]:
    """Group the parts of a sentence."""
    sources = [part for part in parts if part.role == "source"]
    cues = [part for part in parts if part.role == "cue"]
    contents = [part for part in parts if part.role == "content"]
    groups = _frames(sources, cues)
    loose = _Group()
    for content in contents:
        nearest = min(groups, key=lambda g: _distance(g, content, parts), default=None)
        (loose if nearest is None else nearest).contents.append(content)
    for before, group in pairwise(groups):
        if not group.sources:
            group.sources = before.sources
    found = [*groups, loose] if loose.contents else groups
    return sorted(found, key=lambda group: min(part.low for part in group.parts()))


def _frames(sources: list[_Part], cues: list[_Part]) -> list[_Group]:
    """Pair sources and cues, the nearest first."""
    groups = [_Group(cues=[cue]) for cue in cues]
    pairs = sorted(
        (
            (_gap(source, cue), s, c)
            for s, source in enumerate(sources)
            for c, cue in enumerate(cues)
        )
    )
    taken: set[int] = set()
    for _, s, c in pairs:
        if s not in taken and not groups[c].sources:
            groups[c].sources.append(sources[s])
            taken.add(s)
    groups += [_Group(sources=[source]) for s, source in enumerate(sources) if s not in taken]
    return sorted(groups, key=lambda group: min(part.low for part in group.frame()))


def _distance(group: _Group, content: _Part, parts: list[_Part]) -> tuple[int, int]:
    """Return how far a frame is from a content; what already has a content is further."""
    gap = min(_gap(part, content) for part in group.frame())
    return gap, len(group.contents)


def _goes_on(text: str, before: _Group, group: _Group) -> bool:
    """Return whether contents without a frame go on with what was said before them."""
    if not before.contents:
        return False
    last, first = before.contents[-1], group.contents[0]
    return (
        first.sentence - max(p.sentence for p in before.parts()) <= 1
        or "\n" not in text[last.span.end : first.span.start]
    )


__all__ = ["link", "quotations"]
