"""Who speaks in an article, and what an analyst is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stance.schema.base import Span

FORMS = ("direct", "indirect", "mixed", "narration", "background")
"""Forms of a sentence: a quotation, reported speech, reported speech with a quotation in it, a deed
that the article narrates, and what no actor says or does."""

ACTOR_TYPES = ("state", "person", "organisation", "armed group", "group")
"""What an actor of an article may be; a `group` is people without an organisation."""


MIN_STATEMENTS = 3
"""Statements below which there is too little evidence for a score."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that stand for an actor in an article.

    Attributes:
        start: Where they begin in the untouched text; None if the actor is only understood.
        end: Where they end.
        actor: Id of the actor, among those of the article.
        how: What told so: `name`, `title`, `office`, `metonymy`, `demonym`, `pronoun`,
            `description`, `continued` (a quotation goes on), `headline`, `author`, `signatory`,
            `label` (of a transcript), `interview`; of a target `addressee`, `named`, `title`,
            `pronoun`, `dispute` (the other party).
        jointly: Further actors that the words stand for ("Canada and Mexico").
    """

    start: int | None
    end: int | None
    actor: str
    how: str
    jointly: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the mention as plain JSON types."""
        return {
            "start": self.start,
            "end": self.end,
            "actor": self.actor,
            "how": self.how,
            "jointly": list(self.jointly),
        }

    @property
    def actors(self) -> tuple[str, ...]:
        """All actors that the words stand for."""
        return (self.actor, *self.jointly)


@dataclass(frozen=True, slots=True)
class ArticleActor:
    """An actor of an article.

    Attributes:
        id: That of the gazetteer (ISO 3166-1 alpha-3 in lower case for a state), else made of the
            name.
        name: Its usual name, or the fullest one of the article.
        type: One of `ACTOR_TYPES`.
        side: Id of the actor that it speaks for; None for itself or if unknown.
        mentions: Where the article names it as a speaker, doer or target.
    """

    id: str
    name: str
    type: str
    side: str | None = None
    mentions: tuple[Span, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the actor as plain JSON types."""
        return {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "side": self.side,
            "mentions": [{"start": span.start, "end": span.end} for span in self.mentions],
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, or one of its parts, as what somebody says or does.

    Attributes:
        sentence: Number of the sentence in the article, from 0.
        part: Number of the part in the sentence; None for the whole of it.
        score: Its score, in [-1, +1].
    """

    sentence: int
    part: int | None
    score: float

    def to_dict(self) -> dict[str, Any]:
        """Return the statement as plain JSON types."""
        return {"sentence": self.sentence, "part": self.part, "score": self.score}


@dataclass(frozen=True, slots=True)
class Share:
    """How much of some statements has a label.

    Attributes:
        raw: Share of the statements that the model gives the label, in [0, 1].
        corrected: The same without what the model's mistakes make of it; None if those are
            unknown or the statements too few.
        interval: 95 % interval of `corrected`.
    """

    raw: float
    corrected: float | None = None
    interval: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the share as plain JSON types."""
        interval = list(self.interval) if self.interval else None
        return {"raw": self.raw, "corrected": self.corrected, "interval": interval}


@dataclass(frozen=True, slots=True)
class Score:
    """The stance of several statements.

    Attributes:
        value: Mean of their scores, in [-1, +1]; None with fewer than `MIN_STATEMENTS`.
        interval: Its 95 % bootstrap interval over statements; None without a value.
        count: Number of statements.
        shares: What share of them has each label; empty without statements.
        low: Up to three statements nearest the pole at -1, strongest first.
        high: Up to three nearest the pole at +1, strongest first.
        statements: All of them, in order.
    """

    value: float | None
    interval: tuple[float, float] | None
    count: int
    shares: Mapping[str, Share] = field(default_factory=dict)
    low: tuple[Statement, ...] = ()
    high: tuple[Statement, ...] = ()
    statements: tuple[Statement, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the score as plain JSON types."""
        return {
            "value": self.value,
            "interval": list(self.interval) if self.interval else None,
            "count": self.count,
            "enough": self.value is not None,
            "shares": {label: share.to_dict() for label, share in self.shares.items()},
            "strongest": {
                "low": [statement.to_dict() for statement in self.low],
                "high": [statement.to_dict() for statement in self.high],
            },
            "statements": [statement.to_dict() for statement in self.statements],
        }


NOTHING_SAID = Score(None, None, 0)
"""The score of no statements."""


@dataclass(frozen=True, slots=True)
class ActorScore:
    """How an actor stands in an article.

    Attributes:
        actor: The actor.
        words: Of what it is quoted or reported to say.
        deeds: Of what the article narrates that it does, in the words of the outlet.
        side: Of all that is said by it or by those who speak for it; None if nobody else does.
    """

    actor: ArticleActor
    words: Score
    deeds: Score
    side: Score | None = None

    @property
    def id(self) -> str:
        """Id of the actor in the article."""
        return self.actor.id

    @property
    def name(self) -> str:
        """Name of the actor."""
        return self.actor.name

    @property
    def score(self) -> float | None:
        """The mean score of its words; None with too few of them."""
        return self.words.value

    def to_dict(self) -> dict[str, Any]:
        """Return the actor and its scores as plain JSON types."""
        return {
            **self.actor.to_dict(),
            "words": self.words.to_dict(),
            "deeds": self.deeds.to_dict(),
            "all": self.side.to_dict() if self.side else None,
        }


@dataclass(frozen=True, slots=True)
class PairScore:
    """How one actor stands toward another in an article.

    Attributes:
        speaker: Id of the one who speaks or acts.
        target: Id of the one toward whom.
        level: `actor` for the two themselves; `side` for all who speak for the first, toward all
            who speak for the second.
        words: Of what is said.
        deeds: Of what is narrated to be done.
    """

    speaker: str
    target: str
    level: str
    words: Score
    deeds: Score

    @property
    def score(self) -> float | None:
        """The mean score of the words; None with too few of them."""
        return self.words.value

    def to_dict(self) -> dict[str, Any]:
        """Return the pair as plain JSON types."""
        return {
            "speaker": self.speaker,
            "target": self.target,
            "level": self.level,
            "words": self.words.to_dict(),
            "deeds": self.deeds.to_dict(),
        }
