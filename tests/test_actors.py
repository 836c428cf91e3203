"""Actors: every form of the table is found, and swaps keep the English."""

from __future__ import annotations

import pytest
from stance.actors import find_actors, gazetteer, swap


def test_every_form_is_an_alias_that_finds_its_actor() -> None:
    for actor in gazetteer().values():
        for kind, forms in actor.forms.items():
            for form in forms:
                assert find_actors(f"- {form} -") == {actor.id}, (actor.id, kind, form)


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("Iran refused.", "irn", "nor", "Norway refused."),
        ("An Iranian envoy left Tehran.", "irn", "nor", "A Norwegian envoy left Oslo."),
        ("A Norwegian envoy left.", "nor", "irn", "An Iranian envoy left."),
        ("A Norwegian envoy left.", "nor", "ukr", "A Ukrainian envoy left."),
        ("The Iranians refused.", "irn", "nor", "The Norwegians refused."),
        ("The United States' offer stands.", "usa", "irn", "Iran's offer stands."),
        ("Iran's offer stands.", "irn", "usa", "The United States' offer stands."),
        ("A pact with Iran, at last.", "irn", "nld", "A pact with the Netherlands, at last."),
        ("Talks with the Netherlands failed.", "nld", "irn", "Talks with Iran failed."),
        ("The U.S. envoy left.", "usa", "irn", "The Iranian envoy left."),
        ("Russian-backed troops fled.", "rus", "fra", "French-backed troops fled."),
        ("The Kremlin denied it.", "rus", "nor", "Oslo denied it."),
        ("The German chancellor spoke.", "deu", "fra", "The French president spoke."),
        (
            "British Prime Minister John Hill left.",
            "gbr",
            "usa",
            "American President John Hill left.",
        ),
        ("Hamas fighters fled.", "hamas", "eta", "ETA fighters fled."),
        ("Talks with Hamas failed.", "hamas", "ira", "Talks with the IRA failed."),
        ("The Houthis refused.", "houthis", "maoists", "The Maoists refused."),
        ("We met Hamas. Al-Shabaab fled.", "al_shabaab", "eta", "We met Hamas. ETA fled."),
        ("Renamo fled.", "renamo", "al_shabaab", "Al-Shabaab fled."),
    ],
)
def test_swap_keeps_kind_number_possessive_and_article(
    text: str, old: str, new: str, expected: str
) -> None:
    assert swap(text, old, new) == expected


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("Norway refused.", "irn", "nor"),  # does not name the one
        ("Iran and Norway refused.", "irn", "nor"),  # names the other already
        ("Iran refused.", "irn", "hamas"),  # another type
        ("The Houthis refused.", "houthis", "hamas"),  # a plural for a singular
        ("The Paris Agreement stands.", "fra", "nor"),  # part of another name
        ("The French said no.", "fra", "nor"),  # a noun that looks like an adjective
        ("The US said no.", "usa", "nor"),
        ("A senior Hamas official left.", "hamas", "ira"),  # no place for "the"
        ("The Pan-American highway is shut.", "usa", "nor"),
        ("We met at the White House.", "usa", "nor"),  # "at Oslo"
        ("The Knesset voted.", "isr", "nor"),  # no counterpart
    ],
)
def test_what_cannot_be_swapped_in_good_english_is_left(text: str, old: str, new: str) -> None:
    assert swap(text, old, new) is None
