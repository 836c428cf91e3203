"""What is found out of an article: who says each sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stance.schema import ArticleActor, Mention, Span


@dataclass(frozen=True, slots=True)
class VoicePart:
    """A part of a sentence that has a speaker of its own."""

    span: Span
    form: str
    speaker: Mention | None
    target: Mention | None


@dataclass(frozen=True, slots=True)
class Voice:
    """Who says a sentence.

    Attributes:
        form: One of `FORMS`.
        speaker: Who says or does it; None for background, or if unclear.
        target: Toward whom; None for nobody, or if unclear.
        parts: What each of several speakers says in it, in order; empty for a single speaker.
    """

    form: str
    speaker: Mention | None = None
    target: Mention | None = None
    parts: tuple[VoicePart, ...] = ()

    def mentions(self) -> Iterator[Mention]:
        """Yield the speakers and targets of the sentence and of its parts."""
        pairs = [(self.speaker, self.target), *((p.speaker, p.target) for p in self.parts)]
        yield from (mention for pair in pairs for mention in pair if mention is not None)


@dataclass(frozen=True, slots=True)
class Voices:
    """Who says each sentence of an article, and the actors found on the way."""

    sentences: tuple[Voice, ...]
    actors: tuple[ArticleActor, ...]
