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
