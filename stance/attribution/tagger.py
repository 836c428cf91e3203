"""Finds who is reported to have said what in a text, with a saved tagger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stance.artifact import champion
from stance.attribution.decoding import decode
from stance.attribution.linking import link
from stance.attribution.words import TAGS, Words, read_words, windows
from stance.runtime import TokenScorer
from stance.schema import Attribution, ModelError, Span

FOLDER = "attribution"
"""Folder of the saved taggers, in that of the models."""


class Tagger:
    """A saved tagger ready to read.

    Args:
        folder: A saved tagger.
        precision: `fp32` or `int8`; None takes what its manifest says.
        threads: CPU threads; None takes all cores.

    Raises:
        ModelError: If the folder is not a whole, sound tagger.
    """

    def __init__(
        self, folder: str | Path, *, precision: str | None = None, threads: int | None = None
    ) -> None:
        self.folder = Path(folder)
        self.scorer = TokenScorer(self.folder, precision=precision, threads=threads)
        self.manifest = self.scorer.manifest
        if self.manifest.labels != TAGS:
            raise ModelError(f"{folder}: not an attribution tagger, but of {self.manifest.labels}")

    def __repr__(self) -> str:
        return f"<stance.attribution.Tagger {self.manifest.name!r}>"

    def read(self, text: str, sentences: Sequence[Span]) -> Words:
        """Return a text in words, as the tagger reads it."""
        return read_words(text, sentences, self.scorer.tokenizer)

    def tags(self, words: Words) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the likeliest tag of each word and its probability, both of shape (N,)."""
        scores, transitions = self.scores(words)
        return decode(scores, transitions, words.opens, words.form)

    def scores(self, words: Words) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the scores of the words' tags, shape (N, K), and of one tag after another."""
        ranges, parts = self.windows(words)
        logits, transitions = self.scorer.logits([(ids, looks) for ids, looks, _ in parts])
        result = np.zeros((len(words.spans), len(TAGS)))
        begin = 0
        for number, ((low, high), (_, _, places)) in enumerate(zip(ranges, parts, strict=True)):
            # Of what two windows read, each has the half that it knows more of the context of.
            last = number + 1 == len(ranges)
            end = high if last else (high + max(ranges[number + 1][0], low)) // 2
            result[begin:end] = logits[number][places][begin - low : end - low]
            begin = end
        return result / self.manifest.temperature, transitions / self.manifest.temperature

    def windows(
        self, words: Words
    ) -> tuple[list[tuple[int, int]], list[tuple[list[int], list[int], list[int]]]]:
        """Return the ranges of words that are read together, and each as `Words.window` does."""
        ranges = windows(words, self.manifest.max_length - 2)
        return ranges, [words.window(low, high) for low, high in ranges]

    def attributions(self, text: str, sentences: Sequence[Span]) -> list[Attribution]:
        """Find who says what.

        Args:
            text: The text.
            sentences: Its sentences, as `stance.article.split` finds them.

        Returns:
            In order of their first span; spans index `text` as it is.
        """
        words = self.read(text, sentences)
        numbers, sure = self.tags(words)
        return link(text, sentences, words, numbers, sure)


def find(models: Path, *, threads: int | None = None) -> Tagger | None:
    """Return the tagger in use, the champion of `models/attribution`, or None if there is none.

    Args:
        models: The folder that models are in.
        threads: CPU threads; None takes all cores.

    Raises:
        ModelError: If it is incomplete or damaged.
    """
    folder = champion(models / FOLDER)
    return None if folder is None else Tagger(folder, threads=threads)
