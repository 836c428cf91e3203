"""The engine: what a text gets depends on the text alone."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from stance import runtime
from stance.runtime import Scorer, cores
from stance.schema import ModelError

from tests.conftest import WORDS

DRAWN = random.Random(7)
TEXTS = [" ".join(DRAWN.choices(WORDS[:30], k=DRAWN.choice([1, 3, 9, 40]))) for _ in range(60)]


@pytest.fixture(scope="module")
def scorer(model_folder: Path) -> Scorer:
    return Scorer(model_folder, precision="fp32", threads=1)


def test_result_does_not_depend_on_batch_make_up(scorer: Scorer, model_folder: Path) -> None:
    alone = np.concatenate([scorer.logits([text])[0] for text in TEXTS])
    for tokens in (1, 100, 100_000):
        batched = Scorer(model_folder, precision="fp32", threads=1, batch_tokens=tokens)
        np.testing.assert_allclose(batched.logits(TEXTS)[0], alone, atol=1e-5)
        np.testing.assert_allclose(batched.logits(TEXTS[::-1])[0], alone[::-1], atol=1e-5)


def test_windows_tokenised_ahead_keep_the_order(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = scorer.logits(TEXTS)
    for window in (7, len(TEXTS) - 1, 60):
        monkeypatch.setattr(runtime, "WINDOW", window)
        logits, truncated = scorer.logits(TEXTS)
        np.testing.assert_allclose(logits, whole, atol=1e-5)
        assert truncated.tolist() == cut.tolist()
    assert cut.any()
    assert not cut.all()


def test_equal_texts_are_scored_once(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    pad = scorer._pad

    def counted(encodings: list[object]) -> object:
        rows.append(len(encodings))
        return pad(encodings)

    monkeypatch.setattr(scorer, "_pad", counted)
    logits, _ = scorer.logits(["we met.", "they met.", "we met.", "we met."])
    assert sum(rows) == 2
    assert (logits[[0, 0]] == logits[[2, 3]]).all()


def test_no_text_gives_no_row(scorer: Scorer) -> None:
    logits, truncated = scorer.logits([])
    assert logits.shape == (0, 3)
    assert truncated.shape == (0,)


def test_batches_stay_within_the_token_budget() -> None:
    lengths = DRAWN.choices(range(1, 90), k=200)
    batches = list(runtime._batches(lengths, 256))
    assert sorted(row for rows in batches for row in rows) == list(range(200))
    assert all(max(lengths[row] for row in rows) * len(rows) <= 256 for rows in batches)


def test_threads_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    usable = cores()
    assert usable >= 1
    for said, taken in (("1", 1), ("0", usable), ("no number", usable), ("100000", usable)):
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert cores() == taken


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "precision 'int4': expected one of fp32, int8"),
        ({"device": "tpu"}, "device 'tpu': expected one of cpu, cuda"),
        ({"device": "cuda"}, "pip install onnxruntime-gpu"),
    ],
)
def test_options_that_cannot_be_had_are_refused(
    model_folder: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        Scorer(model_folder, **options)  # type: ignore[arg-type]
