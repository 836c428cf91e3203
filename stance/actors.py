"""Finds political actors by name: states, bodies, parties, armed groups of `actors.csv`."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Names that hold an actor's name and are none: seas, regions, newspapers, party families.
_NAMESAKES = (
    "New Mexico;New England;Latin America;Latin American;Latin Americans;South America;"
    "South American;South Americans;Central America;Central American;Central Americans;"
    "North America;North American;North Americans;African American;African Americans;"
    "American Samoa;West Indian;West Indies;American Indian;American Indians;Indian Ocean;"
    "Persian Gulf;Gulf of Guinea;Gulf of Mexico;South China Sea;East China Sea;Sea of Japan;"
    "Niger Delta;Inner Mongolia;Washington Post;Washington Times;Washington State;"
    "Christian Democrats;Christian Democrat;Social Democrats;Social Democrat;Sweden Democrats;"
    "Republican Guard;Japanese Red Army;Boer War"
).split(";")

_TABLE = Path(__file__).with_name("actors.csv")


@dataclass(frozen=True, slots=True)
class Actor:
    """A political actor.

    Attributes:
        id: ISO 3166-1 alpha-3 in lower case for a state, else a short name.
        name: Usual English name.
        type: `state`, `organisation`, `party` or `armed group`.
        region: Continent, `Middle East` or `World`.
        aliases: Names it goes by: demonyms, capitals that stand for a government.
    """

    id: str
    name: str
    type: str
    region: str
    aliases: tuple[str, ...]


@cache
def gazetteer() -> dict[str, Actor]:
    """Return the actors by id."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["id"]: Actor(
            row["id"], row["name"], row["type"], row["region"], tuple(row["aliases"].split(";"))
        )
        for row in rows
    }


def find_actors(text: str) -> set[str]:
    """Return the ids of the actors that a text names, by whole words and with their capitals."""
    pattern, ids = _index()
    found = {ids.get(match.group()) for match in pattern.finditer(text)}
    return {actor for actor in found if actor is not None}


@cache
def _index() -> tuple[re.Pattern[str], dict[str, str]]:
    ids = {
        alias.strip(): actor.id
        for actor in gazetteer().values()
        for alias in (actor.name, *actor.aliases)
        if alias.strip()
    }
    # The longest name first: "South Korea" before "Korea".
    names = sorted({*ids, *_NAMESAKES}, key=lambda name: (-len(name), name))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)")
    return pattern, ids
