"""Toward whom words go or a deed is done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from stance.schema import Mention, Span
from stance.speakers import words as w
from stance.speakers.cast import Cast
from stance.speakers.phrases import TOKEN, Found

_OFTEN = 3  # mentions of an actor in the article, for it to be the other side
_RIVALS = 6
EVERYBODY = "all-parties"
_THEM = re.compile(r"\b(?:they|them|their)\b", re.IGNORECASE)
_YOU = re.compile(r"\b(?:you|your|yours)\b", re.IGNORECASE)
_AT = frozenset("back out aimed directed anger angry levelled fury furious".split())
_NEXT = re.compile(r"\s+(?:(?:has|have|had|also|then|later|again)\s+)*([a-z]+)\b")
_HARM = re.compile(
    r"\b(?:wars?|invasion|aggression|attacks?|assaults?|strikes?|offensive|raids?|threats?|violence|"
    r"occupation|annexation|blockade|bombing|bombardment|shelling|siege|crimes?|storming)\s"
    r"(?:against|on|of|into|to|upon|with|over)\s(?:the\s)?\Z"
    r"|\b(?:invad|attack|bomb|shell|occupy|annex|destroy)(?:s|ed|ing)?\s(?:the\s)?\Z",
    re.IGNORECASE,
)
_FIXED = re.compile(
    r"\b(?:the )?([a-z][a-z-]+ ){0,2}(" + "|".join(sorted(w.BODIES | w.PEOPLE)) + r")\b"
)


class Targets:
    """Finds targets in one article; remembers whom each speaker turned to before."""

    def __init__(self, text: str, cast: Cast) -> None:
        self._text = text
        self._cast = cast
        self._last: dict[str, str] = {}

    def find(
        self,
        speaker: Mention,
        areas: Sequence[Span],
        cues: Sequence[Span],
        named: Found,
        *,
        moves: bool,
    ) -> Mention | None:
        """Return whom a speaker's words are toward, or None if it is unclear.

        Args:
            speaker: Who speaks or acts.
            areas: What is said or done, in order: where the target may be named.
            cues: Reporting words, after which an addressee may stand.
            named: Places of actors in the sentence, in order.
            moves: The sentence shows a move in a dispute; without one only an addressee counts.
        """
        actors = speaker.actors
        own = {*actors, *map(self._cast.side, actors)}
        others = [n for n in named if n[2] not in own and self._cast.side(n[2]) not in own]
        found = self._addressed(others, [*cues, *self._verb(speaker)])
        if found is None and moves:
            found, harmed = self._named(others, areas)
            found = found or self._everybody(areas)
            other = self._other(self._cast.side(actors[0]), own) if harmed else None
            if harmed and found and other not in (None, found.actor, self._cast.side(found.actor)):
                own |= {found.actor}
                found = None
            found = found or self._by_word(actors, own, areas)
        if found is not None and found.actor != EVERYBODY:
            for actor in actors:
                side = self._cast.side(actor)
                self._last[side] = found.actor
        return found

    def _verb(self, speaker: Mention) -> list[Span]:
        """Return the word behind whoever speaks, which a tagger may have taken for no cue."""
        if speaker.end is None:
            return []
        match = _NEXT.match(self._text, speaker.end)
        return [Span(*match.span(1))] if match else []

    def _addressed(self, others: Found, cues: Sequence[Span]) -> Mention | None:
        for cue in cues:
            words = set(TOKEN.findall(self._text[cue.start : cue.end].lower()))
            if not words & w.ADDRESSING:
                continue
            for start, end, actor in others:
                gap = self._text[cue.end : start]
                near = 0 <= start - cue.end < 40 and len(gap.split()) <= 4
                near = near and not self._is_attribute(start, end, actor)
                if near and not re.search(
                    rf"[.,;:“\"]|\b(?:that|whether|if|in|at|with|against|about|over)\b|{w.SPEAKS_FOR}",
                    gap,
                ):
                    return Mention(start, end, actor, "addressee")
        return None

    def _named(self, others: Found, areas: Sequence[Span]) -> tuple[Mention | None, bool]:
        """Return who is named in what is said, and whether as one to whom harm is done.

        "The war against Ukraine" is rather said toward who wages it.
        """
        best: tuple[int, int, Mention] | None = None
        for start, end, actor in others:
            if not any(area.start <= start and end <= area.end for area in areas):
                continue
            before = TOKEN.findall(self._text[max(0, start - 30) : start].lower())
            word = before[-1] if before else ""
            word = before[-2] if word in w.ARTICLES and len(before) > 1 else word
            after = self._text[end : end + 30]
            rank = 0
            against = word == "at" and len(before) > 1 and before[-2] in _AT
            if (word in w.PLACE_PREPOSITIONS or word == "under") and not against:
                rank = 3
            elif _HARM.search(self._text, max(0, start - 40), start):
                rank = 2
            elif after[:2] in ("'s", "’s") or self._is_attribute(start, end, actor):
                rank = 1
            if best is None or rank < best[0]:
                best = (rank, start, Mention(start, end, actor, "named"))
        found = best[2] if best is not None and best[0] < 3 else None
        return found, best is not None and best[0] == 2

    def _is_attribute(self, start: int, end: int, actor: str) -> bool:
        known = self._cast.known.actors.get(actor)
        adjective = known and self._text[start:end] in known.forms.get("adjectives", ())
        return bool(adjective and re.match(r"\s+[a-z]", self._text[end : end + 30]))

    def _everybody(self, areas: Sequence[Span]) -> Mention | None:
        for area in areas:
            match = w.EVERYBODY.search(self._text, area.start, area.end)
            if match is not None:
                return Mention(match.start(), match.end(), EVERYBODY, "named")
        return None

    def _by_word(
        self, speaker: tuple[str, ...], own: set[str], areas: Sequence[Span]
    ) -> Mention | None:
        """Return whom "they", "you", "the union" mean, else to whom the speaker turned before."""
        for area in areas:
            said = self._text[area.start : area.end]
            for match in _FIXED.finditer(said):
                for referent in reversed(self._cast.recent):
                    fits = match.group(2) in referent.heads and referent.actor[0] not in own
                    if fits and self._cast.side(referent.actor[0]) not in own:
                        start = area.start + match.start()
                        end = area.start + match.end()
                        return Mention(start, end, referent.actor[0], "title")
        side = self._cast.side(speaker[0])
        last = self._last.get(side)
        other = self._other(side, own)
        pronoun = last or other
        for area in areas:
            for pattern in (_YOU, _THEM):
                word = pattern.search(self._text, area.start, area.end)
                if word and pronoun and pronoun not in own:
                    return Mention(word.start(), word.end(), pronoun, "pronoun")
        return Mention(None, None, other, "dispute") if other else None

    def _other(self, side: str, own: set[str]) -> str | None:
        """Return whom the article names most of those who are not the speaker's side."""
        counts = Counter(self._cast.sides)
        for member in self._cast.members.values():
            if not member.known and member.type != "person":
                counts[member.id] += len(member.mentions)
        if not counts[side]:
            return None
        rivals = [a for a, n in counts.most_common(_RIVALS) if n >= _OFTEN]
        return next((a for a in rivals if a not in own and self._cast.side(a) not in own), None)
