"""Behaviour: failures of challenge sets, and what swapping actors does to a label."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import stance
from stance.actors import gazetteer
from stance.behaviour import REPLACEMENTS, actor_swaps, challenge
from stance.schema import LABELS


class Prejudiced:
    """Calls a sentence hardline if it names a given actor, else neutral."""

    labels = LABELS
    manifest = SimpleNamespace(poles=("conciliatory", "hardline"))

    def __init__(self, *actors: str) -> None:
        self._actors = actors

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        named = [any(actor in text for actor in self._actors) for text in texts]
        return np.array([[0.1, 0.1, 0.8] if one else [0.1, 0.7, 0.2] for one in named])


TEXTS = [f"Sweden will not sign paper {i}." for i in range(30)] + ["They met."]


def test_fair_model_flips_nothing() -> None:
    found = actor_swaps(Prejudiced(), TEXTS)  # type: ignore[arg-type]
    assert found["sentences"] == 30
    assert found["swaps"] == 30 * 39
    assert found["flips"] == found["flip_rate"] == found["mean_shift"] == 0


def test_prejudice_is_found_with_its_actor_size_and_direction() -> None:
    found = actor_swaps(Prejudiced("Iran"), TEXTS)  # type: ignore[arg-type]
    assert found["flips"] == 30
    assert found["flip_rate"] == pytest.approx(1 / 39)
    assert found["mean_shift"] == pytest.approx(0.6 / 39)
    assert found["worst"] == "irn"
    assert found["actors"]["irn"] == {
        "name": "Iran",
        "swaps": 30,
        "flips": 30,
        "shift": pytest.approx(0.6),
        "direction": pytest.approx(0.6),
    }
    assert found["actors"]["nor"]["shift"] == found["actors"]["nor"]["direction"] == 0


def test_sample_has_the_size_asked_for_and_repeats_itself() -> None:
    model = Prejudiced("Iran", "China")
    found = [
        actor_swaps(model, TEXTS, sentences=12, replacements=5, seed=seed)  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    ]
    assert (found[0]["sentences"], found[0]["swaps"]) == (12, 60)
    assert found[0] == found[1] != found[2]


def test_sentences_without_an_actor_give_no_rate() -> None:
    found = actor_swaps(Prejudiced(), ["They met."])  # type: ignore[arg-type]
    assert (found["swaps"], found["flip_rate"], found["worst"]) == (0, None, None)


def test_at_least_40_states_and_12_armed_groups_are_put_in() -> None:
    types = [gazetteer()[actor].type for actor in REPLACEMENTS]
    assert types.count("state") >= 40
    assert types.count("armed group") >= 12
    assert len(set(REPLACEMENTS)) == len(REPLACEMENTS)


def test_challenge_failures_are_counted(model_folder: Path) -> None:

    model = stance.load(model_folder)
    (sure,) = [p.label for p in model.predict(["we will never negotiate."])]
    other = next(label for label in model.labels if label != sure)
    folder = Path("challenge")
    folder.mkdir()
    right = {"id": "1", "text": "we will never negotiate.", "label": sure}
    wrong = {**right, "id": "2", "label": other}
    (folder / "negation.jsonl").write_text("\n".join(map(json.dumps, (right, wrong, wrong))))
    same = {**wrong, "variant": "We will never negotiate!"}
    turned = next(
        {**right, "variant": text}
        for text in ("we welcome the offer of peace talks.", "ministers met on monday.")
        if model.predict(text).label != sure
    )
    (folder / "perturbation.jsonl").write_text("\n".join(map(json.dumps, (same, turned))))
    assert challenge(model, folder) == {
        "negation": {"cases": 3, "failures": 2, "rate": pytest.approx(2 / 3)},
        "perturbation": {"cases": 2, "failures": 1, "rate": 0.5},
    }
    assert challenge(model) == {}
