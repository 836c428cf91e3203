"""Figures of probabilities, agreement and comparison agree with scikit-learn and scipy."""

from __future__ import annotations

import time

import numpy as np
import pytest
from stance import metrics

LABELS = ("a", "b", "c")


def scored(
    n: int, seed: int = 0, sharpen: float = 1
) -> tuple[metrics.IntArray, metrics.FloatArray]:
    """Gold drawn from honest probabilities, which are then sharpened."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gold = (rng.random((n, 1)) > probs.cumsum(1)).sum(1).clip(max=2)
    sharp = probs**sharpen
    return gold, sharp / sharp.sum(1, keepdims=True)


@pytest.mark.parametrize("n", [12, 400])
def test_every_figure_agrees_with_scikit_learn(n: int) -> None:
    from sklearn import metrics as sk

    gold, probs = scored(n, seed=n)
    probs = probs.round(2)  # ties
    probs = np.clip(probs, 0.01, None)
    probs /= probs.sum(1, keepdims=True)
    predicted = probs.argmax(1)
    found = metrics.evaluate_predictions(gold, predicted, LABELS, probs=probs, resamples=20)
    expected = {
        "macro_f1": sk.f1_score(gold, predicted, average="macro"),
        "weighted_f1": sk.f1_score(gold, predicted, average="weighted"),
        "accuracy": sk.accuracy_score(gold, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(gold, predicted),
        "mcc": sk.matthews_corrcoef(gold, predicted),
        "roc_auc": sk.roc_auc_score(gold, probs, multi_class="ovr", average="macro"),
        "log_loss": sk.log_loss(gold, y_proba=probs),
        "brier": sk.brier_score_loss(gold, probs, scale_by_half=False),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-9), name
    for i, label in enumerate(LABELS):
        area = sk.roc_auc_score(gold == i, probs[:, i])
        assert found["labels"][label]["roc_auc"]["value"] == pytest.approx(area, abs=1e-9)
        assert metrics.roc_auc(gold, probs)[i] == pytest.approx(area, abs=1e-9)
    kappa = metrics.cohen_kappa(metrics.confusion(gold, predicted, 3).astype(float))
    assert kappa == pytest.approx(sk.cohen_kappa_score(gold, predicted), abs=1e-9)


def test_figures_of_drawn_rows_are_the_figures_of_those_rows() -> None:
    gold, probs = scored(60)
    drawn = np.random.default_rng(1).integers(0, 60, 60)
    weights = np.bincount(drawn, minlength=60)[None].astype(float)
    from stance.metrics.calibration import Bins
    from stance.metrics.figures import Confusions
    from stance.metrics.probabilities import Areas

    np.testing.assert_allclose(
        Areas(gold, probs)(weights)[0], metrics.roc_auc(gold[drawn], probs[drawn]), atol=1e-12
    )
    table = metrics.confusion(gold[drawn], probs[drawn].argmax(1), 3)
    np.testing.assert_array_equal(Confusions(gold, probs.argmax(1), 3)(weights)[0], table)
    size, share, _ = Bins(probs[:, 0], gold == 0, bins=1).of(weights)
    assert size[0, 0] == 60
    assert share[0, 0] == pytest.approx((gold[drawn] == 0).mean())


def test_what_is_not_defined_is_none_and_never_nan() -> None:
    gold, probs = np.zeros(5, dtype=np.int64), scored(5)[1]
    found = metrics.evaluate_predictions(gold, probs.argmax(1), LABELS, probs=probs)
    nothing = {"value": None, "low": None, "high": None}
    assert found["roc_auc"] == nothing
    assert all(row["roc_auc"] == nothing for row in found["labels"].values())
    assert all(found[name]["value"] is not None for name in ("mcc", "log_loss", "brier"))


def test_roc_interval_covers_the_truth_about_95_times_in_100() -> None:
    covered = 0
    truth = metrics.roc_auc(*scored(200_000, seed=99))[0]
    for seed in range(60):
        gold, probs = scored(200, seed)
        found = metrics.evaluate_predictions(
            gold, probs.argmax(1), LABELS, probs=probs, resamples=200
        )
        area = found["labels"]["a"]["roc_auc"]
        covered += area["low"] <= truth <= area["high"]
    assert 52 <= covered <= 60


def test_calibration_interval_covers_honest_and_dishonest_models() -> None:
    truth = metrics.calibration_error(*scored(200_000, seed=99, sharpen=3))
    honest = dishonest = 0
    for seed in range(20):
        one = metrics.calibration_figures(*scored(300, seed), LABELS, resamples=200)["ece"]
        honest += one["low"] == 0
        again = metrics.calibration_figures(*scored(300, seed, 3), LABELS, resamples=200)["ece"]
        dishonest += again["low"] <= truth <= again["high"] and again["p"] == 0
    assert honest >= 17
    assert dishonest >= 17


def test_reliability_shows_every_row_once_and_an_honest_model_on_the_diagonal() -> None:
    gold, probs = scored(2000)
    found = metrics.reliability(gold, probs, LABELS)
    assert list(found) == ["predicted", *LABELS]
    for bins in found.values():
        assert sum(one["n"] for one in bins) == 2000
        near = [abs(one["share"]["value"] - one["probability"]) < 0.12 for one in bins]
        assert all(near)


def test_risk_coverage_by_hand() -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    gold = np.array([0, 0, 1, 0])
    found = metrics.risk_coverage(gold, probs)
    assert [point["error"] for point in found["curve"]] == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert found["area"]["value"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert found["best_area"] == pytest.approx((1 / 4) / 4)
    assert found["at"]["0.5"]["error"]["value"] == 0
    assert found["at"]["0.8"]["ratio"]["value"] == 1
    assert found["curve"][1]["threshold"] == 0.8


def test_risk_coverage_of_a_model_without_errors_is_told_without_nan() -> None:
    gold, probs = np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]])
    found = metrics.risk_coverage(gold, probs)
    assert found["area"]["value"] == 0
    assert found["at"]["0.5"]["ratio"]["value"] is None


def test_sets_are_measured_by_label() -> None:
    gold = np.array([0, 0, 1, 1])
    sets = np.array([[1, 0], [1, 1], [1, 0], [0, 1]], dtype=bool)
    found = metrics.set_figures(gold, sets, ("a", "b"))
    assert found["coverage"]["value"] == 0.75
    assert found["size"]["value"] == 1.25
    assert found["single"]["value"] == 0.75
    assert found["labels"]["b"]["value"] == 0.5


def test_mcnemar_agrees_with_the_binomial_test() -> None:
    from scipy.stats import binomtest

    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 500)
    ours, theirs = (np.where(rng.random(500) < p, gold, (gold + 1) % 3) for p in (0.75, 0.7))
    found = metrics.mcnemar(gold, ours, theirs)
    b, c = int(found["only_first"]), int(found["only_second"])
    assert found["p"] == pytest.approx(binomtest(b, b + c).pvalue, abs=1e-9)
    assert metrics.mcnemar(gold, ours, ours)["p"] == 1


def test_agreement_sets_the_model_beside_the_people() -> None:
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    people = [np.where(rng.random(300) < 0.9, truth, rng.integers(0, 3, 300)) for _ in range(3)]
    model = np.where(rng.random(300) < 0.6, truth, rng.integers(0, 3, 300))
    votes = [[int(person[i]) for person in people] for i in range(300)]
    votes[0] = [*votes[0], 1]  # an adjudicator of one row is no annotator
    found = metrics.agreement(votes, model, 3)
    assert [one["rows"] for one in found["annotators"]] == [300, 300, 300]
    first = found["annotators"][0]
    kappa = cohen_kappa_score(people[0], model)
    assert first["model"]["kappa"]["value"] == pytest.approx(kappa, abs=1e-9)
    among = np.mean([cohen_kappa_score(people[0], other) for other in people[1:]])
    assert first["people"]["kappa"]["value"] == pytest.approx(among, abs=1e-9)
    assert first["model"]["same"]["high"] < first["people"]["same"]["low"]
    alpha = found["alpha"]
    assert 0.7 < alpha["low"] < alpha["value"] < alpha["high"] < 0.95
    named = [[str(vote) for vote in row[:3]] for row in votes]
    assert alpha["value"] == metrics.krippendorff_alpha(named)
    alone = metrics.agreement([row[:1] for row in votes], model, 3)
    assert (alone["annotators"][0]["people"], alone["alpha"]["value"]) == (None, None)


def test_many_rows_are_drawn_in_blocks_and_take_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 200_000
    probs = rng.dirichlet([1, 1, 1], n)
    gold = rng.integers(0, 3, n)
    groups = rng.integers(0, 20_000, n).tolist()
    started = time.process_time()
    found = metrics.evaluate_predictions(
        gold, probs.argmax(1), LABELS, probs=probs, groups=groups, resamples=4
    )
    assert found["roc_auc"]["value"] == pytest.approx(0.5, abs=0.01)
    assert time.process_time() - started < 20
