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
from stance.behaviour import REPLACEMENTS, actor_swaps, challenge, examine, perturb
from stance.behaviour.edits import PERTURBATIONS, variants
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
    assert found["swaps"] == 30 * 45
    assert found["flips"] == found["flip_rate"] == found["mean_shift"] == 0


def test_prejudice_is_found_with_its_actor_size_and_direction() -> None:
    found = actor_swaps(Prejudiced("Iran"), TEXTS)  # type: ignore[arg-type]
    assert found["flips"] == 30
    assert found["flip_rate"] == pytest.approx(1 / 45)
    assert found["mean_shift"] == pytest.approx(0.6 / 45)
    assert found["worst"] == "irn"
    assert found["actors"]["irn"] == {
        "name": "Iran",
        "type": "state",
        "swaps": 30,
        "flips": 30,
        "shift": pytest.approx(0.6),
        "shift_interval": [pytest.approx(0.6)] * 2,
        "direction": pytest.approx(0.6),
        "direction_interval": [pytest.approx(0.6)] * 2,
    }
    assert found["largest"][0]["variant"].startswith("Iran will not sign")
    assert (found["largest"][0]["before"], found["largest"][0]["after"]) == ("neutral", "hardline")
    assert found["actors"]["nor"]["shift"] == found["actors"]["nor"]["direction"] == 0


def test_every_actor_of_a_sentence_is_swapped_by_each_of_its_names() -> None:
    text = "Sweden's prime minister and the Iranian president met Hamas in Stockholm."
    found = actor_swaps(Prejudiced("Hezbollah"), [text])  # type: ignore[arg-type]
    assert {"nor", "fra", "hezbollah"} <= set(found["actors"])
    assert found["flips"] == 1
    assert found["kinds"]["leaders"]["swaps"] >= 40
    assert {"names", "capitals", "leaders", "groups"} == set(found["kinds"])
    assert found["kinds"]["capitals"]["flips"] == 0


def test_actor_put_in_a_few_times_is_not_called_the_worst() -> None:
    texts = [*TEXTS, "Hamas left."]
    found = actor_swaps(Prejudiced("Hezbollah", "Iran"), texts)  # type: ignore[arg-type]
    assert found["actors"]["hezbollah"]["swaps"] == 1
    assert found["worst"] == "irn"
    few = actor_swaps(Prejudiced("Iran"), TEXTS[12:])  # type: ignore[arg-type]
    assert (few["actors"]["irn"]["swaps"], few["worst"]) == (18, None)


def test_intervals_are_over_sentences_and_hold_the_figure() -> None:
    texts = [*TEXTS, *(f"Norway and Iran signed paper {i}." for i in range(30))]
    found = actor_swaps(Prejudiced("Iran"), texts)  # type: ignore[arg-type]
    for name in ("flip_rate", "mean_shift"):
        interval = found["intervals"][name]
        assert interval["low"] < found[name] == interval["value"] < interval["high"]


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
    assert types.count("armed group") >= 40
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
    found = challenge(model, folder)
    negation, perturbation = found["negation"], found["perturbation"]
    assert (negation["cases"], negation["failures"]) == (3, 2)
    assert negation["rate"] == pytest.approx(2 / 3)
    assert (perturbation["cases"], perturbation["failures"], perturbation["rate"]) == (2, 1, 0.5)
    # Wilson's interval of 1 in 2, as published.
    assert (perturbation["low"], perturbation["high"]) == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert negation["published"][0]["rates"]["Google"] == 0.396
    assert challenge(model) == {}


class Touchy(Prejudiced):
    """Calls a sentence hardline if it holds a straight quotation mark or is in capitals."""

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        loud = [text.isupper() or '"' in text for text in texts]
        return np.array([[0.1, 0.1, 0.8] if one else [0.1, 0.7, 0.2] for one in loud])


def test_changes_that_matter_to_a_model_are_found_and_others_not() -> None:
    texts = ["“We came to talk,” the minister said.", "Troops did not cross the river."]
    found = perturb(Touchy(), texts)  # type: ignore[arg-type]
    assert set(found) == set(PERTURBATIONS)
    case = found["case"]
    assert (case["sentences"], case["variants"], case["flips"]) == (2, 4, 2)
    assert case["flip_rate"]["value"] == 0.5
    assert case["mean_shift"]["value"] == pytest.approx(0.3)
    assert found["quotes"]["flips"] == 1
    assert found["quotes"]["examples"] == [
        {
            "text": texts[0],
            "variant": '"We came to talk," the minister said.',
            "before": "neutral",
            "after": "hardline",
        }
    ]
    for kind in ("typos", "punctuation", "contractions", "source", "frame"):
        assert found[kind]["variants"] > 0
        assert found[kind]["flips"] == 0
    nothing = perturb(Touchy(), ["So."])["contractions"]  # type: ignore[arg-type]
    assert (nothing["variants"], nothing["flip_rate"]["value"]) == (0, None)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("punctuation", "They met – briefly.", ["They met – briefly", "They met -- briefly."]),
        ("punctuation", "They met", ["They met."]),
        (
            "quotes",
            "“No,” it's said.",
            ['"No," it\'s said.', "‘No,’ it's said.", "« No, » it's said."],
        ),
        ("quotes", "Iran's offer", ["Iran’s offer"]),
        ("contractions", "We will not go.", ["We won't go."]),
        ("contractions", "They don’t go.", ["They do not go."]),
        ("contractions", "We are ready.", ["We're ready."]),
        (
            "frame",
            "“We go,” the envoy said.",
            ["“We go,” the envoy stated.", "The envoy said: “We go.”"],
        ),
        ("source", "“We go,” the envoy said.", []),
        ("typos", "We go to war.", []),
    ],
)
def test_edits_change_what_they_name(kind: str, text: str, expected: list[str]) -> None:
    assert variants(text, kind) == expected


def test_typo_swaps_two_letters_and_repeats_itself() -> None:
    text = "The ministers met again."
    (found,) = variants(text, "typos")
    differing = [i for i, (a, b) in enumerate(zip(text, found, strict=True)) if a != b]
    assert len(differing) == 2
    assert differing[1] == differing[0] + 1
    assert sorted(found) == sorted(text)
    assert variants(text, "typos") == [found]


def test_source_is_named_before_a_sentence_that_goes_on_in_small_letters() -> None:
    small, name = variants("The army left.", "source"), variants("Sweden left.", "source")
    assert all(variant.endswith(" that the army left.") for variant in small)
    assert all(variant.endswith(" that Sweden left.") for variant in name)
    assert len(small) == 2


def test_one_examination_scores_no_text_twice(model_folder: Path) -> None:
    model = stance.load(model_folder)
    asked: list[str] = []
    score = model.predict_proba

    def counted(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return score(texts)

    model.predict_proba = counted  # type: ignore[method-assign, assignment]
    texts = [f"Sweden met Norway on monday {i}." for i in range(4)]
    found = examine(model, texts)
    assert set(found) == {"behaviour", "perturbations", "swaps", "faithfulness"}
    assert found["faithfulness"]["sentences"] == found["swaps"]["sentences"] == 4
    json.dumps(found, allow_nan=False)
    assert asked.count("Iran met Norway on monday 0.") == asked.count(texts[0].upper()) == 1
