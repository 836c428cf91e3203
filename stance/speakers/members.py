"""Who takes part in an article, and what later words may refer back to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stance.speakers import words as w
from stance.speakers.phrases import Phrase


@dataclass(slots=True)
class Member:
    """An actor of the article while it is being read."""

    id: str
    name: str
    type: str
    known: bool
    side: str = ""
    mentions: set[tuple[int, int]] = field(default_factory=set)


@dataclass(slots=True)
class Referent:
    """What later words may refer back to: a person, an office, a body; it stands for an actor."""

    actor: tuple[str, ...]
    gender: str
    heads: set[str]
    ids: tuple[str, ...]
    name: str = ""
    person: bool = False
    portfolio: set[str] = field(default_factory=set)  # "foreign" of a foreign minister
    seen: float = 0.0  # number of the last sentence that names it, half more as the subject
    at: int = -1

    def may_hold(self, modifiers: frozenset[str]) -> bool:
        """Tell whether an office described so may be this one's: no foreign minister is prime."""
        wanted = modifiers & w.PORTFOLIOS
        return not wanted or not self.portfolio or bool(wanted & self.portfolio)


def initials(name: str) -> str:
    """Return the first letters of a name's capitalised words, in lower case."""
    return "".join(word[0] for word in name.split() if word[0].isupper()).lower()


def display(phrase: Phrase) -> str:
    """Return a short name for an actor known by a description alone."""
    if phrase.name and phrase.kind == "person":
        return phrase.name
    text = re.split(r",\s|\s[–—-]\s|\s\(|\s(?:who|which|whose|that)\b", phrase.text)[0]
    text = re.sub(r"^(?:the|a|an)\s+", "", text, flags=re.IGNORECASE)
    words = text.split()
    return " ".join(words[:9]) + (" …" if len(words) > 9 else "")


def type_of(phrase: Phrase) -> str:
    """Return the type of an actor that the gazetteer does not have, one of `ACTOR_TYPES`."""
    if phrase.head in w.ARMED:
        return "armed group"
    if phrase.gender == "many" and phrase.head not in w.BODIES:
        return "group"
    if phrase.kind in ("person", "office", "people"):
        return "person"
    return "organisation" if phrase.kind == "body" else "group"
