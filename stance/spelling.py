"""Two neighbouring letters the wrong way round are read the right way round.

A model that reads pieces of words reads "agered" as something else than "agreed". Pruthi, Dhingra
and Lipton (Combating Adversarial Misspellings, 2019) put a recogniser of words before the model;
this is the smallest such: it knows the words of the model's own vocabulary, and of slips the one
that typists make most within a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SHORTEST = 5
"""Letters of the shortest word that is mended: in shorter ones too many others are a slip away."""

_WORD = re.compile(rf"(?<![\w'’-])[a-z]{{{SHORTEST},}}(?![\w'’-])")
_CONTINUES = "##"
_BLANKS = ("Ġ", "▁")


class Spelling:
    """Mends slips of the pen in small words that a vocabulary does not know.

    Args:
        vocabulary: Pieces of words as a tokenizer has them: WordPiece, BPE or SentencePiece.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        pieces = set(vocabulary)
        if any(piece.startswith(_BLANKS) for piece in pieces):
            self._known = {piece[1:] for piece in pieces if piece.startswith(_BLANKS)}
        else:
            self._known = {piece for piece in pieces if not piece.startswith(_CONTINUES)}

    def mended(self, text: str) -> str:
        """Return the text; where a word is unknown, and exactly one known word has two neighbouring
        letters the other way round, that one stands in its place. The length stays the same."""
        return _WORD.sub(self._mended, text)

    def _mended(self, found: re.Match[str]) -> str:
        word = found.group()
        if word in self._known:
            return word
        turned = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
        meant = turned & self._known
        return meant.pop() if len(meant) == 1 else word
