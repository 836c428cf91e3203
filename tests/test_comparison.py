"""Two models side by side: differences with intervals, changed sentences, slices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stance
from stance.schema import ModelError
from typer.testing import CliRunner

from tests.conftest import SENTENCES, tiny_settings, write_corpus


@pytest.fixture(scope="module")
def weak_folder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has hardly learnt."""
    corpus = write_corpus(tmp_path_factory.mktemp("data"))
    settings = tiny_settings(tiny_encoder, corpus, tmp_path_factory.mktemp("weak"))
    changed = settings.train.model_copy(update={"epochs": 0.1})
    return stance.train(settings.model_copy(update={"train": changed})).folder


def gold_file(copies: int = 12) -> Path:
    path = Path("gold.jsonl")
    rows = [
        {"text": text, "label": label, "doc": f"{label}{i}{copy}", "form": "speech"}
        for label, texts in SENTENCES.items()
        for i, text in enumerate(texts)
        for copy in range(copies)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_better_model_is_told_with_what_changed(model_folder: Path, weak_folder: Path) -> None:
    found = stance.compare(model_folder, weak_folder, data=gold_file(), output="c.json").to_dict()
    assert json.loads(Path("c.json").read_text()) == found
    assert (found["first"], found["second"]) == (model_folder.name, weak_folder.name)
    f1 = found["difference"]["macro_f1"]
    both = [found["figures"][one]["macro_f1"]["value"] for one in ("first", "second")]
    assert f1["value"] == pytest.approx(both[0] - both[1])
    assert 0 < f1["low"] < f1["high"]
    assert f1["p"] < 0.01
    changed = found["changed"]
    assert changed["count"] == len(changed["rows"]) > 0
    assert changed["only_first_right"] == found["mcnemar"]["only_first"]
    assert all(row["first"] != row["second"] for row in changed["rows"])
    assert {one["name"] for one in found["slices"]} <= {"words=01-10", "form=speech"}


def test_a_model_is_as_good_as_itself(model_folder: Path) -> None:
    found = stance.compare(model_folder, model_folder, data=gold_file(2))
    assert found.result["difference"]["accuracy"] == {"value": 0, "low": 0, "high": 0, "p": 1}
    assert found.result["mcnemar"]["p"] == 1
    assert "0 sentences labelled otherwise" in found.to_text()


def test_command_prints_tables(model_folder: Path, weak_folder: Path) -> None:
    from stance.cli import app

    gold_file()
    arguments = ["compare", str(model_folder), str(weak_folder), "--data", "gold.jsonl"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    for part in ("macro f1", "McNemar: only the first is right", "sentences labelled otherwise"):
        assert part in done.stdout


def test_models_with_other_labels_are_not_compared(model_folder: Path, tiny_encoder: Path) -> None:
    rows = [
        {"text": f"{text} {i}", "label": label[:4], "doc": f"{label}{i}"}
        for label, texts in SENTENCES.items()
        for i in range(12)
        for text in texts
    ]
    Path("other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = tiny_settings(
        tiny_encoder, Path("other.jsonl"), Path("models"), labels=["conc", "hard", "neut"]
    )
    brief = settings.train.model_copy(update={"epochs": 0.1})
    other = stance.train(settings.model_copy(update={"train": brief})).folder
    with pytest.raises(ModelError, match="only models with the same can be compared"):
        stance.compare(model_folder, other)
