"""Training sentences altered in ways that leave the label as it is."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from stance.actors import find_actors, gazetteer, swap


def augmented(
    rows: Sequence[dict[str, Any]], *, swapped: float, misspelt: float, seed: int
) -> list[dict[str, Any]]:
    """Return the rows, some of them altered; the same arguments alter the same rows.

    A model that has seen a sentence about many actors has no cause to ask which it is (Kaushik,
    Hovy & Lipton 2020), and one that has seen slips of the pen is less thrown by them (Belinkov &
    Bisk 2018).

    Args:
        rows: Each with a `text`.
        swapped: Part of the rows, in [0, 1), in which each state and armed group is replaced by
            another drawn at random, where that can be done in good English (`stance.actors.swap`).
        misspelt: Part of the rows, in [0, 1), in which one word is misspelt (`typo`).
        seed: Draws the rows and what they become.
    """
    draw = random.Random(seed)
    result = []
    for row in rows:
        text = row["text"]
        if draw.random() < swapped:
            text = _about_others(text, draw)
        if draw.random() < misspelt:
            text = typo(text, draw) or text
        result.append({**row, "text": text} if text != row["text"] else row)
    return result


def typo(text: str, draw: random.Random) -> str | None:
    """Swap two neighbouring letters within one small word of five letters or more.

    Returns:
        The new text; None if it has no such word.
    """
    places = [
        match.start() + at
        for match in re.finditer(r"\b[a-z]{5,}\b", text)
        for at in range(1, len(match.group()) - 2)
        if match.group()[at] != match.group()[at + 1]
    ]
    if not places:
        return None
    at = draw.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _about_others(text: str, draw: random.Random) -> str:
    """Replace each actor that has a counterpart, or leave it."""
    for actor in sorted(find_actors(text)):
        kind = gazetteer()[actor].type
        pool = [one.id for one in gazetteer().values() if one.type == kind and one.id != actor]
        for other in draw.sample(pool, min(5, len(pool))):
            if (changed := swap(text, actor, other)) is not None:
                text = changed
                break
    return text
