"""Reads a noun phrase that names an actor: who, in which office, of which side."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import product

from stance.actors import Actor, Names, gazetteer
from stance.speakers import words as w

TOKEN = re.compile(r"[^\W\d_][\w’'.&/-]*|\d[\w.,-]*")
_SEGMENT = re.compile(r",\s+|\s+[–—-]\s+|\s*[()]\s*|;\s+")
_RELATIVE = re.compile(r"\s+(?:who|whom|whose|which|that|where|when)\b")
_POSSESSIVE = re.compile(r"[’']s?$")
_JOINS = re.compile(r"(?:\s*,)?\s*(?:and|nor|&)?\s*(?:the\s+)?", re.IGNORECASE)
_PARTICLES = frozenset(
    "de da di del la le van von der den bin ibn al el ben ter dos du abu ul".split()
)
_ARABIC = re.compile(r"(?:al|el|ul|ad|ar|as|ash|at|az|an)-[A-Z]")
_OF = re.compile(
    r"\b(?:the|The|its|his|her)\s+(?P<one>[\w-]+)[’']s?\s|\b(?:of|for|from|at)\s+(?:the|its|his|her)\s+(?:\w+\s+)?(?P<two>[\w-]+)\b"
)
_SHORT = re.compile(r"(?:\b[Tt]he|\b[Aa]n?|\bof|\bfor)\s+(?P<word>[A-Z][a-z]+)\b")
_HEADS = w.ROLES | w.ORGANS | w.BODIES
_AFTER_PARTICIPLE = w.PREPOSITIONS | frozenset("the a an its his her their no".split())
_ABBREVIATED = re.compile(r"\b[A-Z]\.[A-Z]\.[\s\"”’',:;]*$")
_BEHIND = re.compile(r"\w\s+(?:of|for|in|at|from|with|to|on|against)\s+(?:(?:the|an?)\s+)?$")
_SPEAKS_FOR = re.compile(rf"{w.SPEAKS_FOR}\Z")
_LEADING = re.compile(
    r"(?:Speaking|Opening|Turning|Replying|Answering|Asked|In|On|At|For)\b[^,]*,\s+"
)

Piece = tuple[int, int]
Found = list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a noun phrase says of the one it names.

    Attributes:
        text: The phrase.
        kind: `pronoun`, `person`, `actor` (of the gazetteer, nothing else), `office`, `body`,
            `people` or `other`.
        name: Name of a person, or of a body that the gazetteer does not have; may be empty.
        head: Its head noun in lower case ("minister"); may be empty.
        modifiers: Other small words of it.
        person: Id of a person of the gazetteer; may be empty.
        ids: Other gazetteer actors in it, the one it belongs to first.
        joint: It names several at once ("Canada and Mexico").
        parents: What it belongs to by common nouns ("the union's lawyer", "head of the army").
        shorts: Common nouns in it with a capital, as one writes a body named before ("the Union").
        owner: A possessive pronoun that it begins with ("its president"), or empty.
        gender: `m`, `f`, `many`, `thing` or empty.
        definite: It may stand for one named before: "the minister", "its president".
    """

    text: str
    kind: str
    name: str = ""
    head: str = ""
    modifiers: frozenset[str] = frozenset()
    person: str = ""
    ids: tuple[str, ...] = ()
    joint: bool = False
    parents: tuple[str, ...] = ()
    shorts: tuple[str, ...] = ()
    owner: str = ""
    gender: str = ""
    definite: bool = False

    @property
    def is_label(self) -> bool:
        """Whether it is an office as one writes it before a colon: "Spokesperson"."""
        return self.kind == "office" and self.text.lower() == self.head and self.text[0].isupper()


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name without accents, in lower case, to compare it with another."""
    decomposed = unicodedata.normalize("NFKD", name.replace("’", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()


class Gazetteer:
    """Actors by id, and where a text names them."""

    def __init__(self, actors: Mapping[str, Actor]) -> None:
        self.actors = actors
        self._names = Names(actors.values())

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return start, end and actor's id of every name."""
        return list(self._names.find(text))

    def is_person(self, actor: str) -> bool:
        return self.actors[actor].type == "person"


@cache
def usual_gazetteer() -> Gazetteer:
    """Return the package's own actors."""
    return Gazetteer(gazetteer())


def read_phrase(
    text: str,
    known: Gazetteer,
    common: Container[str] = (),
    find: Callable[[str], Found] | None = None,
) -> Phrase:
    """Read a noun phrase.

    Args:
        text: The phrase.
        known: Actors known by name.
        common: Words that the article writes small: one that begins a phrase is then no name.
        find: What finds their names. [`known`]
    """
    text = text.strip(" \n\t\"“”‘’'.,:;") + ("." if _ABBREVIATED.search(text) else "")
    low = text.lower()
    first = low.split(" ", 1)[0] if low else ""
    if low in w.PRONOUNS or (first in w.PRONOUNS and low.split()[-1].endswith(("self", "selves"))):
        return Phrase(text, "pronoun", gender=_gender(first), definite=True)
    if leading := _LEADING.match(text):
        text = text[leading.end() :] or text
    found = (find or known.find)(text)
    if len(found) > 1 and _joined(text, found):
        ids = tuple(dict.fromkeys(actor for *_, actor in found))
        return Phrase(text, "actor", ids=ids, joint=len(ids) > 1, gender="many")
    segments = list(_segments(text)) or [(0, len(text))]
    core = segments[0]
    inside = [f for f in found if any(a <= f[0] and f[1] <= b for a, b in segments)]
    persons = [f for f in inside if known.is_person(f[2]) and not _belongs(text, f)]
    found = [f for f in found if not known.is_person(f[2]) or _belongs(text, f)]
    name, is_body = "", False
    for inner, segment in product((False, True), segments if not persons else ()):
        name, is_body = _name(segment, found, text, common, inner=inner)
        if name:
            break
    head, modifiers = _head(core, found, text, common)
    for segment in segments[1:]:
        if not head:
            head, more = _head(segment, found, text, common)
            modifiers |= more
    phrase = _phrase(text, segments, found, name, is_body, head, modifiers)
    if persons:
        start, end, person = persons[0]
        phrase = replace(phrase, kind="person", name=text[start:end], person=person)
    if phrase.kind in ("person", "office"):
        sides = [actor for start, _, actor in found if _SPEAKS_FOR.search(text, 0, start)]
        phrase = replace(phrase, ids=tuple(dict.fromkeys((*sides, *phrase.ids))))
    return phrase


def _belongs(text: str, found: tuple[int, int, str]) -> bool:
    """Tell whether the phrase is of what belongs to a name: "Putin's aide", "talks with Putin"."""
    before = _SEGMENT.split(text[: found[0]])[-1].split()
    return text[found[1] : found[1] + 2] in ("'s", "’s") or any(
        word.lower() in w.PREPOSITIONS for word in before[1:]
    )


def _phrase(
    text: str,
    segments: list[Piece],
    found: Found,
    name: str,
    is_body: bool,
    head: str,
    modifiers: frozenset[str],
) -> Phrase:
    start, end = segments[0]
    words = TOKEN.findall(text[start:end])
    first = words[0].lower() if words else ""
    owner = first if first in ("his", "her", "its", "their", "our", "my") else ""
    ids = _ids(text, segments, found)
    bare = [
        word
        for word in TOKEN.findall(_without(text[start:end], start, found))
        if word.lower() not in (*w.ARTICLES, "s", "’s", "'s") and word not in ("s",)
    ]
    if name and not is_body:
        kind = "person"
    elif ids and not name and (not bare or all(word.lower() in w.ORGANS for word in bare)):
        kind = "actor"
    elif head in w.ROLES:
        kind = "office"
    elif name or head in w.BODIES:
        kind = "body"
    elif w.is_people(head):
        kind = "people"
    elif head in w.ORGANS:
        kind = "body"
    else:
        kind = "actor" if ids and not head else "other"
    every = {*map(str.lower, TOKEN.findall(text)), head}
    gender = "m" if every & w.MALE else "f" if every & w.FEMALE else ""
    if name and not is_body and name.split()[0] in w.FEMALE_NAMES:
        gender = "f"
    if not gender and head.endswith("s") and not head.endswith("ss") and kind != "person":
        gender = "many"
    elif kind in ("body", "actor") and not gender:
        gender = "thing"
    definite = first in ("the", "this", "that", "these", "those") or bool(owner)
    span = text[start : segments[-1][1]]
    return Phrase(
        text,
        kind,
        name,
        head,
        modifiers,
        ids=ids,
        parents=tuple((m["one"] or m["two"]).lower() for m in _OF.finditer(span)),
        shorts=tuple(m["word"] for m in _SHORT.finditer(span) if m["word"] in w.BODY_NAMES),
        owner=owner,
        gender=gender,
        definite=definite,
    )


def _gender(pronoun: str) -> str:
    if pronoun in w.MANY:
        return "many"
    if pronoun in w.THING:
        return "thing"
    return "m" if pronoun in w.MALE else "f" if pronoun in w.FEMALE else "self"


def _joined(text: str, found: Found) -> bool:
    """Tell whether a phrase is nothing but names in a row: "Canada, Mexico and Peru"."""
    ends = [0, *(end for _, end, _ in found)]
    starts = [*(start for start, *_ in found), len(text)]
    gaps = [text[a:b] for a, b in zip(ends, starts, strict=True)]
    return (
        bool(re.fullmatch(r"(?:both |neither |the )*", gaps[0], re.IGNORECASE))
        and not gaps[-1].strip()
        and all(_JOINS.fullmatch(gap) and gap.strip() for gap in gaps[1:-1])
    )


def _segments(text: str) -> Iterator[Piece]:
    """Yield the parts of a phrase that name its actor: the core, then what stands beside it."""
    start = 0
    places = [*((m.start(), m.end()) for m in _SEGMENT.finditer(text)), (len(text), len(text))]
    for number, (end, following) in enumerate(places):
        part = text[start:end]
        cut = _RELATIVE.search(f" {part}")
        first = TOKEN.search(part)
        word = first.group().lower() if first else ""
        stops = word in w.PREPOSITIONS or word in ("who", "which", "whose", "whom", "and", "but")
        stops |= word.endswith(("ing", "ed")) and part[:1].islower()
        if number and (stops or not word):
            break
        yield start, start + (max(cut.start() - 1, 0) if cut else len(part))
        if cut or number == 2:
            break
        start = following


def _without(part: str, offset: int, found: Found) -> str:
    """Return a part with the gazetteer's names blanked out."""
    chars = list(part)
    for start, end, _ in found:
        end += 2 * (part[end - offset : end - offset + 2] in ("'s", "’s"))
        for i in range(max(start - offset, 0), min(end - offset, len(chars))):
            chars[i] = " "
    return "".join(chars)


def _name(
    segment: Piece, found: Found, text: str, common: Container[str], *, inner: bool
) -> tuple[str, bool]:
    """Return the proper name in a segment that the gazetteer lacks, and if it is a body's.

    One behind a preposition is that of something else, at best of the body that one speaks for
    ("the head of the Wagner group"): it counts if `inner`, and no person's does ("the death of").
    """
    part = _without(text[segment[0] : segment[1]], segment[0], found)
    for run, before, after in _runs(part):
        while run and run[0] in w.TITLES and not set(run) & w.BODY_NAMES:
            run = run[1:]
        low = run[0].lower() if run else ""
        if not run or (len(run) == 1 and (low in common or low in w.COMMON)):
            continue
        whole = text[segment[0] : segment[1]].rstrip()
        if len(run) == 1 and low.endswith("ing") and not whole.endswith(run[0]):
            continue  # "Invading Ukraine"
        acronym = len(run) == 1 and len(run[0]) > 1 and run[0].isupper()
        if acronym and after in w.ROLES and len(run) == 1 and _runs_later(part, run[0]):
            continue  # "EC delegate Pieter Boonstra"
        behind = bool(_BEHIND.search(part[: part.find(run[0])]))
        if behind != inner:
            continue
        single = len(run) == 1 and before in w.ARTICLES
        body = acronym or bool(set(run) & w.BODY_NAMES) or after in w.BODIES | w.ORGANS or single
        body = body or w.is_people(after) or (after in w.ROLES and len(run) < 2)
        if inner and not body:
            continue
        return " ".join(run), body
    return "", False


def _runs_later(part: str, first: str) -> bool:
    return bool(re.search(r"[a-z]\s+[A-Z][\w’'-]+\s+[A-Z]", part[part.find(first) :]))


def _runs(part: str) -> Iterator[tuple[list[str], str, str]]:
    """Yield the runs of capitalised words in a part, with the small words before and after."""
    tokens = list(TOKEN.finditer(part))
    run: list[str] = []
    before = last = ""
    for index, token in enumerate(tokens):
        word = _POSSESSIVE.sub("", token.group())
        gap = part[tokens[index - 1].end() : token.start()] if index else ""
        proper = (word[:1].isupper() or bool(_ARABIC.match(word))) and not (
            word in w.NO_NAMES and (not run or index == 0)
        )
        following = tokens[index + 1].group() if index + 1 < len(tokens) else ""
        joins = bool(run) and following[:1].isupper() and word.lower() in _PARTICLES
        if run and following[:1].isupper() and word in ("of", "for", "the", "and"):
            joins = bool(set(run) & w.BODY_NAMES)
        if run and gap.strip():
            yield run, before, ""
            run = []
            joins = False
        if proper or joins:
            before = before if run else last
            run.append(word)
        elif run:
            yield run, before, word.lower()
            run = []
        last = word.lower()
    if run:
        yield run, before, ""


def _head(
    segment: Piece, found: Found, text: str, common: Container[str]
) -> tuple[str, frozenset[str]]:
    """Return the head noun of a segment and the small words before it."""
    part = text[segment[0] : segment[1]]
    covered = _without(part, segment[0], found)
    small: list[str] = []
    for token in TOKEN.finditer(covered):
        word = _POSSESSIVE.sub("", token.group())
        if word.lower() in w.PREPOSITIONS:
            break
        rest = covered[token.end() :].split()
        if word.endswith("ing") and small and (not rest or rest[0] in _AFTER_PARTICIPLE):
            break
        if word.endswith("ed") and small and small[-1] in w.DOCUMENTS:
            break  # "a statement carried by"
        first = not small and word.lower() in common
        if word[0].islower() or first or word in w.TITLES or word.lower() in w.COMMON:
            small.append(word.lower().rstrip("."))
    known = [x for x in small if x in _HEADS or w.is_people(x)]
    head = known[-1] if known else small[-1] if small else ""
    skip = {*w.ARTICLES, head, "this", "that"}
    return head if head not in w.ARTICLES else "", frozenset(set(small) - skip)


def _ids(text: str, segments: list[Piece], found: Found) -> tuple[str, ...]:
    """Return the gazetteer's actors in the segments, the one that the phrase belongs to first."""
    inside = [f for f in found if any(a <= f[0] and f[1] <= b for a, b in segments)]
    start = segments[0][0]
    behind = re.compile(r"\b(?:of|for|from)\s+(?:the\s+)?$")
    place = re.compile(r"\b(?:in|at|near|on|to|with|about|against|over)\s+(?:the\s+)?$")

    def rank(f: tuple[int, int, str]) -> tuple[int, int]:
        before = text[start : f[0]]
        return (1 if behind.search(before) else 2 if place.search(before) else 0, f[0])

    return tuple(dict.fromkeys(actor for *_, actor in sorted(inside, key=rank)))
