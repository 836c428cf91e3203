"""Evidence: the words that a model goes by are named, and the naming is checked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stance
from stance.evidence import NOTHING, explanations, faithfulness, occlusion, without, words
from stance.schema import LABELS, DocumentError, Explanation, StanceError

TEXT = "“We won't ever negotiate,” said the army-chief."


def by_words(texts: Sequence[str]) -> np.ndarray:
    """Goes by two words, and tells how: `never` for hardline, `peace` against it."""
    hardline = np.array([0.3 + 0.5 * ("never" in t) - 0.2 * ("peace" in t) for t in texts])
    return np.stack([(1 - hardline) / 2, (1 - hardline) / 2, hardline], axis=1)


def explained(*texts: str) -> list[Explanation]:
    probs = by_words(texts)
    weights = occlusion(texts, probs.argmax(axis=1).tolist(), by_words)
    return explanations(texts, probs, weights, labels=LABELS, method="occlusion")


def test_words_and_marks_cover_all_but_blanks() -> None:
    found = [TEXT[span.start : span.end] for span in words(TEXT)]
    assert found == "“|We|won't|ever|negotiate|,|”|said|the|army-chief|.".split("|")
    assert "".join(found) == TEXT.replace(" ", "")


def test_text_without_words_keeps_the_rest_in_order() -> None:
    spans = words("We will  never talk.")
    assert without("We will  never talk.", [spans[2], spans[0]]) == "will talk."
    assert without("We will  never talk.", spans) == NOTHING


def test_occlusion_weighs_what_the_model_goes_by_with_its_sign() -> None:
    (found,) = explained("Give peace a chance, never war")
    assert found.label == "hardline"
    weights = {word.text: word.weight for word in found.words}
    assert weights.pop("never") == pytest.approx(0.5)
    assert weights.pop("peace") == pytest.approx(-0.2)
    assert set(weights.values()) == {0}
    assert all(found.text[w.start : w.end] == w.text for w in found.words)


def test_each_variant_is_scored_once() -> None:
    asked: list[str] = []

    def score(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return by_words(texts)

    occlusion(["we met. we met."] * 3, [2] * 3, score)
    assert len(asked) == len(set(asked)) <= 7


def test_faithful_weights_beat_chance_and_turned_ones_lose() -> None:
    texts = [f"{'some word ' * n}never again {'and more ' * n}" for n in range(2, 14)]
    found = explained(*texts)
    faithful = faithfulness(found, by_words, labels=LABELS)
    assert faithful["gain"] > faithful["low"] > 0.1
    assert faithful["area"] < faithful["random_area"]
    assert faithful["curve"][0] == pytest.approx(0.8)
    assert faithful["curve"][-1] == faithful["random"][-1] == pytest.approx(0.3)
    turned = [
        replace(each, words=tuple(replace(w, weight=-w.weight) for w in each.words))
        for each in found
    ]
    assert faithfulness(turned, by_words, labels=LABELS)["high"] < 0
    assert faithfulness(found, by_words, labels=LABELS) == faithful
    assert faithfulness([], by_words, labels=LABELS) == {"sentences": 0, "gain": None}


@pytest.mark.parametrize("method", ["occlusion", "gradients"])
def test_model_explains_its_own_label(model_folder: Path, method: str) -> None:
    model = stance.load(model_folder)
    texts = ["we will never negotiate.", "ministers met on monday, 12 people said"]
    found = model.explain(texts, method=method)  # type: ignore[call-overload]
    for each, p in zip(found, model.predict(texts), strict=True):
        assert each.label == p.label
        assert each.probability == pytest.approx(p.probabilities[p.label], abs=1e-6)
        assert each.method == method
        assert json.loads(json.dumps(each.to_dict()))["words"][0]["text"] == each.words[0].text
    # Not of each: where the tiny model is quite sure, no word alone moves it.
    assert any(word.weight for each in found for word in each.words)
    one = model.explain(texts[1], method=method)  # type: ignore[call-overload]
    assert [w.weight for w in one.words] == pytest.approx(
        [w.weight for w in found[1].words], abs=1e-4
    )


def test_gradients_explain_a_slip_as_it_is_scored(model_folder: Path) -> None:
    model = stance.load(model_folder)
    meant, slipped = model.explain(
        ["we will never negotiate", "we will nevre negotiate"], method="gradients"
    )
    assert slipped.words[2].text == "nevre"
    assert [w.weight for w in slipped.words] == pytest.approx([w.weight for w in meant.words])


def test_gradients_add_up_to_the_probability_gained_over_masks(model_folder: Path) -> None:
    model = stance.load(model_folder, precision="fp32")  # as gradients are
    text = "we will never negotiate"
    found = model.explain(text, method="gradients")
    masked = model.predict("[MASK] [MASK] [MASK] [MASK]").probabilities[found.label]
    total = sum(word.weight for word in found.words)
    assert total == pytest.approx(found.probability - masked, abs=0.01)


def test_words_that_the_model_does_not_read_weigh_nothing(model_folder: Path) -> None:
    text = "we met " * 40
    found = stance.load(model_folder).explain(text, method="gradients")
    assert {word.weight for word in found.words[40:]} == {0}


def test_what_cannot_be_explained_is_refused(model_folder: Path) -> None:
    model = stance.load(model_folder)
    with pytest.raises(DocumentError, match="text 0: empty"):
        model.explain(" ")
    with pytest.raises(StanceError, match="method 'magic': expected occlusion or gradients"):
        model.explain("we met", method="magic")  # type: ignore[call-overload]
    assert model.explain([]) == []
    assert len(model.explain("!").words) == 1


def test_without_captum_gradients_name_the_extra(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(StanceError, match=r"pip install 'stance\[explain\]'"):
        stance.load(model_folder).explain("we met", method="gradients")


def test_command_shows_words_with_weights(model_folder: Path) -> None:
    command = [sys.executable, "-m", "stance", "explain", "we will never negotiate"]
    done = subprocess.run(
        [*command, "--model", str(model_folder)], capture_output=True, text=True, check=True
    )
    head, *lines = done.stdout.splitlines()
    assert head.startswith("hardline ")
    assert [line.split()[0] for line in lines] == ["we", "will", "never", "negotiate"]
