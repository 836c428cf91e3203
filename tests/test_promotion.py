"""Promotion: what the gate lets pass, what it stops, overrides, and the way back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import stance
from stance import artifact, promotion, tracking
from stance.config import Config, TrackingConfig
from stance.models import resolve
from stance.promotion import Decision
from stance.schema import LABELS, ModelError
from stance.training import train

from tests.conftest import tiny_settings

Saved = Callable[..., Path]


class Fake:
    """A scorer whose faults are chosen. Texts are `LABEL NUMBER words`.

    Args:
        wrong: Share of sentences it gets wrong, the same ones and more with a larger share.
        sure: Probability it gives to its label; None for an honest one.
        foe: An actor that it always calls hardline.
        failing: Share of challenge cases it fails.
    """

    labels = LABELS

    def __init__(
        self,
        name: str,
        wrong: float = 0.2,
        sure: float | None = None,
        foe: str = "Nobody",
        failing: float = 0.2,
    ) -> None:
        self.name = name
        self.manifest = SimpleNamespace(poles=("conciliatory", "hardline"))
        self._wrong, self._foe, self._failing = wrong, foe, failing
        self._sure = 1 - wrong if sure is None else sure

    def predict_proba(self, texts: list[str]) -> np.ndarray:
        probs = np.full((len(texts), 3), (1 - self._sure) / 2)
        for row, text in enumerate(texts):
            gold, number, *words = text.split()
            limit = self._failing if "case" in words else self._wrong
            label = LABELS.index(gold)
            label = (label + 1) % 3 if int(number) * 37 % 100 < 100 * limit else label
            probs[row, 2 if self._foe in text else label] = self._sure
        return probs

    def predict(self, texts: list[str]) -> list[SimpleNamespace]:
        best = self.predict_proba(texts).argmax(axis=1) if texts else []
        return [SimpleNamespace(label=LABELS[i]) for i in best]


@pytest.fixture
def saved(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Saved:
    """Make models of chosen faults in `models/`, judged on 600 dev sentences and 100 cases."""
    fakes: dict[str, Fake] = {}
    rows = [
        {
            "id": f"{split}{i}",
            "text": f"{LABELS[i % 3]} {i} Sweden will {split} it",
            "label": LABELS[i % 3],
            "group": f"{split}{i}",
        }
        for split in ("train", "dev", "test")
        for i in range(600)
    ]
    data = Path("data")
    (data / "challenge").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        lines = (json.dumps(row) for row in rows if row["id"].startswith(split))
        (data / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    cases = ({**rows[i], "text": f"{LABELS[i % 3]} {i} a case"} for i in range(100))
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    (data / "challenge" / "irony.jsonl").write_text(lines)

    def make(name: str, **faults: Any) -> Path:
        folder = Path("models") / name
        shutil.copytree(model_folder, folder)
        path = folder / artifact.MANIFEST
        content = json.loads(path.read_text())
        content["name"] = name
        content["config"]["data"]["path"] = [str(data)]
        path.write_text(json.dumps(content))
        fakes[name] = Fake(name, **faults)
        return folder

    def load(folder: Path) -> Fake:
        artifact.read_manifest(folder)  # a folder that is gone must fail as it does in life
        return fakes[folder.name]

    monkeypatch.setattr(promotion, "Model", load)
    return make


def champion() -> str | None:
    found = artifact.champion(Path("models"))
    return found and found.name


def held(decision: Decision, name: str) -> promotion.Check:
    return next(check for check in decision.checks if check.name.startswith(name))


def test_first_model_is_champion_and_its_figures_are_shown(saved: Saved) -> None:
    decision = promotion.promote(saved("a"))
    assert decision.promoted
    assert champion() == "a"
    assert held(decision, "dev macro-F1").model == pytest.approx(0.8, abs=0.01)
    assert held(decision, "challenge irony").model == pytest.approx(0.2)
    assert held(decision, "actor swaps").found == 0
    assert held(decision, "calibration").model == pytest.approx(0, abs=0.02)
    table = decision.to_text()
    assert "a against no champion, dev: 600 sentences in 600 groups" in table
    assert all(check.name in table for check in decision.checks)


def test_better_model_takes_the_place_and_all_is_written_down(saved: Saved) -> None:
    promotion.promote(saved("a"))
    decision = promotion.promote(saved("b", wrong=0.15))
    assert decision.promoted
    assert champion() == "b"
    assert decision.difference is not None
    assert decision.difference["value"] == pytest.approx(0.05, abs=0.01)
    assert all(check.passed for check in decision.checks)
    written = json.loads(Path("models/b/run/promotion.json").read_text())
    assert written == json.loads(json.dumps(asdict(decision)))
    assert [(e["how"], e["model"], e["previous"]) for e in artifact.champions(Path("models"))] == [
        ("gate", "a", None),
        ("gate", "b", "a"),
    ]


@pytest.mark.parametrize(
    ("faults", "name"),
    [
        ({"wrong": 0.2}, "dev macro-F1, chance of no gain"),
        ({"wrong": 0.25}, "dev macro-F1, chance of no gain"),
        ({"wrong": 0.1, "failing": 0.36}, "challenge irony, rise of failures"),
        ({"wrong": 0.1, "sure": 0.99}, "calibration error on dev, rise"),
    ],
)
def test_each_limit_stops_a_model(saved: Saved, faults: dict[str, Any], name: str) -> None:
    promotion.promote(saved("a"))
    decision = promotion.promote(saved("b", **faults))
    assert [check.name for check in decision.checks if check.passed is False] == [name]
    assert not decision.promoted
    assert champion() == "a"
    assert f"b is not promoted: dev macro-F1 {1 - faults['wrong']:.3f}" in decision.verdict
    assert name in decision.verdict
    assert sum(line.endswith("  NO") for line in decision.to_text().splitlines()) == 1


def test_prejudice_against_one_actor_stops_a_model(saved: Saved) -> None:
    promotion.promote(saved("a"))
    folder = saved("b", wrong=0.1, foe="Iran")
    strict = promotion.promote(folder, overrides=["promotion.actor_flips=0.01"])
    assert [check.name for check in strict.checks if check.passed is False] == [
        "actor swaps, share of flips",
        "actor swaps, worst actor's shift",
    ]
    flips = held(strict, "actor swaps").found
    assert flips is not None
    assert 0.01 < flips < 0.03  # one replacement in 45, where the label was not hardline already
    worst = held(strict, "actor swaps, worst").found
    assert worst is not None
    assert worst > 0.3
    wide = ["promotion.actor_flips=0.03", "promotion.actor_worst=1"]
    assert promotion.promote(folder, overrides=wide).promoted


def test_gain_within_chance_passes_only_a_wide_limit(saved: Saved) -> None:
    for split in ("dev", "test"):  # 60 sentences to judge by instead of 600
        path = Path("data", f"{split}.jsonl")
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:60]))
    promotion.promote(saved("a", wrong=0.22))
    other = saved("b", wrong=0.2)
    decision = promotion.promote(other)
    chance = held(decision, "dev macro-F1").found
    assert chance is not None
    assert 0.2 < chance < 0.7
    assert not decision.promoted
    assert promotion.promote(other, overrides=["promotion.alpha=1"]).promoted


def test_few_sentences_with_actors_are_passed_over(saved: Saved) -> None:
    for path in Path("data").glob("*.jsonl"):
        path.write_text(path.read_text().replace("Sweden", "They"))
    decision = promotion.promote(saved("a"))
    assert held(decision, "actor swaps") == promotion.Check(
        "actor swaps, share of flips", None, None, None, 0.05, None
    )


def test_settings_of_an_older_version_are_no_obstacle(
    saved: Saved, caplog: pytest.LogCaptureFixture
) -> None:
    folder = saved("a")
    manifest = folder / artifact.MANIFEST
    content = json.loads(manifest.read_text())
    content["config"]["train"]["swapped"] = 0.3
    content["config"]["tracking"]["folder"] = "mlruns"
    manifest.write_text(json.dumps(content))
    assert promotion.promote(folder).promoted
    assert "models/a: saved with settings that are no more: train.swapped" in caplog.text
    assert "tracking.folder" in caplog.text
    promotion.force(saved("b"), why="trial")
    assert "a is the champion again" in promotion.rollback("models")


def test_champion_is_not_held_against_itself(saved: Saved) -> None:
    folder = saved("a")
    promotion.promote(folder)
    with pytest.raises(ModelError, match="models/a: is the champion already"):
        promotion.promote(folder)
    with pytest.raises(ModelError, match="models/a: is the champion already"):
        promotion.force(folder, why="again")


def test_override_is_recorded_with_who_when_and_why(saved: Saved) -> None:
    promotion.promote(saved("a"))
    worse = saved("b", wrong=0.5)
    with pytest.raises(ModelError, match="recorded with its reason; give one: --why"):
        promotion.force(worse, why="  ")
    assert champion() == "a"
    assert promotion.force(worse, why="a\n deadline") == "b is the champion, by force: a\n deadline"
    assert champion() == "b"
    entry = artifact.champions(Path("models"))[-1]
    assert (entry["how"], entry["model"], entry["previous"]) == ("force", "b", "a")
    assert entry["why"] == "a deadline"
    assert entry["who"]
    assert str(entry["when"]).endswith("Z")


def test_model_may_be_named_from_within(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, data = saved("a"), Path("data").resolve()
    monkeypatch.chdir(folder)
    assert promotion.promote(".", overrides=[f"data.path={data}"]).promoted
    assert Path("../CHAMPION").read_text() == "a\n"


def test_rollback_goes_back_one_champion_each_time(saved: Saved) -> None:
    for name in ("a", "b", "c"):
        promotion.force(saved(name), why="trial")
    assert promotion.rollback("models") == "b is the champion again, in place of c"
    assert champion() == "b"
    promotion.rollback("models", why="b is odd")
    assert champion() == "a"
    assert artifact.champions(Path("models"))[-1]["why"] == "b is odd"
    with pytest.raises(ModelError, match=r"models: no earlier champion in champions.jsonl"):
        promotion.rollback("models")
    promotion.force(Path("models/c"), why="after all")
    promotion.rollback("models")
    assert champion() == "a"


def test_rollback_knows_a_champion_from_before_the_record(saved: Saved) -> None:
    saved("a")
    Path("models/CHAMPION").write_text("a\n")
    promotion.force(saved("b"), why="trial")
    promotion.rollback("models")
    assert champion() == "a"


def test_rollback_to_a_model_that_is_gone_changes_nothing(saved: Saved) -> None:
    for name in ("a", "b"):
        promotion.force(saved(name), why="trial")
    shutil.rmtree("models/a")
    with pytest.raises(
        ModelError, match=r"models/a: no such model folder, .* stance promote --force"
    ):
        promotion.rollback("models")
    assert champion() == "b"


def test_a_champion_that_was_removed_is_told_with_the_way_back(saved: Saved) -> None:
    for name in ("a", "b"):
        promotion.force(saved(name), why="trial")
    shutil.rmtree("models/b")
    for models in (None, "models"):
        with pytest.raises(ModelError, match=r"models/b: no such .* stance rollback models"):
            resolve(models)
    promotion.rollback("models")
    assert resolve() == Path("models/a")


def test_damaged_record_is_told_by_line(saved: Saved) -> None:
    promotion.force(saved("a"), why="trial")
    with Path("models/champions.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(ModelError, match=r"champions.jsonl:2: no line of this record"):
        promotion.rollback("models")


def test_registry_and_run_follow_gate_override_and_rollback(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    import mlflow

    section: dict[str, object] = {"tracking": {"experiment": "tests"}}

    def model(**changes: object) -> stance.Trained:
        settings: Config = tiny_settings(
            tiny_encoder, corpus_folder, Path("models"), **section, **changes
        )
        return train(settings)

    good = model()
    feeble = {"epochs": 1, "learning_rate": 1e-7, "head_learning_rate": 1e-7}
    bad = model(train=feeble)
    assert not bad.promoted

    run = mlflow.get_run(bad.run_id).data
    assert run.tags["stance.promoted"] == "False"
    assert run.tags["stance.verdict"] == bad.verdict
    assert run.metrics["gate/dev macro-F1 chance of no gain/limit"] == 0.2
    assert run.metrics["gate/difference/value"] < 0
    names = {entry.path for entry in mlflow.MlflowClient().list_artifacts(bad.run_id, "run")}
    assert "run/promotion.json" in names

    settings = TrackingConfig(experiment="tests")
    promotion.force(bad.folder, why="a trial")
    assert tracking.registered_champion(settings) == bad.folder.name
    tags = mlflow.get_run(bad.run_id).data.tags
    assert tags["stance.promotion/how"] == "force"
    assert tags["stance.promotion/why"] == "a trial"
    assert tags["stance.promotion/who"]
    promotion.rollback("models")
    assert tracking.registered_champion(settings) == good.folder.name
    assert mlflow.get_run(good.run_id).data.tags["stance.promotion/how"] == "rollback"
    assert mlflow.active_run() is None
