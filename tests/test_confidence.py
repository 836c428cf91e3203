"""Label sets hold what they promise, abstentions too, and both are saved with the model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import crepes
import numpy as np
import pytest
import stance
import torch
from stance import calibration, metrics
from stance.confidence import LEVELS, Confidence, log_softmax, read_confidence, softmax
from stance.encoder.familiarity import Familiarity
from stance.evaluation import calibrate
from stance.schema import ModelError, StanceError

LABELS = ("a", "b", "c")


def drawn(
    n: int, seed: int = 0, temperature: float = 1.0, bias: float = 0.0
) -> tuple[metrics.IntArray, metrics.FloatArray]:
    """Gold drawn from the probabilities of logits, which are then distorted."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 3))
    gold = (rng.random((n, 1)) > softmax(logits).cumsum(1)).sum(1).clip(max=2)
    return gold, logits * temperature + np.array([bias, 0.0, 0.0])


def test_temperature_is_kept_where_nothing_beats_it() -> None:
    learnt = calibration.learn(*drawn(2000, temperature=3), LABELS)
    assert learnt.confidence.method == "temperature"
    assert learnt.temperature == pytest.approx(3, rel=0.15)
    assert learnt.log_losses["temperature"] < learnt.log_losses["none"]


def test_vector_scaling_is_taken_where_a_label_is_overrated() -> None:
    learnt = calibration.learn(*drawn(2000, temperature=2, bias=2), LABELS)
    assert learnt.confidence.method in ("vector", "dirichlet")
    gold, logits = drawn(2000, seed=1, temperature=2, bias=2)
    probs = learnt.confidence.probabilities(logits)
    assert metrics.calibration_error(gold, probs) < 0.02
    assert metrics.calibration_error(gold, softmax(logits)) > 0.1


def test_caution_makes_a_model_less_sure_and_changes_no_label() -> None:
    gold, logits = drawn(2000, temperature=3)
    plain, cautious = (calibration.learn(gold, logits, LABELS, caution=c) for c in (1.0, 1.5))
    assert cautious.temperature == pytest.approx(1.5 * plain.temperature)
    before, after = (each.confidence.probabilities(logits) for each in (plain, cautious))
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    assert (after.max(1) < before.max(1)).all()
    # What is promised holds at either temperature.
    sets = cautious.confidence.in_set(after, 0.9)
    assert sets[np.arange(len(gold)), gold].mean() == pytest.approx(0.92, abs=0.02)


def test_sets_cover_each_label_as_promised_nine_times_in_ten() -> None:
    gold, logits = drawn(20_000, seed=100)
    kept = []
    for seed in range(10):
        confidence = calibration.learn(*drawn(900, seed=seed), LABELS).confidence
        for coverage in (0.8, 0.9, 0.95):
            sets = confidence.in_set(confidence.probabilities(logits), coverage)
            assert sets.any(axis=1).all()
            held = sets[np.arange(len(gold)), gold]
            for label in range(3):
                share = held[gold == label].mean()
                assert share == pytest.approx(
                    coverage, abs=0.1
                )  # the predicted label is always in it
                kept.append(share >= coverage - 0.002)
    assert np.mean(kept) > 0.85


def test_sets_agree_with_crepes() -> None:
    gold, logits = drawn(400)
    confidence = calibration.learn(gold, logits, LABELS).confidence
    probs = confidence.probabilities(logits)
    other = crepes.ConformalClassifier()
    other.fit(1 - probs[np.arange(len(gold)), gold], bins=gold)
    fresh = confidence.probabilities(drawn(300, seed=1)[1])
    for label in range(3):
        bins = np.full(300, label)
        p = other.predict_p((1 - fresh)[:, [label]], bins=bins, smoothing=False)[:, 0]
        threshold = confidence.sets[LEVELS.index(0.9), label]
        n = (gold == label).sum()
        rank = (probs[gold == label, label] >= threshold).sum()
        assert rank > 0.9 * (n + 1)  # more than crepes takes: it keeps its promise on average
        mine = fresh[:, label] >= threshold
        assert (mine == (p > 1 - rank / (n + 1) + 1e-9)).mean() > 0.99


def test_few_sentences_of_a_label_put_it_in_every_set() -> None:
    gold, logits = drawn(200)
    gold = np.where(gold == 2, 1, gold)
    gold[:3] = 2
    confidence = calibration.learn(gold, logits, LABELS).confidence
    assert confidence.in_set(np.array([[0.98, 0.02, 0.0]]), 0.9)[0, 2]


def test_answers_are_as_right_as_promised_on_other_sentences() -> None:
    kept = []
    for seed in range(4):
        confidence = calibration.learn(*drawn(1200, seed=seed), LABELS).confidence
        gold, logits = drawn(4000, seed=100 + seed)
        probs = confidence.probabilities(logits)
        answered = confidence.answered(probs, 0.9)
        assert 0.1 < answered.mean() < 0.95
        kept.append((probs.argmax(1) == gold)[answered].mean() >= 0.895)
    assert sum(kept) >= 3


def test_precision_that_dev_does_not_reach_is_refused_with_the_highest() -> None:
    rng = np.random.default_rng(0)
    gold, logits = rng.integers(0, 3, 300), rng.normal(0, 1, (300, 3))
    confidence = calibration.learn(gold, logits, LABELS).confidence
    with pytest.raises(StanceError, match=r"abstain=0\.99: no probability at which dev shows"):
        confidence.answered(softmax(logits), 0.99)
    with pytest.raises(StanceError, match=r"coverage=1.5: expected a share of 0.5 to 0.99"):
        confidence.in_set(softmax(logits), 1.5)


def test_what_is_saved_is_what_is_read() -> None:
    learnt = calibration.learn(*drawn(500), LABELS, distances=np.arange(500.0))
    content = json.loads(json.dumps(calibration.described(learnt), allow_nan=False))
    again = read_confidence(LABELS, 1.0, content)
    logits = drawn(50, seed=3)[1]
    one, other = learnt.confidence.probabilities(logits), again.probabilities(logits)
    np.testing.assert_allclose(one, other, atol=1e-15)
    np.testing.assert_array_equal(again.answers, learnt.confidence.answers)
    assert again.farthest == learnt.confidence.farthest
    damaged = {**content, "bias": [0.0]}
    with pytest.raises(ModelError, match="damaged confidence in the manifest"):
        read_confidence(LABELS, 1.0, damaged)


def test_an_older_manifest_means_its_temperature() -> None:
    logits = drawn(20)[1]
    confidence = read_confidence(LABELS, 2.5, {})
    np.testing.assert_allclose(confidence.probabilities(logits), softmax(logits / 2.5), atol=1e-12)
    np.testing.assert_allclose(np.exp(log_softmax(logits)), softmax(logits))
    with pytest.raises(ModelError, match=r"saved without label sets; learn them.*stance calibrate"):
        confidence.in_set(softmax(logits))


def test_every_scoring_path_applies_the_same_calibration(model_folder: Path) -> None:
    model = stance.load(model_folder)
    texts = ["we will never negotiate.", "ministers met on monday."]
    assert model.confidence.sets is not None
    expected = model.confidence.probabilities(model.outputs(texts).logits)
    np.testing.assert_allclose(model.predict_proba(texts), expected)
    for row, p in zip(expected, model.predict(texts), strict=True):
        np.testing.assert_allclose(list(p.probabilities.values()), row)
        assert p.label in p.label_set
    article = model.score_article(" ".join(text.capitalize() for text in texts))
    assert all(s.label in s.label_set for s in article.sentences)


def test_abstaining_gives_no_label_and_keeps_the_probabilities(model_folder: Path) -> None:
    model = stance.load(model_folder)
    never = np.full(len(LEVELS), 1.1)
    model.confidence = replace(model.confidence, answers=never, farthest=None)
    p = model.predict("we will never negotiate.", abstain=0.9)
    assert p.label is None
    assert p.abstained
    assert sum(p.probabilities.values()) == pytest.approx(1)
    assert model.predict("we will never negotiate.").label is not None
    article = model.score_article("We will never negotiate. Ministers met.", abstain=0.9)
    assert [s.label for s in article.sentences] == [None, None]
    assert sum(article.counts.values()) == 0
    assert article.score is not None
    assert not article.sentences[0].depends_on_context
    model.confidence = replace(model.confidence, answers=np.zeros(len(LEVELS)), farthest=-1.0)
    far = model.predict(["we will never negotiate."], abstain=0.9)[0]
    assert far.unfamiliar
    assert far.label is None
    assert "unlike what the model was trained on" in " ".join(
        model.score_article("We will never negotiate.").warnings
    )


def test_unfamiliar_texts_are_farther_than_those_trained_on(model_folder: Path) -> None:
    model = stance.load(model_folder)
    own = model.outputs(["train 1 we will never negotiate.", "train 0 ministers met on monday."])
    other = model.outputs(["qqq zzz xx yy 77 ((( )) qq zz xx", "fizz buzz jazz quiz hazy lynx"])
    assert own.distances is not None
    assert other.distances.min() > own.distances.max()


def test_a_text_of_few_tokens_may_stray_farther_and_a_long_one_no_less() -> None:
    seed = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, 60, (2000,), generator=seed)
    about = torch.randn(2000, 8, generator=seed)
    vectors = about + 8 * torch.randn(2000, 8, generator=seed) / tokens[:, None].sqrt()
    familiarity = Familiarity(vectors, tokens)
    plain = familiarity(vectors, torch.full((2000,), 1000))
    found = familiarity(vectors, tokens)
    usual = tokens.median()
    torch.testing.assert_close(found[tokens >= usual / 2], plain[tokens >= usual / 2])
    few, some = tokens < 8, (tokens > usual / 2) & (tokens < usual)
    assert plain[few].mean() > 2 * plain[some].mean()
    assert found[few].mean() < 1.5 * found[some].mean()


def test_an_older_model_learns_its_confidence_by_one_command(
    model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "old" / model_folder.name
    shutil.copytree(model_folder, folder)
    manifest = json.loads((folder / "stance.json").read_text())
    saved = manifest.pop("confidence")
    (folder / "stance.json").write_text(json.dumps(manifest))
    old = stance.load(folder, precision="fp32")
    assert old.predict("we met.").label_set is None
    with pytest.raises(ModelError, match="stance calibrate"):
        old.predict("we met.", abstain=0.9)
    found: Confidence = calibrate(folder)
    np.testing.assert_allclose(found.sets, saved["sets"], atol=1e-3)
    again = stance.load(folder, precision="fp32")
    never_old = stance.load(model_folder, precision="fp32").predict_proba(["we met."])
    np.testing.assert_allclose(again.predict_proba(["we met."]), never_old, atol=1e-3)
    assert again.predict("we met.").label_set
    # The network in 8 bits is made anew from it, and tells the same texts apart.
    light = stance.load(folder, precision="int8")
    assert light.manifest.int8["accepted"]
    texts = ["train 1 we will never negotiate.", "qqq zzz xx yy 77 ((( )) qq zz xx"]
    told, exact = (model.outputs(texts).distances for model in (light, again))
    np.testing.assert_allclose(told, exact, rtol=0.1)
