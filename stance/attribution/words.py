"""A text as the tagger reads it: words, their tokens and looks, windows; a tag for each word."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.attribution.frames import Frame, according, frames
from stance.attribution.quotations import is_speech, quotations
from stance.schema import Attribution, Span

ROLES = ("source", "cue", "content")
TAGS = ("O", *(f"{place}-{role}" for role in ROLES for place in "BI"))
"""A word is outside, begins a span of a role, or goes on with it (Ramshaw & Marcus 1995)."""

LOOKS = 36
"""Looks of a word: 3 of case, 4 of quotation marks, 3 of what begins at it."""

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Words:
    """A text in words and tokens.

    Attributes:
        spans: The words, N of them, in order; a word is letters and digits, or one other sign.
        opens: Whether a word begins a sentence, shape (N,).
        form: The tag that the form of the text gives a word, shape (N,), or 0: content in a
            quotation that is speech, source and cue right beside a quotation.
        first: The token that each word begins with, shape (N,), ascending.
        ids: The tokens, without special ones.
        looks: A number below `LOOKS` for each token: what an uncased encoder does not see.
        quoted: The quotations in order, each with the frame right beside it.
    """

    spans: tuple[Span, ...]
    opens: NDArray[np.bool_]
    form: NDArray[np.int64]
    first: NDArray[np.int64]
    ids: list[int]
    looks: list[int]
    quoted: tuple[tuple[Span, Frame | None], ...]

    def window(self, start: int, end: int) -> tuple[list[int], list[int], list[int]]:
        """Return the tokens and looks of words `start` to `end`, and where each word begins."""
        low = int(self.first[start])
        high = int(self.first[end]) if end < len(self.spans) else len(self.ids)
        places = (self.first[start:end] - low).tolist()
        return self.ids[low:high], self.looks[low:high], places


def read_words(text: str, sentences: Sequence[Span], tokenizer: Any) -> Words:
    """Read a text.

    Args:
        text: The text.
        sentences: Its sentences.
        tokenizer: A `tokenizers.Tokenizer`.
    """
    encoding = tokenizer.encode(text, add_special_tokens=False)
    found = [Span(*match.span()) for match in _WORD.finditer(text)]
    offsets = encoding.offsets  # a new list each time that it is asked for
    starts = [start for start, _ in offsets]
    spans: list[Span] = []
    first: list[int] = []
    for word in found:
        token = bisect_left(starts, word.start)
        # Some signs leave no token, and some tokens begin with the blank before the word.
        if token and offsets[token - 1][1] > word.start:
            token -= 1
        if token < len(starts) and starts[token] < word.end and (not first or token > first[-1]):
            spans.append(word)
            first.append(token)
    opens = _sentence_starts(spans, sentences)
    quoted = tuple(frames(text, sentences, quotations(text)))
    looks = _looks(text, spans, opens, [quotation for quotation, _ in quoted])
    counts = np.diff([*first, len(starts)]) if first else np.zeros(0, dtype=int)
    tokens = np.repeat(looks, counts)
    later = np.ones(len(tokens), dtype=bool)
    low = first[0] if first else 0
    later[np.array(first, dtype=int) - low] = False
    tokens[later] %= 12  # only the first token of a word begins anything
    return Words(
        tuple(spans),
        opens > 0,
        _forms(text, spans, sentences, quoted),
        np.array(first, dtype=np.int64) - low,
        encoding.ids[low:],
        tokens.tolist(),
        quoted,
    )


def _sentence_starts(words: Sequence[Span], sentences: Sequence[Span]) -> NDArray[np.int64]:
    """Return 1 for each word that begins a sentence, 0 for the others."""
    opens = np.zeros(len(words), dtype=np.int64)
    starts = [word.start for word in words]
    for sentence in sentences:
        word = bisect_left(starts, sentence.start)
        if word < len(words) and starts[word] < sentence.end:
            opens[word] = 1
    opens[:1] = 1
    return opens


def _forms(
    text: str,
    words: Sequence[Span],
    sentences: Sequence[Span],
    quoted: Iterable[tuple[Span, Frame | None]],
) -> NDArray[np.int64]:
    """Return for each word the number of the tag that the form of the text gives it, or 0."""
    found = np.zeros(len(words), dtype=np.int64)
    starts = [word.start for word in words]

    def mark(role: str, span: Span, first: str = "B") -> None:
        low, high = bisect_left(starts, span.start), bisect_left(starts, span.end)
        found[low:high] = TAGS.index(f"I-{role}")
        found[low : min(low + 1, high)] = TAGS.index(f"{first}-{role}")

    for source, cue, _ in according(text, sentences):
        mark("cue", cue)
        if source is not None:
            mark("source", source)
    for quotation, frame in quoted:
        if frame is not None:
            mark("cue", frame.cue)
            if frame.source is not None:
                mark("source", frame.source)
        if is_speech(text, quotation):
            # With a frame behind it, it is no part of what another is reported to say before it.
            mark("content", quotation, "B" if frame is not None and frame.behind else "I")
    return found


def _looks(
    text: str, words: Sequence[Span], opens: NDArray[np.int64], quoted: Iterable[Span]
) -> NDArray[np.int64]:
    """Return a number for each word: case + 3 x quotation + 12 x what begins at it."""
    looks = np.zeros(len(words), dtype=np.int64)
    for number, word in enumerate(words):
        form = text[word.start : word.end]
        looks[number] = 0 if not form[0].isupper() else 2 if len(form) > 1 and form.isupper() else 1
        if opens[number]:
            before = text[words[number - 1].end : word.start] if number else "\n\n"
            looks[number] += 24 if "\n" in before else 12
    starts = [word.start for word in words]
    for span in quoted:
        low, high = bisect_left(starts, span.start), bisect_left(starts, span.end)
        if low < high:
            looks[low:high] += 3 * 2
            looks[low] -= 3
            if high - low > 1:
                looks[high - 1] += 3
    return looks


def windows(words: Words, size: int, *, overlap: float = 0.25) -> list[tuple[int, int]]:
    """Cut a text into ranges of words whose tokens a model can read, at sentence starts if it may.

    Args:
        words: The text.
        size: Most tokens of a window.
        overlap: Part of a window that the next one repeats, so that all words have a context.
    """
    total = len(words.spans)
    ends = [*words.first[1:].tolist(), len(words.ids)]  # tokens up to the end of each word
    found = []
    low = 0
    while low < total:
        begin = int(words.first[low])
        high = max(low + 1, bisect_left(ends, begin + size + 1))
        if high < total:
            high = _sentence_start(words, high, above=(low + high) // 2) or high
        found.append((low, high))
        if high >= total:
            break
        again = bisect_left(ends, ends[high - 1] - int(overlap * size))
        again = max(low + 1, min(again, high))
        low = _sentence_start(words, again, above=low) or again if overlap else high
    return found


def _sentence_start(words: Words, at: int, *, above: int) -> int | None:
    """Return the last word at or before `at` that begins a sentence, if it is above `above`."""
    found = np.flatnonzero(words.opens[above + 1 : at + 1])
    return above + 1 + int(found[-1]) if len(found) else None


def tags(words: Words, attributions: Iterable[Attribution]) -> NDArray[np.int64]:
    """Return the number of each word's tag, shape (N,).

    Of nested attributions the outer one is taken. A span is cut where a sentence begins.
    """
    said = sorted(attributions, key=lambda a: -sum(s.end - s.start for s in a.contents))
    starts = [word.start for word in words.spans]
    result = np.zeros(len(starts), dtype=np.int64)

    def ranges(spans: Iterable[Span]) -> list[tuple[int, int]]:
        return [(_word_at(words, starts, s.start), bisect_left(starts, s.end)) for s in spans]

    inside = np.zeros(len(starts), dtype=bool)  # words of contents
    for attribution in said:
        frame = [r for r in ranges((*attribution.sources, *attribution.cues)) if r[0] < r[1]]
        contents = [r for r in ranges(attribution.contents) if r[0] < r[1]]
        if any(inside[low:high].any() for low, high in (frame or contents)):
            continue
        for low, high in contents:
            inside[low:high] = True
        for role, spans in enumerate((attribution.sources, attribution.cues, attribution.contents)):
            for low, high in ranges(spans):
                if low < high and (role < 2 or not result[low:high].any()):
                    _paint(result, low, high, role, words.opens)
        for low, high in frame:
            inside[low:high] = False
    return result


def _word_at(words: Words, starts: Sequence[int], place: int) -> int:
    """Return the first word that ends after a place."""
    word = bisect_left(starts, place)
    return word - 1 if word and words.spans[word - 1].end > place else word


def _paint(
    result: NDArray[np.int64], low: int, high: int, role: int, opens: NDArray[np.bool_]
) -> None:
    result[low:high] = 2 + 2 * role
    result[low] = 1 + 2 * role
    result[low:high][opens[low:high]] = 1 + 2 * role


def runs(numbers: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return the spans of a sequence of tags: role, first word, word after the last."""
    found: list[tuple[int, int, int]] = []
    for word, number in enumerate(numbers.tolist()):
        if number == 0:
            continue
        role = (number - 1) // 2
        if number % 2 == 0 and found and found[-1][2] == word and found[-1][0] == role:
            found[-1] = (role, found[-1][1], word + 1)
        else:
            found.append((role, word, word + 1))
    return found
