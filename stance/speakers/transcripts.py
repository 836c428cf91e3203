"""Interviews and transcripts: who asks and who answers, where no verb says so."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stance.schema import Mention, Span
from stance.speakers.cast import Cast
from stance.speakers.phrases import TOKEN

_LABEL = re.compile(
    r"^[^\S\n]*(?P<who>[A-Z][\w .,’'()/-]{0,60}?)(?::|(?<=[QA])\.)[^\S\n]+(?=\S)"
    r"|^[^\S\n]*(?P<alone>[A-Z][\w .,’'()/-]{0,60}?):[^\S\n]*$",
    re.MULTILINE,
)
_ASKS = frozenset(
    "q question reporter journalist interviewer moderator host correspondent anchor".split()
)
_ANSWERS = frozenset("a answer".split())
ASKER, ANSWERER = "the interviewer", "the interviewee"
_WITH = re.compile(r"\binterview\w*\s+(?:with|of|to)\s+(?P<who>[^\n,;:]{3,80})", re.IGNORECASE)
_INTERVIEW = re.compile(r"\binterview|\b(?:sat down|spoke) with\b", re.IGNORECASE)
_VOCATIVE = re.compile(
    r"^(?:Mr|Mrs|Ms|Madam|Your|Minister|President|Ambassador|General|Prime|Dr|Professor)\b"
    r"[^,?]{0,40},\s|,\s(?:Mr|Mrs|Ms|Madam|Minister|President|Ambassador|General|Professor)\b"
)
_FIRST_PERSON = frozenset("I I’m I'm My my".split())
_YOU = re.compile(r"\b(?:you|your|yourself)\b", re.IGNORECASE)
_LEAST = 3  # questions, or labels
_OPENING = 4  # sentences in which an interview is announced


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn each sentence is: for its number, the words for who, and where they stand."""

    names: dict[int, tuple[str, int | None]]
    sentences: Sequence[Span]

    def has(self, number: int) -> bool:
        """Tell whether a sentence is somebody's turn."""
        return number in self.names

    def speaker(self, number: int, cast: Cast) -> Mention | None:
        """Return whose turn a sentence is, resolved as the article is read."""
        if number not in self.names:
            return None
        who, start = self.names[number]
        begin = self.sentences[number].start
        found = cast.resolve(who, begin if start is None else start, number)
        if found is None:
            return None
        (actor, *others), _ = found
        how = "interview" if start is None else "label"
        if start is None or start < begin:
            return Mention(None, None, actor, how, tuple(others))
        return Mention(start, start + len(who), actor, how, tuple(others))


def turns(text: str, sentences: Sequence[Span], own: Sequence[bool], cast: Cast) -> Turns:
    """Return whose turn each sentence of a transcript or an interview is.

    Labels before a colon tell it ("Lavrov: ...", "Q: ..."). Without labels the questions that turn
    to "you" are the interviewer's and all else the interviewee's, if an interview is announced or
    the one asked is addressed.

    Args:
        text: The article.
        sentences: Its sentences.
        own: For each whether it is nobody's whom its own words name: neither quoted nor reported.
        cast: The article's actors.

    Returns:
        None of them if the text is neither.
    """
    labels = list(_labels(text, cast))
    counts = Counter(who.lower() for who, _ in labels)
    if len(labels) >= _LEAST and len(counts) > 1 and max(counts.values()) > 1:
        return Turns(_labelled(text, sentences, labels, cast), sentences)
    questions = {n: text[s.start : s.end] for n, s in enumerate(sentences) if _asks(text, s)}
    asked = sum(own[n] for n in questions)
    if asked < _LEAST or not _is_interview(text, sentences, questions.values()):
        return Turns({}, sentences)
    answerer = _interviewee(text, cast)
    spoken = range(min(questions), len(sentences))
    return Turns({n: (ASKER if n in questions else answerer, None) for n in spoken}, sentences)


def _labels(text: str, cast: Cast) -> list[tuple[str, int]]:
    """Return the labels of a transcript, and where they stand."""
    found = []
    for match in _LABEL.finditer(text):
        kind = "who" if match["who"] else "alone"
        who = match[kind]
        if _word(who) in _ASKS | _ANSWERS or cast.read(who).kind in ("person", "actor", "office"):
            found.append((who, match.start(kind)))
    return found


def _word(label: str) -> str:
    return label.lower().rstrip(".")


def _labelled(
    text: str, sentences: Sequence[Span], labels: Sequence[tuple[str, int]], cast: Cast
) -> dict[int, tuple[str, int | None]]:
    starts = [start for _, start in labels]
    answerer = _interviewee(text, cast)
    found: dict[int, tuple[str, int | None]] = {}
    for number, span in enumerate(sentences):
        at = bisect_right(starts, span.start + 1) - 1
        if at < 0:
            continue
        who, start = labels[at]
        word = _word(who)
        if word in _ASKS:
            found[number] = (ASKER, None)
        elif word in _ANSWERS:
            found[number] = (answerer, None)
        else:
            found[number] = (who, start)
    return found


def _asks(text: str, span: Span) -> bool:
    part = text[span.start : span.end]
    return part.endswith("?") and bool(_YOU.search(part))


def _is_interview(text: str, sentences: Sequence[Span], questions: Iterable[str]) -> bool:
    own = sum(not _FIRST_PERSON.isdisjoint(TOKEN.findall(text[s.start : s.end])) for s in sentences)
    opening = text[: sentences[min(_OPENING, len(sentences)) - 1].end]
    addressed = any(map(_VOCATIVE.search, questions))
    return own >= _LEAST and (addressed or bool(_INTERVIEW.search(opening)))


def _interviewee(text: str, cast: Cast) -> str:
    """Return who is interviewed: named so, else the person named most, else nobody known."""
    announced = _WITH.search(text)
    if announced is not None and cast.read(announced["who"]).kind in ("person", "office"):
        return announced["who"].strip()
    people = Counter(text[a:b] for a, b, actor in cast.find(text) if cast.known.is_person(actor))
    return people.most_common(1)[0][0] if people else ANSWERER
