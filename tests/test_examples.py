"""What a model is shown: targets, repetitions and weights of rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from stance.config import Config
from stance.examples import examples, oversampled, target, weights
from stance.schema import DataError

ROW = {"text": "we met.", "label": "conciliatory", "votes": "c|c|n"}


def rows(**counts: int) -> list[dict[str, Any]]:
    """So many rows of each label, e.g. `rows(neutral=8, hardline=2)`."""
    return [
        {"id": f"{label}{i}", "text": f"{label} {i}.", "label": label}
        for label, count in counts.items()
        for i in range(count)
    ]


def train(**settings: object) -> Config:
    return Config.model_validate({"train": settings})


@pytest.mark.parametrize(
    ("settings", "row", "expected"),
    [
        ({}, ROW, [1, 0, 0]),
        ({"soft_labels": 1.0}, ROW, [2 / 3, 1 / 3, 0]),
        ({"soft_labels": 0.5}, ROW, [5 / 6, 1 / 6, 0]),
        ({"soft_labels": 1.0}, {**ROW, "votes": "hardline|neutral"}, [0, 1 / 2, 1 / 2]),
        ({"soft_labels": 1.0}, {"text": "x", "label": "neutral"}, [0, 1, 0]),
        ({"label_smoothing": 0.3}, ROW, [0.8, 0.1, 0.1]),
        ({"soft_labels": 1.0, "label_smoothing": 0.3}, ROW, [0.7 * 2 / 3 + 0.1, 1 / 3, 0.1]),
    ],
)
def test_target_of_a_row(
    settings: dict[str, float], row: dict[str, str], expected: list[float]
) -> None:
    assert target(row, train(**settings)) == pytest.approx(expected, abs=0.004)


def test_an_unknown_vote_is_told() -> None:
    with pytest.raises(
        DataError, match=r"vote 'x' is none of conciliatory, neutral, .*; expected .* such as"
    ):
        target({**ROW, "votes": "c|x"}, train(soft_labels=0.5))


@pytest.mark.parametrize("votes", ["c||n|h", ["conciliatory", None, "n", "hardline"]])
def test_votes_may_be_listed_and_have_gaps(votes: object) -> None:
    found = target({**ROW, "votes": votes}, train(soft_labels=1.0))
    assert found == pytest.approx([1 / 3, 1 / 3, 1 / 3])


def test_without_settings_each_row_is_shown_once_and_counts_the_same() -> None:
    given = rows(neutral=3, hardline=1)
    shown = examples(given, Config())
    assert shown["text"] == [row["text"] for row in given]
    assert shown["weight"] == [1.0] * 4


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        (0.0, {"neutral": 64, "conciliatory": 16, "hardline": 4}),
        (0.5, {"neutral": 64, "conciliatory": 32, "hardline": 16}),
        (1.0, {"neutral": 64, "conciliatory": 64, "hardline": 64}),
    ],
)
def test_oversampling_repeats_rare_labels_by_the_power(
    power: float, expected: dict[str, int]
) -> None:
    given = rows(neutral=64, conciliatory=16, hardline=4)
    shown = oversampled(given, train(oversample=power))
    assert Counter(row["label"] for row in shown) == expected
    assert {row["id"] for row in shown} == {row["id"] for row in given}  # none is lost
    times = Counter(row["id"] for row in shown if row["label"] == "hardline")
    assert max(times.values()) - min(times.values()) <= 1


def test_oversampling_draws_the_same_rows_with_the_same_seed() -> None:
    given = rows(neutral=9, hardline=4)
    drawn = [
        [row["id"] for row in oversampled(given, train(oversample=1, seed=seed))]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_balanced_class_weights_give_each_label_the_same_sum() -> None:
    given = rows(neutral=6, conciliatory=3, hardline=1)
    found = weights(given, train(class_weights="balanced"))
    assert found == pytest.approx([10 / 18] * 6 + [10 / 9] * 3 + [10 / 3])
    assert sum(found) == pytest.approx(len(given))


def test_balanced_weights_after_full_oversampling_leave_nothing_to_balance() -> None:
    given = rows(neutral=6, hardline=2)
    shown = examples(given, train(class_weights="balanced", oversample=1))
    assert shown["weight"] == pytest.approx([1.0] * 12)


def test_class_weights_by_label_leave_the_others_at_one() -> None:
    found = weights(rows(neutral=2, hardline=2), train(class_weights={"hardline": 3}))
    assert found == pytest.approx([0.5, 0.5, 1.5, 1.5])


def test_class_weights_of_any_label_set() -> None:
    config = Config.model_validate(
        {"labels": ["up", "down"], "poles": None, "train": {"class_weights": {"down": 3}}}
    )
    assert weights(rows(up=1, down=1), config) == pytest.approx([0.5, 1.5])


def test_weights_of_folders_columns_and_labels_multiply() -> None:
    given = [
        {"label": "neutral", "corpus": "a", "source": "reuters"},
        {"label": "neutral", "corpus": "b", "source": "un"},
        {"label": "hardline", "corpus": "b"},
    ]
    config = Config.model_validate(
        {
            "data": {
                "path": ["a", "b"],
                "weights": [1, 2],
                "column_weights": {"source": {"reuters": 0.5}},
            },
            "train": {"class_weights": {"hardline": 2}},
        }
    )
    mean = (0.5 + 2 + 4) / 3
    assert weights(given, config) == pytest.approx([0.5 / mean, 2 / mean, 4 / mean])


@pytest.mark.parametrize(
    ("of_columns", "message"),
    [
        ({"sourse": {"x": 2}}, "no training row has a column 'sourse'; columns found: label, so"),
        ({"source": {"x": 2}}, "column_weights.source: no training row has x; values found: un"),
        ({"source": {"un": 0}}, "every training row weighs 0"),
    ],
)
def test_weights_that_fit_no_row_are_told(of_columns: object, message: str) -> None:
    config = Config.model_validate({"data": {"column_weights": of_columns}})
    with pytest.raises(DataError, match=message):
        weights([{"label": "neutral", "source": "un"}], config)
