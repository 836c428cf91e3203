"""What one is reported to say, as far as it stands in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stance.schema import Attribution, Mention, Span


@dataclass(frozen=True, slots=True)
class Speech:
    """An attribution as far as it stands in one sentence.

    Attributes:
        number: Which attribution.
        speaker: Who says it; None if unclear.
        contents: What is said.
        cues: What tells that it is.
        extent: From the first of its spans to the last.
    """

    number: int
    speaker: Mention | None
    contents: tuple[Span, ...]
    cues: tuple[Span, ...]
    extent: Span

    @property
    def size(self) -> int:
        """How many characters are said."""
        return sum(span.end - span.start for span in self.contents)


def main_speech(speeches: Sequence[Speech], attributions: Sequence[Attribution]) -> Speech:
    """Return what a sentence is about: the largest, or what makes up most of it."""
    outer = max(speeches, key=lambda s: s.size)
    for speech in speeches:
        source = next(iter(attributions[speech.number].sources), None)
        nested = source and any(c.start <= source.start < c.end for c in outer.contents)
        if speech is not outer and nested and speech.size * 5 >= outer.size * 2:
            return speech
    return outer


def apart(speeches: Sequence[Speech]) -> list[Speech]:
    """Return those of which none stands inside another, in order."""
    found: list[Speech] = []
    for speech in sorted(speeches, key=lambda s: s.extent.start):
        if not found or speech.extent.start >= found[-1].extent.end:
            found.append(speech)
    return found
