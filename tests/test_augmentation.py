"""Training sentences altered in ways that leave the label as it is."""

from __future__ import annotations

from typing import Any

from stance.actors import find_actors
from stance.augmentation import augmented

ROWS: list[dict[str, Any]] = [
    {"text": f"An Iranian envoy told reporters that Iran refused offer {n}.", "label": "hardline"}
    for n in range(200)
]


def test_a_share_of_the_rows_is_about_others_and_keeps_its_label() -> None:
    shown = augmented(ROWS, swapped=0.5, seed=1)
    changed = [row for row in shown if "irn" not in find_actors(row["text"])]
    assert 70 < len(changed) < 130
    assert all(row["label"] == "hardline" for row in shown)
    assert len({tuple(find_actors(row["text"])) for row in changed}) > 20
    assert not any("Iran" in row["text"] for row in changed)
    assert shown == augmented(ROWS, swapped=0.5, seed=1)
    assert shown != augmented(ROWS, swapped=0.5, seed=2)


def test_nothing_is_altered_unless_asked() -> None:
    assert augmented(ROWS, swapped=0, seed=1) == ROWS
