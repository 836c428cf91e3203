"""Slices: every part of the data with support, and the worst of them found and not overstated."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from stance.evaluation.sample import Sample
from stance.evaluation.slices import find_slices, holm, slices

LABELS = ("a", "b", "c")


def sample(n: int = 600, **columns: list[Any]) -> Sample:
    rng = np.random.default_rng(0)
    rows = [
        {
            "id": str(i),
            "text": "Iran said so." if i % 3 else "They said that it was so and so " * 4,
            "label": LABELS[rng.integers(0, 3)],
            "doc": i // 2,
            "votes": "a|b",
            "context_before": "Before.",
            **{name: values[i] for name, values in columns.items()},
        }
        for i in range(n)
    ]
    return Sample("rows", rows, LABELS, "doc", None)


def test_columns_lengths_and_actors_become_slices_and_the_rest_does_not() -> None:
    forms = ["headline" if i % 4 == 0 else "rare" if i < 20 else None for i in range(600)]
    names = {one.name for one in find_slices(sample(form=forms), crossed=False)}
    assert names == {"form=headline", "words=01-10", "words=over 30", "actor=Iran"}


def test_a_bad_slice_is_found_with_its_interval() -> None:
    source = [["x", "y", "z"][i // 2 % 3] for i in range(600)]
    data = sample(source=source, decade=[1990 + 10 * (i // 6 % 3) for i in range(600)])
    rng = np.random.default_rng(1)
    right = np.where(np.array(source) == "y", rng.random(600) < 0.5, rng.random(600) < 0.9)
    predicted = np.where(right, data.gold, (data.gold + 1) % 3)
    found = slices(data, predicted)
    worst = found["worst"][0]
    assert worst["name"] == "source=y"
    assert worst["p_corrected"] < 1e-6
    assert worst["error"]["low"] < 0.5 < worst["error"]["high"]
    assert worst["rest"] == pytest.approx((~right)[np.array(source) != "y"].mean())
    assert worst["rows"] == 200
    assert [one["name"] for one in found["columns"]["source"]] == [
        "source=x",
        "source=y",
        "source=z",
    ]
    assert any("," in one["name"] for one in found["worst"])


def test_no_slice_stands_out_of_equals_after_correction() -> None:
    alarms = raw = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        data = sample(
            300, one=rng.integers(0, 4, 300).tolist(), two=rng.integers(0, 4, 300).tolist()
        )
        predicted = np.where(rng.random(300) < 0.8, data.gold, (data.gold + 1) % 3)
        found = slices(data, predicted)
        alarms += found["worst"][0]["p_corrected"] < 0.05
        raw += found["worst"][0]["p"] < 0.05
    assert raw > 2
    assert alarms <= 2


def test_memory_does_not_grow_with_the_number_of_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 5000
    row = {"text": "They said so.", "label": "a"}
    columns = [{f"column {c}": i * (2 * c + 3) // 7 % 9 for c in range(12)} for i in range(n)]
    data = Sample("many", [{**row, **each} for each in columns], LABELS, None, None)
    # The bootstrap has a bound of its own.
    monkeypatch.setattr("stance.evaluation.slices._figures", lambda *of: {})
    tracemalloc.start()
    found = slices(data, np.arange(n) % 3)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["tested"] > 2000
    assert most < found["tested"] * n / 2  # a byte a row and slice is what masks would take
    assert found["worst"][0]["p"] <= found["worst"][-1]["p"]
    assert len(found["worst"]) == 10


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_small_data_has_no_slices_and_no_fault() -> None:
    found = slices(sample(10), np.zeros(10, dtype=np.int64))
    assert found == {"tested": 0, "columns": {}, "worst": []}
