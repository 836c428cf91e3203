"""Who takes part in an article, and what later words may refer back to."""

from __future__ import annotations

from dataclasses import dataclass, field

from stance.speakers.words import PORTFOLIOS


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
        wanted = modifiers & PORTFOLIOS
        return not wanted or not self.portfolio or bool(wanted & self.portfolio)
