"""The benchmark beside published figures: choosing sees train alone, and nothing is done twice."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from stance.config import CutConfig
from stance.corpus import SPLITS

from tests.conftest import ROOT, give
from tests.test_labelsets import fomc


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("published", ROOT / "benchmarks/published.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "published", module)  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    Path("configs").symlink_to(ROOT / "configs")
    ours = Path("data/monetary")  # a few of what the configuration has beside
    ours.mkdir(parents=True)
    for split in SPLITS:
        rows = (ROOT / ours / f"{split}.jsonl").read_text().splitlines(keepends=True)
        (ours / f"{split}.jsonl").write_text("".join(rows[:3]))
    return module


def run(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["published.py", *arguments])
    module.main()


def table(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, without the lines of the trainings."""
    return [x for x in capsys.readouterr().out.splitlines() if x and not x.startswith("·")]


def test_choosing_opens_no_test_file_and_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
    mirror: Path,
    tiny_encoder: Path,
    published: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:
    give(monkeypatch, "fomc", "train-5768", fomc(range(12)))  # no test file: asking for it fails
    tiny = ["--set", f"encoder.name={tiny_encoder}", "train.epochs=1"]
    rows = ["--only", "the configuration", "EMA", "--folds", "0"]
    run(published, monkeypatch, "fomc", "--choose", *rows, *tiny)
    first = table(capsys)
    assert [line[:20].strip() for line in first[1:]] == ["the configuration", "EMA"]
    assert len(Path("reports/published.jsonl").read_text().splitlines()) == 2

    def trains_again(*arguments: object, **options: object) -> NoReturn:
        raise AssertionError("trained again")

    monkeypatch.setattr("stance.training.train", trains_again)
    run(published, monkeypatch, "fomc", "--choose", *rows, *tiny)
    assert table(capsys) == first


def test_test_sentences_of_the_train_file_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
    mirror: Path,
    tiny_encoder: Path,
    published: ModuleType,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for seed in published.SEEDS:
        give(monkeypatch, "fomc", f"train-{seed}", fomc(range(8)))
        give(monkeypatch, "fomc", f"test-{seed}", fomc(range(6, 10)))
    asked: list[list[bool]] = []
    monkeypatch.setattr(
        published.Study,
        "trained",
        lambda self, changes, seed, rows, fresh: (
            asked.append(fresh) or published.Found({"weighted_f1": 0.7, "without": 0.6}, [0], [0])
        ),
    )
    run(published, monkeypatch, "fomc")
    assert [(len(fresh), sum(fresh)) for fresh in asked] == [(24, 12)] * 3
    shown = capsys.readouterr().out
    assert "RoBERTa-large" in shown
    ours, without = shown.splitlines()[-2:]
    assert "0.700 (0.000)" in ours
    assert "0.600 (0.000)" in without


def test_folds_hold_out_every_row_once_and_cut_no_group(published: ModuleType) -> None:
    rows = [
        {"text": f"{i}", "label": "ab"[i // 2 % 2], "group": f"{i // 4}", "id": f"{i}"}
        for i in range(200)
    ]
    held = []
    for splits in published.folds(rows, CutConfig(dev=0.2)):
        groups = [{row["group"] for row in part} for part in splits.values()]
        assert sum(map(len, groups)) == len(set().union(*groups)) == 50
        assert len(splits["dev"]) == pytest.approx(32, abs=4)
        held += [row["id"] for row in splits["test"]]
    assert sorted(held) == sorted(row["id"] for row in rows)
