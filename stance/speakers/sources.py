"""Whom the words before a reporting verb mean, where a tagger has no source, or one too few."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from stance.schema import Attribution, Mention, Span
from stance.speakers import words as w
from stance.speakers.narration import subject
from stance.speakers.phrases import TOKEN
from stance.speakers.spans import whole_name

_ADDRESS = re.compile(r"(?:Mr|Mrs|Ms|Madam|Your|Excellenc|Ladies|Distinguished|Dear|Prime|Sir)\b")
_THEN_I = re.compile(r",?\s+(?:I|we)\b")
_WHO = re.compile(
    r"(?P<who>(?:(?:[A-Z][\w’'.-]+|d[ei]|al|bin|van|von|der)\s)*[A-Z][\w’'-]+)"
    r"(?:,\s[^,.;]{3,80})?,\s(?:who|which)\s(?:\w+\s){0,2}$"
)
_QUOTED = re.compile(
    r"(?:quot|cit)(?:es?|ed|ing)\s(?P<who>[^,.;:“”\"\n]{2,60}?)\sas\s(?:saying|telling)\b"
)
_INVERTED = re.compile(
    r"\s+(?P<who>(?:(?:the|an?|its|his|her|their)\s|[A-Z])[^,.;:“”\"\n]{1,60}?)"
    r"(?=[,.;]|\s(?:on|in|at|after|before|as|who|when|while)\s|\s*$)",
    re.MULTILINE,
)
_BEFORE_SPEAKER = frozenset("said says added replied argued explained insisted stressed".split())
_FAR = 160
_BETWEEN = 3  # adverbs and auxiliaries between a subject and its verb


def says_self(text: str, source: Span) -> bool:
    """Tell whether a source is the one who speaks: "I", "We, the ministers", "Mr. Chairman, I"."""
    words = TOKEN.findall(text[source.start : source.end])
    if not words:
        return False
    first, last = words[0].lower() in w.SELF, words[-1].lower() in w.SELF
    if first and (len(words) < 3 or text[source.start + len(words[0])] == ","):
        return True
    if text[max(source.start - 4, 0) : source.start].lower() == "we, ":
        return True
    if last and text[source.start : source.end].removesuffix(words[-1]).endswith(", "):
        return True
    return bool(_ADDRESS.match(text, source.start) and _THEN_I.match(text, source.end))


def sources_of(text: str, attribution: Attribution) -> list[Span]:
    """Return the sources of an attribution, whom they quote first: "Tass quoted Moss as saying".

    Instead of "who" it has whom that means.
    """
    quoted = [_QUOTED.match(text, cue.start) for cue in attribution.cues]
    found = [Span(*match.span("who")) for match in quoted if match]
    for source in attribution.sources:
        who = text[source.start : source.end].lower() in ("who", "which")
        start, end = max(source.start - _FAR, 0), source.end + 1
        found.append((_antecedent(text, start, end) if who else None) or source)
    return found


def subject_of(text: str, sentence: Span, cue: Span) -> Span | None:
    """Return who stands before a verb that says something, if nothing else may be its subject.

    A participle behind a comma has the subject of its sentence: "appealed to them, arguing that".
    """
    if relative := _antecedent(text, max(sentence.start, cue.start - _FAR), cue.start):
        return relative
    place = subject(text[sentence.start : sentence.end])
    if place is None:
        return None
    found = Span(sentence.start + place[0], sentence.start + place[1])
    between = text[found.end : cue.start]
    participle = text[cue.start : cue.end].split()[:1]
    trails = bool(participle) and participle[0].endswith("ing") and between.endswith(", ")
    near = len(between.split()) <= _BETWEEN and not re.search(r"[,;:.“”\"]", between)
    return found if found.end <= cue.start and (near or trails) else None


def _antecedent(text: str, start: int, end: int) -> Span | None:
    """Return whom the "who" means that ends part of a text: "Ana Moss, an envoy, who then"."""
    relative = _WHO.search(text[start:end])
    return Span(*(start + place for place in relative.span("who"))) if relative else None


def inverted(text: str, cue: Span) -> Span | None:
    """Return who stands behind a verb between pauses: "the road, said its owner, Ana Moss, was"."""
    paused = text[max(cue.start - 2, 0) : cue.start] == ", "
    if not paused or text[cue.start : cue.end] not in _BEFORE_SPEAKER:
        return None
    match = _INVERTED.match(text, cue.end)
    return whole_name(text, Span(*match.span("who"))) if match else None


def issuer(text: str, source: Span, told: Sequence[tuple[Mention | None, Span]]) -> Mention | None:
    """Return whose "the report" or "the statement" is: theirs who were told to give one.

    Args:
        text: The article.
        source: Who says something; anything else is nobody's.
        told: Who speaks in each sentence shortly before it.
    """
    words = text[source.start : source.end].lower().split()
    if len(words) != 2 or words[0] not in ("the", "this") or words[1] not in w.DOCUMENTS:
        return None
    given = re.compile(
        rf"\b(?:an?|the|its|his|her|their)\s(?:[\w-]+\s){{0,2}}{words[1]}\b|\breported\b"
    )
    for speaker, sentence in told:
        if speaker is not None and given.search(text, sentence.start, sentence.end):
            return replace(speaker, start=source.start, end=source.end, how="title")
    return None
