"""Training sentences altered in ways that leave the label as it is."""

from __future__ import annotations

import random
from typing import Any

from stance.actors import find_actors
from stance.augmentation import augmented, typo

ROWS: list[dict[str, Any]] = [
    {"text": f"An Iranian envoy told reporters that Iran refused offer {n}.", "label": "hardline"}
    for n in range(200)
]


def test_a_share_of_the_rows_is_about_others_and_keeps_its_label() -> None:
    shown = augmented(ROWS, swapped=0.5, misspelt=0, seed=1)
    changed = [row for row in shown if "irn" not in find_actors(row["text"])]
    assert 70 < len(changed) < 130
    assert all(row["label"] == "hardline" for row in shown)
    assert len({tuple(find_actors(row["text"])) for row in changed}) > 20
    assert not any("Iran" in row["text"] for row in changed)
    assert shown == augmented(ROWS, swapped=0.5, misspelt=0, seed=1)
    assert shown != augmented(ROWS, swapped=0.5, misspelt=0, seed=2)


def test_a_share_of_the_rows_has_a_slip_of_the_pen() -> None:
    shown = augmented(ROWS, swapped=0, misspelt=0.3, seed=1)
    changed = [new["text"] for old, new in zip(ROWS, shown, strict=True) if old != new]
    assert 35 < len(changed) < 85
    assert all(len(text) == len(ROWS[0]["text"]) or text[-3:-1].isdigit() for text in changed)


def test_nothing_is_altered_unless_asked() -> None:
    assert augmented(ROWS, swapped=0, misspelt=0, seed=1) == ROWS


def test_a_text_of_short_words_is_left_alone() -> None:
    assert typo("We met at ten.", random.Random(1)) is None
