"""Finds political actors by name, and puts one in another's place, by `actors.csv`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from stance.schema import DataError, Problem

# Names that hold an actor's name and are none: seas, regions, newspapers, party families.
_NAMESAKES = (
    "New Mexico;New England;Latin America;Latin American;Latin Americans;South America;"
    "South American;South Americans;Central America;Central American;Central Americans;"
    "North America;North American;North Americans;African American;African Americans;"
    "American Samoa;West Indian;West Indies;American Indian;American Indians;Indian Ocean;"
    "Persian Gulf;Gulf of Guinea;Gulf of Mexico;South China Sea;East China Sea;Sea of Japan;"
    "Niger Delta;Inner Mongolia;Washington Post;Washington Times;Washington State;"
    "Christian Democrats;Christian Democrat;Social Democrats;Social Democrat;Sweden Democrats;"
    "Republican Guard;Japanese Red Army;Boer War;Pan-American"
).split(";")

_TABLE = Path(__file__).with_name("actors.csv")

_WORD = re.compile(r"(?<!\w)\w+")

_KINDS = ("names", "adjectives", "people", "capitals", "seats")

TYPES = ("state", "organisation", "party", "armed group", "person")
"""What an actor may be."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A political actor.

    Attributes:
        id: ISO 3166-1 alpha-3 in lower case for a state, else a short name.
        name: Usual English name.
        type: One of `TYPES`.
        region: Continent, `Middle East` or `World`; may be empty.
        aliases: Names it goes by: demonyms, capitals that stand for a government.
        forms: Those of them that `swap` knows how to use, the usual one first, by kind: `names`,
            `adjectives`, `people` (plural nouns), `capitals`, `seats` (of its government).
        article: Whether its name takes "the".
        leader: Title of the head of its government; empty if there is none.
        side: Of a person, the id of the actor that he or she speaks for; else empty.
    """

    id: str
    name: str
    type: str
    region: str
    aliases: tuple[str, ...]
    forms: Mapping[str, tuple[str, ...]]
    article: bool = False
    leader: str = ""
    side: str = ""


@cache
def gazetteer() -> dict[str, Actor]:
    """Return the actors by id."""
    return {actor.id: actor for actor in _read(_TABLE)}


def read_actors(path: str | Path) -> dict[str, Actor]:
    """Return the gazetteer with the actors of a file of one's own.

    Args:
        path: A CSV file with the columns `id`, `name`, `type` and, if wanted, `aliases` (separated
            by `;`) and `side`. An id of the gazetteer gives that actor more aliases; a name that
            the gazetteer gives to another actor goes over to the file's.

    Raises:
        DataError: With every fault of the file.
    """
    own: list[Actor] = []
    problems: list[Problem] = []
    try:
        own = list(_read(Path(path)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV in UTF-8: {error}") from None
    except KeyError as error:
        raise DataError(
            f"{path}: no column {error.args[0]}: expected id, name, type and, if wanted, "
            f"aliases, side"
        ) from None
    known = dict(gazetteer())
    ids = {*known, *(actor.id for actor in own)}
    for line, actor in enumerate(own, start=2):
        if not actor.id or not actor.name:
            problems.append(Problem(str(path), line, "an actor needs an id and a name"))
        if actor.type not in TYPES:
            message = f"type {actor.type!r}, expected one of {', '.join(TYPES)}"
            problems.append(Problem(str(path), line, message))
        if actor.side and actor.side not in ids:
            message = f"side {actor.side!r} is no actor of the file or the gazetteer"
            problems.append(Problem(str(path), line, message))
        before = known.pop(actor.id, None)  # those of the file go last: the last has the name
        aliases = (*before.aliases, *actor.aliases) if before else actor.aliases
        known[actor.id] = replace(actor, aliases=aliases, forms=before.forms if before else {})
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    return known


def _read(path: Path) -> Iterator[Actor]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield Actor(
                row["id"],
                row["name"],
                row["type"],
                row.get("region") or "",
                tuple(filter(None, (row.get("aliases") or "").split(";"))),
                {kind: tuple(row[kind].split(";")) for kind in _KINDS if row.get(kind)},
                bool(row.get("article")),
                row.get("leader") or "",
                row.get("side") or "",
            )


def find_actors(text: str) -> set[str]:
    """Return the ids of the actors that a text names, by whole words and with their capitals.

    Persons are left out: they are known here for the actor that they speak for.
    """
    return {actor for _, actor in _mentions(text)}


class Names:
    """Finds what actors are called in a text: whole words, the longest name first.

    Args:
        actors: Actors by id; where two have one name, it is the last one's.
    """

    def __init__(self, actors: Iterable[Actor]) -> None:
        self._ids: dict[str, str] = dict.fromkeys(_NAMESAKES, "")
        self._first: dict[str, list[str]] = {}
        for actor in actors:
            for alias in (actor.name, *actor.aliases):
                if alias.strip():
                    self._ids[alias.strip()] = actor.id
        # The longest name first: "South Korea" before "Korea".
        for name in sorted(self._ids, key=lambda name: (-len(name), name)):
            self._first.setdefault(_WORD.findall(name)[0], []).append(name)

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and actor's id of every name, from left to right."""
        last = 0
        for word in _WORD.finditer(text):
            start = word.start()
            if start < last:
                continue
            for name in self._first.get(word.group(), ()):
                end = start + len(name)
                if text.startswith(name, start) and not text[end : end + 1].isalnum():
                    last = end
                    if self._ids[name]:
                        yield start, end, self._ids[name]
                    break


@lru_cache(maxsize=256)  # a text is looked at again for every actor put into it
def _mentions(text: str) -> tuple[tuple[tuple[int, int], str], ...]:
    """Return where a text names an actor, from left to right, and which."""
    return tuple(((start, end), actor) for start, end, actor in _index().find(text))


@cache
def _index() -> Names:
    return Names(actor for actor in gazetteer().values() if actor.type != "person")


# Words that end a noun phrase: what stands before one of them is no attribute of it.
_ENDERS = frozenset(
    (
        "and or but nor is was are were be been has have had will would can could may might must "
        "shall should did does do not also again still never yet now then later once only already "
        "both to of in on at by for from with without against over under after before since until "
        "as than that which who whose when while where if because through into about between "
        "during toward towards despite across along amid said says say told tells asked asks began "
        "begins broke brought came chose fought gave gives goes went got grew held holds kept "
        "keeps knew knows left let lost made makes meant met paid put ran rose sent sends set shot "
        "spoke stood struck swore takes took thinks thought threw wants withdrew won wrote vows "
        "insists insisted refuses rejects accepts agrees hopes remains seeks warns"
    ).split()
)

# After which the name of an actor begins a noun phrase, so that "the" may be put before it.
_STARTERS = frozenset(
    (
        "and or but nor of in on at by for from with without against over under after before since "
        "until as than that when while where if because through into about between during toward "
        "towards despite across along amid to said says told asked urged let via like both inside "
        "outside"
    ).split()
)

_TITLES = frozenset(
    (
        "President Prime Minister Foreign Defence Defense Interior Finance Chancellor Premier King "
        "Queen Ambassador Secretary General Deputy Vice Army Navy Parliament Supreme Emir Sultan"
    ).split()
)

LEADERS = (
    "president;prime minister;premier;chancellor;taoiseach;king;emir;sultan;supreme leader"
).split(";")
"""Titles of heads of government."""

_LEADERS = re.compile(rf"\s+({'|'.join(LEADERS)})(?=['’]s\b|[\s,.;:]|$)", re.IGNORECASE)


def swap(text: str, old: str, new: str) -> str | None:
    """Put another actor in the place of one, wherever the text names it.

    Kind, number, possessive, "the" and "a" or "an" are kept or made right: "an Iranian envoy" and
    "the United States' offer" become "a Norwegian envoy" and "Norway's offer"; a seat of government
    becomes the other's capital, and the title of a state's leader the other leader's title. A text
    is left alone rather than made bad English: the rules go by the neighbouring words.

    Args:
        text: A sentence.
        old: Id of an actor that it names.
        new: Id of an actor of the same type that it does not name.

    Returns:
        The new text; None if it does not name the old actor, names the new one already, or a name
        in it has no counterpart or cannot be put in safely ("Paris Agreement", "the US said").
    """
    known = gazetteer()
    mentions = _mentions(text)
    if known[old].type != known[new].type or new in {actor for _, actor in mentions}:
        return None
    spans = [span for span, actor in mentions if actor == old]
    result = text
    for start, end in reversed(spans):
        changed = _put(result, start, end, known[old], known[new])
        if changed is None:
            return None
        result = changed
    return result if spans else None


def mention_kinds(text: str, actor: str) -> set[str]:
    """Return how a text names an actor.

    Returns:
        Of `names`, `adjectives` (demonyms), `people`, `capitals`, `seats` (of its government), and
        `leaders` where a demonym stands before the title of a head of government.
    """
    forms = gazetteer()[actor].forms
    found = set()
    for (start, end), named in _mentions(text):
        if named == actor:
            kind = next((kind for kind, own in forms.items() if text[start:end] in own), "names")
            titled = kind == "adjectives" and _LEADERS.match(text[end:])
            found.add("leaders" if titled else kind)
    return found


def _put(text: str, start: int, end: int, old: Actor, new: Actor) -> str | None:
    """Replace one mention, or return None."""
    mention = text[start:end]
    kind = next((kind for kind, forms in old.forms.items() if mention in forms), "")
    forms = new.forms.get("capitals" if kind == "seats" else kind)
    if forms is None:
        return None
    form, before, after = forms[0], text[:start], text[end:]
    follower = re.match(r"\s+([\w’'-]+)", after)
    word = follower.group(1) if follower else ""
    ends = not word or word in _ENDERS or (word.endswith("ed") and word != "armed")
    definite = re.search(r"\b[Tt]he\s+$", before)
    if kind == "adjectives":
        attribute = word in _TITLES or (word[:1].islower() and not ends)
        if not attribute and not re.match(r"-[a-z]|\s+(and|or)\s+[A-Z]", after):
            return None  # a noun: "the French said"
        after = _other_leader(after, new)
    elif word[:1].isupper() or re.search(r"\w\s+[A-Z]\w*\s+$", before):
        return None  # part of a longer name: "Paris Agreement", "Radio Tehran"
    elif kind == "seats" or (kind == "names" and definite and not new.article):
        if not ends or (kind == "seats" and re.search(r"(at|inside|outside)\s+(the\s+)?$", before)):
            return None
        before = before[: definite.start()] if definite else before
    elif kind == "names" and new.article and not definite:
        if not ends or not _starts(before):
            return None
        form = f"the {form}"
    if kind != "adjectives":
        after = _possessive(mention, form, after)
    if not before or re.search(r"[.!?:]\s+$|[\"“‘]$", before):
        form = form[0].upper() + form[1:]
    return _indefinite(before, form) + form + after


def _starts(before: str) -> bool:
    """Return whether a noun phrase may begin after these words."""
    last = re.search(r"([\w’'-]*)(\W*)$", before)
    assert last is not None
    return not last.group(1) or bool(last.group(2).strip()) or last.group(1).lower() in _STARTERS


def _possessive(old: str, form: str, after: str) -> str:
    """Return what follows a name, with the possessive that the new form takes."""
    mark = re.match(r"(['’])s\b", after)
    if mark is None and old.endswith("s"):
        mark = re.match(r"(['’])(?=\s+\w)", after)
    if mark is None:
        return after
    return mark.group(1) + ("" if form.endswith("s") else "s") + after[mark.end() :]


def _other_leader(after: str, new: Actor) -> str:
    """Return what follows a demonym, with the title that the leader of `new` has."""
    title = _LEADERS.match(after)
    if title is None or not new.leader:
        return after
    leader = new.leader.title() if title.group(1)[0].isupper() else new.leader
    return f" {leader}{after[title.end() :]}"


def _indefinite(before: str, form: str) -> str:
    """Return what precedes a form, with the "a" or "an" that it takes."""
    article = re.search(r"\b([Aa])n?(\s+)$", before)
    if article is None:
        return before
    if form[:3].isupper():  # spelt out, most of them
        vowel = form[0] in "AEFHILMNORSX" and not form.startswith(("UNITA", "RENAMO", "FARC"))
    else:
        vowel = form[0] in "AEIOUaeiou" and not form.startswith(("Eu", "Ug", "Uk", "Ur", "Un"))
    return before[: article.start()] + article.group(1) + ("n" if vowel else "") + article.group(2)
