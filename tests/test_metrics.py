"""Figures agree with scikit-learn, and intervals behave as intervals must."""

from __future__ import annotations

import numpy as np
import pytest
from stance import metrics

LABELS = ("a", "b", "c")


def sample(n: int, seed: int = 0) -> tuple[metrics.IntArray, metrics.IntArray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 3, n)
    predicted = np.where(rng.random(n) < 0.7, gold, rng.integers(0, 3, n))
    return gold, predicted


@pytest.mark.parametrize("n", [1, 7, 300])
def test_figures_agree_with_scikit_learn(n: int) -> None:
    from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

    gold, predicted = sample(n, seed=n)
    found = metrics.figures(metrics.confusion(gold, predicted, 3))
    options = {"zero_division": 0.0}
    assert found["accuracy"] == pytest.approx(accuracy_score(gold, predicted), abs=1e-12)
    for average in ("macro", "weighted"):
        expected = f1_score(gold, predicted, average=average, **options)
        assert found[f"{average}_f1"] == pytest.approx(expected, abs=1e-12)
    table = precision_recall_fscore_support(gold, predicted, labels=range(3), **options)
    for name, expected in zip(("precision", "recall", "f1"), table[:3], strict=True):
        np.testing.assert_allclose(found[name], expected, atol=1e-12)


def test_interval_holds_the_value_and_shrinks_with_data() -> None:
    widths = []
    for n in (60, 2000):
        figure = metrics.evaluate_predictions(*sample(n), LABELS)["macro_f1"]
        assert figure["low"] <= figure["value"] <= figure["high"]
        widths.append(figure["high"] - figure["low"])
    assert widths[1] < widths[0] / 3


def test_interval_counts_groups_not_rows() -> None:
    gold, predicted = sample(60)
    copies = np.repeat(gold, 20), np.repeat(predicted, 20)
    groups = np.repeat(np.arange(60), 20)
    rows = metrics.evaluate_predictions(*copies, LABELS)
    grouped = metrics.evaluate_predictions(*copies, LABELS, groups=groups)
    alone = metrics.evaluate_predictions(gold, predicted, LABELS)

    def width(result: dict[str, dict[str, float]]) -> float:
        return result["accuracy"]["high"] - result["accuracy"]["low"]

    # Twenty copies of each row tell no more than the row: only grouping knows.
    assert width(grouped) == pytest.approx(width(alone), rel=0.1)
    assert width(rows) < width(grouped) / 3
    assert grouped["groups"] == 60


def test_of_one_group_nothing_is_known() -> None:
    gold, predicted = sample(50)
    groups = ["a"] * 50
    figure = metrics.evaluate_predictions(gold, predicted, LABELS, groups=groups)["macro_f1"]
    assert figure == {"value": figure["value"], "low": None, "high": None}
    better = metrics.paired_difference(gold, gold, predicted, 3, groups=groups)
    assert better["value"] > 0
    assert (better["low"], better["high"], better["p"]) == (-1, 1, 1)


def test_interval_covers_the_truth_about_95_times_in_100() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        gold = rng.integers(0, 3, 150)
        predicted = np.where(rng.random(150) < 0.6, gold, (gold + 1) % 3)
        result = metrics.evaluate_predictions(gold, predicted, LABELS, resamples=300)
        covered += result["accuracy"]["low"] <= 0.6 <= result["accuracy"]["high"]
    assert 182 <= covered <= 199


def test_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(3)
    honest = rng.normal(0, 1.5, (4000, 3))
    probs = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    gold = np.array([rng.choice(3, p=row) for row in probs])
    assert metrics.fit_temperature(gold, honest) == pytest.approx(1, abs=0.1)
    assert metrics.fit_temperature(gold, 4 * honest) == pytest.approx(4, abs=0.4)


def test_mean_interval() -> None:
    assert metrics.mean_interval(np.array([0.5])) is None
    low, high = metrics.mean_interval(np.linspace(-1, 1, 50)) or (0, 0)
    assert -0.3 < low < 0 < high < 0.3


def plain_calibration_error(
    gold: metrics.IntArray, probs: metrics.FloatArray, bins: int, *, resamples: int = 0
) -> float:
    """As in Kumar et al. 2019: bins as lists, the bias by drawing each bin's share anew."""
    rows = sorted(zip(probs.max(1), probs.argmax(1) == gold, strict=True), key=lambda row: row[0])
    cut = [list(part) for part in np.array_split(np.array(rows, dtype=float), bins)]
    sure = [sum(p for p, _ in part) / len(part) for part in cut]
    share = [sum(right for _, right in part) / len(part) for part in cut]
    size = [len(part) / len(rows) for part in cut]
    error = sum(w * abs(s - p) for w, s, p in zip(size, share, sure, strict=True))
    if not resamples:
        return error
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(resamples):
        total = 0.0
        for w, s, p, part in zip(size, share, sure, cut, strict=True):
            again = rng.normal(s, (s * (1 - s) / len(part)) ** 0.5)
            total += w * abs(again - p)
        drawn.append(total)
    return 2 * error - sum(drawn) / resamples


def scored(n: int, sharpen: float, seed: int = 0) -> tuple[metrics.IntArray, metrics.FloatArray]:
    """Gold drawn from honest probabilities, which are then sharpened."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gold = np.array([rng.choice(3, p=row) for row in probs])
    sharp = probs**sharpen
    return gold, sharp / sharp.sum(1, keepdims=True)


@pytest.mark.parametrize(("n", "sharpen"), [(40, 1), (500, 1), (500, 3)])
def test_calibration_error_agrees_with_a_plain_one(n: int, sharpen: float) -> None:
    gold, probs = scored(n, sharpen)
    plain = plain_calibration_error(gold, probs, 15)
    assert metrics.calibration_error(gold, probs, debiased=False) == pytest.approx(plain, abs=1e-12)
    drawn = max(0, plain_calibration_error(gold, probs, 15, resamples=3000))
    assert metrics.calibration_error(gold, probs) == pytest.approx(drawn, abs=3e-3)


def test_debiasing_brings_an_honest_model_near_0_and_leaves_a_dishonest_one() -> None:
    honest, biased, dishonest = [], [], []
    for seed in range(30):
        gold, probs = scored(300, 1, seed)
        honest.append(metrics.calibration_error(gold, probs))
        biased.append(metrics.calibration_error(gold, probs, debiased=False))
        dishonest.append(metrics.calibration_error(*scored(300, 4, seed)))
    assert np.mean(honest) < 0.6 * np.mean(biased)
    assert np.mean(dishonest) > 0.2


def test_calibration_error_of_few_rows_is_a_number() -> None:
    probs = np.array([[0.9, 0.1]])
    assert metrics.calibration_error(np.array([0]), probs) == pytest.approx(0.1)


def test_paired_difference_is_sharper_than_two_intervals() -> None:
    gold, theirs = sample(2000)
    ours = np.where(np.arange(2000) % 25 == 0, gold, theirs)  # the same, a few mended
    found = metrics.paired_difference(gold, ours, theirs, 3)
    one = metrics.evaluate_predictions(gold, ours, LABELS)["macro_f1"]
    assert 0 < found["low"] < found["value"] < found["high"]
    assert found["p"] == 0
    assert found["high"] - found["low"] < (one["high"] - one["low"]) / 2
    assert metrics.paired_difference(gold, theirs, ours, 3)["value"] == -found["value"]


def test_systems_that_are_the_same_leave_no_chance_of_a_gain() -> None:
    gold, predicted = sample(50)
    found = metrics.paired_difference(gold, predicted, predicted, 3)
    assert found == {"value": 0, "low": 0, "high": 0, "p": 1}


def test_chance_of_no_gain_counts_groups_not_rows() -> None:
    gold, theirs = sample(60, seed=1)
    ours = theirs.copy()
    mended, spoilt = np.flatnonzero(gold != theirs)[:4], np.flatnonzero(gold == theirs)[:2]
    ours[mended] = gold[mended]
    ours[spoilt] = (gold[spoilt] + 1) % 3
    alone = metrics.paired_difference(gold, ours, theirs, 3)
    copies = [np.repeat(values, 20) for values in (gold, ours, theirs)]
    rows = metrics.paired_difference(*copies, 3)
    grouped = metrics.paired_difference(*copies, 3, groups=np.repeat(np.arange(60), 20).tolist())
    # Twenty copies of each row are no more evidence than the row: only grouping knows.
    assert grouped["p"] == pytest.approx(alone["p"], abs=0.05)
    assert rows["p"] < alone["p"] / 5


def test_paired_chance_is_honest_when_neither_is_better() -> None:
    low = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        gold = rng.integers(0, 3, 300)
        systems = [np.where(rng.random(300) < 0.7, gold, rng.integers(0, 3, 300)) for _ in range(2)]
        low += metrics.paired_difference(gold, *systems, 3, resamples=300)["p"] < 0.2
    assert 25 <= low <= 55  # 40 of 200 expected
