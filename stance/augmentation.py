"""Training sentences altered in ways that leave the label as it is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from stance.actors import find_actors, gazetteer, swap


def augmented(rows: Sequence[dict[str, Any]], *, swapped: float, seed: int) -> list[dict[str, Any]]:
    """Return the rows, some of them altered; the same arguments alter the same rows.

    A model that has seen a sentence about many actors has no cause to ask which it is (Kaushik,
    Hovy & Lipton 2020).

    Args:
        rows: Each with a `text`.
        swapped: Part of the rows, in [0, 1), in which each state and armed group is replaced by
            another drawn at random, where that can be done in good English (`stance.actors.swap`).
        seed: Draws the rows and what they become.
    """
    draw = random.Random(seed)
    result = []
    for row in rows:
        text = row["text"]
        if draw.random() < swapped:
            text = _about_others(text, draw)
        result.append({**row, "text": text} if text != row["text"] else row)
    return result


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
