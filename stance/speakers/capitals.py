"""Text in capitals, written small: a name in it cannot be told from the words around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stance.schema import Span
from stance.speakers import words as w
from stance.speakers.narration import is_verb_form
from stance.speakers.phrases import TOKEN, Gazetteer

_LETTERS = 12  # so few in capitals are an acronym or a name
_WORDS = 3
_FIRST = re.compile(r"[^\W\d_]")
_NAMED = 3  # words of a name behind a title, at most
_CALENDAR = frozenset(name.lower() for name in w.NO_NAMES if name.endswith("day")) | frozenset(
    "january february april june july august september october november december".split()
)


def written_small(text: str, sentences: Sequence[Span], known: Gazetteer) -> str:
    """Return a text with its sentences in capitals written small, of the same length.

    Capitals are left to the actors that the gazetteer knows, to words that the rest of the text
    has with a capital, and to what follows a title ("SPOKESMAN JOHN SMITH"). A wire of the 1980s
    is written so, and many a headline.
    """
    loud = [span for span in sentences if _is_loud(text[span.start : span.end])]
    if not loud:
        return text
    names = _names(text, sentences, {span.start for span in loud})
    pieces, last = [], 0
    for span in loud:
        pieces += [text[last : span.start], _small(text[span.start : span.end], known, names)]
        last = span.end
    return "".join([*pieces, text[last:]])


def _is_loud(part: str) -> bool:
    letters = sum(map(str.isalpha, part))
    return letters >= _LETTERS and part.upper() == part and len(TOKEN.findall(part)) >= _WORDS


def _names(text: str, sentences: Sequence[Span], loud: set[int]) -> set[str]:
    """Return the words that a text has with a capital and never without, in small letters."""
    capital: set[str] = set()
    small: set[str] = set()
    for span in sentences:
        if span.start in loud:
            continue
        for number, token in enumerate(TOKEN.finditer(text, span.start, span.end)):
            word = token.group()
            if word[0].islower():
                small.add(word)
            elif number:
                capital.add(word.lower())
    return capital - small


def _small(part: str, known: Gazetteer, names: set[str]) -> str:
    lower, title = part.lower(), part.title()
    if not len(lower) == len(title) == len(part):  # a few letters are longer in the other case
        return part
    chars = list(lower)
    titled = 0
    for token in TOKEN.finditer(lower):
        word = token.group()
        bare = word.rstrip(".")
        stops = bare in w.COMMON | w.PREPOSITIONS or is_verb_form(bare)
        titled = 0 if stops else max(titled - 1, 0)
        if word in names or word in _CALENDAR or titled:
            chars[token.start()] = part[token.start()]
        if bare in w.ROLES or bare.title() in w.TITLES:
            titled = _NAMED + 1
    for found, source in ((known.find(title), title), (known.find(part), part)):
        for start, end, _ in found:
            chars[start:end] = source[start:end]
    first = _FIRST.search(part)
    if first is not None:
        chars[first.start()] = part[first.start()]
    return "".join(chars)
