"""Who says it, where the tags leave that open: a source cut short, a cue without one."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from stance.attribution.phrases import (
    DETERMINERS,
    NO_NOUNS,
    PRONOUNS,
    SAYING,
    adverbial,
    is_name,
    phrase_end,
    read,
    subject_start,
)
from stance.attribution.words import TAGS, Words

# What a tagger takes for the beginning of a source, before whom it is: `As Lavrov`, `Of war, he`.
_BEFORE = re.compile(
    r"(?:(?i:as|that|which|when|but|and|while|though|because|\w+ly)\s+)+"
    r"(?=[A-Z]|(?:he|she|they|it|the|an?)\b)"
    r"|(?:(?i:of|in|on|at|as|for|after|before|by|with|to)\b|\w+(?:ed|ing)\s+(?=[a-z]))[^,]*,\s+"
    r"(?=[A-Z]|the\s|an?\s)"
)
_BESIDE = re.compile(
    r"(?:(?:[Tt]he|[Aa]n?|[Oo]ne|[Hh]is|[Hh]er|[Tt]heir) )?\w+(?:[.'’-]?[ -]?[A-Z]\w*\.?)*"
)
_ARTICLES = frozenset("a an the".split())
_DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday yesterday today tonight "
    "january february march april may june july august september october november december".split()
)
_POSSESSIVE = ("'s", "’s")
_NOUNS = 9  # words between an article and its verb, at most
_FAR = 120  # characters that a source goes on for, at most
_SENTENCE = 220  # characters before a cue that its source is looked for in


def whole(
    text: str, words: Words, numbers: NDArray[np.int64], low: int, high: int
) -> tuple[int, int]:
    """Return a source's words without what stands before it and with the rest of its name.

    Args:
        text: The text.
        words: Its words.
        numbers: Their tags, shape (N,).
        low: The first word tagged so.
        high: The word after the last.
    """
    start, end = words.spans[low].start, words.spans[high - 1].end
    match = _BEFORE.match(text, start, end)
    if match is not None:
        low = next((w for w in range(low, high) if words.spans[w].start >= match.end()), low)
    if text[words.spans[low].start : end].lower() in _ARTICLES and high < len(numbers):
        after = numbers[high : high + _NOUNS]
        follows = int(np.argmax(after > 0)) if after.any() else 0
        if TAGS[int(after[follows])] == "B-cue":
            return low, high + follows
    return low, _end(text, words, numbers, low, high)


def _end(text: str, words: Words, numbers: NDArray[np.int64], low: int, high: int) -> int:
    """Return the word after a name, or a noun phrase, of which the first words are tagged."""
    stop = high
    while (
        stop < len(numbers)
        and not (numbers[stop] or words.opens[stop])
        and words.spans[stop].end < words.spans[high - 1].end + _FAR
    ):
        stop += 1
    if stop == high:
        return high
    end = words.spans[high - 1].end
    tokens = list(read(text, words.spans[low].start, words.spans[stop - 1].end))
    forms = [token.group() for token in tokens]
    tagged = sum(token.start() < end for token in tokens)
    last = _name_end(forms, tagged)
    if last == tagged and forms[0].lower() in DETERMINERS:
        behind = low > 0 and TAGS[numbers[low - 1]].endswith("cue")
        if tagged == 1 or behind:
            last = max(tagged, _noun_end(forms, tagged))
    colon = text.startswith(":", tokens[last - 1].end())
    if last == tagged or (colon and last - tagged > 2):  # `Amsel Leaves Brell Talks: "No."`
        return high
    end = tokens[last - 1].end() - 2 * forms[last - 1].endswith(_POSSESSIVE)
    closed = stop == len(numbers) or words.opens[stop]
    end -= last == len(forms) and closed and forms[-1].endswith(".")
    return high + sum(word.end <= end for word in words.spans[high:stop])


def _name_end(forms: list[str], tagged: int) -> int:
    """Return where the run of capitalised words ends that a source stops within."""
    end = tagged
    while end < len(forms) and is_name(forms[end - 1]) and is_name(forms[end]):
        if forms[end - 1].endswith(_POSSESSIVE):
            break
        word = forms[end].lower().rstrip(".")
        if word in NO_NOUNS | PRONOUNS | SAYING | _DAYS or end - tagged > 3:
            return tagged
        end += 1
    return end


def _noun_end(forms: list[str], tagged: int) -> int:
    """Return where a noun phrase ends whose determiner, or adjective, is tagged alone."""
    end = phrase_end(forms, 0)
    for place in range(tagged, end):
        word = forms[place].lower()
        if word in _DAYS or (place > 1 and word.endswith(("ed", "ing"))):
            return place
    return end


def subject(
    text: str, words: Words, numbers: NDArray[np.int64], cue: int, start: int
) -> tuple[int, int] | None:
    """Return the untagged words right before a cue that are its subject, if any are.

    Args:
        text: The text.
        words: Its words.
        numbers: Their tags, shape (N,).
        cue: The cue's first word.
        start: Where its sentence begins in the text.
    """
    end = words.spans[cue].start
    tokens = list(read(text, max(start, end - _SENTENCE), end))
    forms = [token.group() for token in tokens]
    place = len(forms)
    if forms and forms[-1] in "'’":  # within a word: `it's`
        return None
    while place and (adverbial(forms[place - 1]) or forms[place - 1].lower() in _DAYS):
        place -= 1
        place -= place > 0 and forms[place - 1] == "on"
    first = subject_start(forms, place)
    if first >= place:
        return None
    low = cue
    while low and words.spans[low - 1].start >= tokens[first].start():
        low -= 1
    high = low + sum(word.end <= tokens[place - 1].end() for word in words.spans[low:cue])
    return None if low >= high or numbers[low:high].any() else (low, high)


def beside(
    text: str, words: Words, numbers: NDArray[np.int64], cue: tuple[int, int], before: int | None
) -> tuple[int, int] | None:
    """Return the untagged name beside a quotation's cue: `"No," Lavrov said`, `said Lavrov`.

    Args:
        text: The text.
        words: Its words.
        numbers: Their tags, shape (N,).
        cue: The cue's first word, and the one after its last.
        before: The word after the quotation that the cue stands behind, if it does.
    """
    if before is not None and 0 < cue[0] - before <= 6:
        low, high = before, cue[0]
    else:
        rest = numbers[cue[1] : cue[1] + 6]
        low, high = cue[1], cue[1] + int(np.argmax(np.append(rest, 1) > 0))
    if low >= high or numbers[low:high].any():
        return None
    match = _BESIDE.match(text, words.spans[low].start, words.spans[high - 1].end)
    if match is None:
        return None
    return low, low + sum(word.end <= match.end() for word in words.spans[low:high])
