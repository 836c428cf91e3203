"""Changes of a sentence that leave its stance as it is. Pure functions of the text."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Mapping

Perturbation = Callable[[str], list[str]]
"""A sentence to its variants; none where there is nothing to change."""

_SOURCES = ("A news agency reported on {day} that ", "A newspaper wrote on {day} that ")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

# Words that are written small within a sentence; any other first word may be a name.
_SMALL = frozenset(
    (
        "The A An This That These Those It Its He She They We Our His Her Their In On At By "
        "For From With Without After Before Since Until When While If Although As Both All "
        "Some Several Many Most Few No Neither Either Every Each Any Two Three Four Five Six "
        "Seven Eight Nine Ten There Here Under Over Between Among During Despite Against "
        "Officials Troops Police Rebels "
    ).split()
)

_NEGATIVES = {
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "will not": "won't",
    "would not": "wouldn't",
    "could not": "couldn't",
    "should not": "shouldn't",
    "cannot": "can't",
    "is not": "isn't",
    "are not": "aren't",
    "was not": "wasn't",
    "were not": "weren't",
    "has not": "hasn't",
    "have not": "haven't",
    "had not": "hadn't",
}
_PRONOUNS = {
    f"{pronoun} {verb}": f"{pronoun}{short}"
    for pronoun in ("I", "we", "you", "they", "We", "You", "They")
    for verb, short in (("will", "'ll"), ("are", "'re"), ("have", "'ve"))
    if (pronoun, verb) != ("I", "are")
}

_VERBS = (
    ("said", "stated"),
    ("stated", "said"),
    ("told reporters", "said to reporters"),
    ("announced", "made known"),
    ("according to", "as reported by"),
    ("remarked", "commented"),
    ("commented", "remarked"),
    ("declared", "stated"),
)

_QUOTED = re.compile(r"^[“\"]([^“”\"]+?)([,?!])[”\"],? ([^“”\"]+?)\.$")


def typo(text: str) -> list[str]:
    """Swap two neighbouring letters within one small word of five letters or more."""
    places = [
        match.start() + at
        for match in re.finditer(r"\b[a-z]{5,}\b", text)
        for at in range(1, len(match.group()) - 2)
        if match.group()[at] != match.group()[at + 1]
    ]
    if not places:
        return []
    at = random.Random(text).choice(places)
    return [text[:at] + text[at + 1] + text[at] + text[at + 2 :]]


def case(text: str) -> list[str]:
    """Write all in small letters, and all in capitals."""
    return [text.lower(), text.upper()]


def punctuation(text: str) -> list[str]:
    """Leave the full stop out, or set one; write dashes as double hyphens."""
    bare = text.rstrip()
    if bare.endswith("."):
        found = [bare[:-1]]
    elif bare[-1:].isalnum():
        found = [f"{bare}."]
    else:
        found = []
    return [*found, re.sub(r"\s*[–—]\s*", " -- ", text)]


def quotes(text: str) -> list[str]:
    """Write quotation marks and apostrophes straight, curved, single, and as guillemets."""
    straight = re.sub(r"[“”«»]", '"', re.sub(r"[‘’]", "'", text))
    if '"' not in straight:
        return [straight, re.sub(r"(?<=\w)'(?=\w)", "’", straight)]
    curved = _paired(straight, "“", "”")
    return [straight, curved, _paired(straight, "‘", "’"), _paired(straight, "« ", " »")]


def contractions(text: str) -> list[str]:
    """Contract what is written out ("do not"), and write out what is contracted ("don't")."""
    short = _replaced(text, _NEGATIVES)
    if short == text:
        short = _replaced(text, _PRONOUNS)
    plain = text.replace("’", "'")
    full = _replaced(plain, {b: a for a, b in {**_NEGATIVES, **_PRONOUNS}.items()})
    return [short, *([full] if full != plain else [])]


def source(text: str) -> list[str]:
    """Let a news agency, and a newspaper, report the sentence on a weekday."""
    rng = random.Random(text)
    first = text.split(" ", 1)[0]
    if first in _SMALL:
        text = text[0].lower() + text[1:]
    elif not first[:1].isalnum():
        return []  # a quotation has a source of its own
    return [phrase.format(day=rng.choice(_DAYS)) + text for phrase in _SOURCES]


def frame(text: str) -> list[str]:
    """Say in other words, or in another place, that somebody said it."""
    changed = _replaced(text, dict(_VERBS), count=1)
    quoted = _QUOTED.match(text)
    if quoted is None:
        return [changed]
    said, mark, who = quoted.groups()
    stop = "." if mark == "," else mark
    return [changed, f"{who[0].upper()}{who[1:]}: “{said}{stop}”"]


PERTURBATIONS: Mapping[str, Perturbation] = {
    "typos": typo,
    "case": case,
    "punctuation": punctuation,
    "quotes": quotes,
    "contractions": contractions,
    "source": source,
    "frame": frame,
}
"""Every kind of change, by name."""


def variants(text: str, kind: str) -> list[str]:
    """Return the variants of a sentence that differ from it, each once."""
    found = (variant.strip() for variant in PERTURBATIONS[kind](text))
    return [v for v in dict.fromkeys(found) if v and v != text.strip()]


def _paired(text: str, opening: str, closing: str) -> str:
    """Put opening and closing marks in turn for straight ones."""
    head, *rest = text.split('"')
    marks = itertools.cycle((opening, closing))
    return head + "".join(mark + part for mark, part in zip(marks, rest, strict=False))


def _replaced(text: str, pairs: Mapping[str, str], *, count: int = 0) -> str:
    """Replace whole words, the longest first."""
    words = sorted(pairs, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w'])(?:" + "|".join(map(re.escape, words)) + r")(?![\w'])")
    return pattern.sub(lambda match: pairs[match.group()], text, count=count)
