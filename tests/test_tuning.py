"""Searching for settings: judged on dev, pruned, gone on with, and never a model of its own."""

from __future__ import annotations

import csv
import errno
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from stance import artifact, load_config, tuning
from stance.config import Config, as_override, check
from stance.schema import BusyError, ConfigError, DependencyError, StanceError
from stance.tuning import tune

from tests.conftest import tiny_settings
from tests.trainer import Server

Say = Callable[[str], None]

SPACE: dict[str, Any] = {
    "train.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
    "train.frozen": {"low": 0, "high": 2},
    "train.schedule": {"choices": ["linear", "cosine"]},
    "train.class_weights": {"choices": [None, "balanced"]},
}


def settings_with(encoder: Path, corpus: Path, space: dict[str, Any], **changes: object) -> Config:
    return tiny_settings(encoder, corpus, Path("models"), tune=space, **changes)


class Trainer:
    """Stands in for a training of three epochs: the nearer the rate is to 1e-3, the better.

    Attributes:
        seen: The settings of each.
        epochs: How many epochs each lasted.
    """

    def __init__(
        self,
        epoch: Callable[[], None] = lambda: None,
        fault: Callable[[Config], None] | None = None,
    ) -> None:
        self.seen: list[Config] = []
        self.epochs: list[int] = []
        self._epoch, self._fault = epoch, fault

    def __call__(
        self, settings: Config, corpus: Any, rows: Any, scratch: Path, on_log: Any
    ) -> SimpleNamespace:
        assert scratch.is_dir()
        self.seen.append(settings)
        self.epochs.append(0)
        if self._fault:
            self._fault(settings)
        rate = settings.train.learning_rate
        right = 1 - min(1, abs(np.log10(rate) + 3) / 3)
        for epoch in range(1, 4):
            self._epoch()
            on_log(epoch, {"train/loss": 1.0, "dev/macro_f1": right * epoch / 3})
            self.epochs[-1] += 1
        gold = [settings.labels.index(row["label"]) for row in corpus.rows("dev")]
        logits = np.eye(3)[[g if i < 9 * right else (g + 1) % 3 for i, g in enumerate(gold)]]
        return SimpleNamespace(dev_logits=logits)


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    found = Trainer()
    monkeypatch.setattr(tuning, "fit", found)
    return found


@pytest.fixture
def settings(tiny_encoder: Path, corpus_folder: Path) -> Config:
    return settings_with(tiny_encoder, corpus_folder, SPACE)


def rows_of(folder: Path = Path("tuning/custom")) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_best_settings_are_a_complete_configuration(trainer: Trainer, settings: Config) -> None:
    tuned = tune(settings, trials=12)
    best = load_config(tuned.folder / "best.yaml")
    assert abs(np.log10(best.train.learning_rate) + 3) < 0.5
    assert best.tune == {}
    dumped = settings.model_dump(mode="json", exclude={"tune"})
    assert check(Config, dumped, tuned.overrides, where="x") == best
    assert tuned.macro_f1 == max(float(row["macro_f1"] or 0) for row in rows_of(tuned.folder))
    text = (tuned.folder / "best.yaml").read_text()
    assert text.startswith("# stance train --config tuning/custom/best.yaml\n# The best of 12 ")
    assert "stance train --seeds 3 --config tuning/custom/best.yaml" in tuned.to_text()
    assert f"macro-F1 {tuned.macro_f1:.3f}  {' '.join(tuned.overrides)}" in tuned.to_text()


def test_first_trial_is_the_configuration_as_it_stands(trainer: Trainer, settings: Config) -> None:
    tuned = tune(settings, trials=2)
    first = trainer.seen[0].train
    assert first == settings.train
    assert trainer.seen[1].train != settings.train
    assert rows_of(tuned.folder)[0]["train.learning_rate"] == str(settings.train.learning_rate)


def test_every_value_drawn_is_of_the_space(trainer: Trainer, settings: Config) -> None:
    tune(settings, trials=15)
    for one in trainer.seen:
        assert 1e-5 <= one.train.learning_rate <= 1e-2
        assert one.train.frozen in (0, 1, 2)
        assert one.train.schedule in ("linear", "cosine")
        assert one.train.class_weights in (None, "balanced")
    assert len({one.train.learning_rate for one in trainer.seen}) == 15
    assert {one.train.frozen for one in trainer.seen} == {0, 1, 2}
    assert {one.train.class_weights for one in trainer.seen} == {None, "balanced"}


def test_hopeless_trials_are_ended_early(
    trainer: Trainer, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_STARTUP", 2)
    said: list[str] = []
    tuned = tune(settings, trials=12, say=said.append)
    states = [row["state"] for row in rows_of(tuned.folder)]
    assert states.count("pruned") >= 3
    for state, epochs in zip(states, trainer.epochs, strict=True):
        assert (epochs < 3) == (state == "pruned")
    assert sum("ended early" in line for line in said) == states.count("pruned")


def test_same_command_goes_on_where_it_was(trainer: Trainer, settings: Config) -> None:
    tune(settings, trials=3)
    said: list[str] = []
    tuned = tune(settings, trials=5, say=said.append)
    assert "going on with tuning/custom: 3 of 5 trials are done" in said
    assert len(trainer.seen) == 5
    assert len({one.train.learning_rate for one in trainer.seen}) == 5
    assert [row["trial"] for row in rows_of(tuned.folder)] == list("01234")
    again = tune(settings, trials=5)
    assert len(trainer.seen) == 5
    assert again.overrides == tuned.overrides


def test_what_was_drawn_before_is_not_trained_again(
    trainer: Trainer, tiny_encoder: Path, corpus_folder: Path
) -> None:
    space = {"train.schedule": {"choices": ["linear", "cosine"]}}
    tuned = tune(settings_with(tiny_encoder, corpus_folder, space), trials=8)
    assert len(trainer.seen) == 2
    assert [row["state"] for row in rows_of(tuned.folder)] == ["complete"] * 8


def test_another_space_is_another_study(
    trainer: Trainer, settings: Config, tiny_encoder: Path, corpus_folder: Path
) -> None:
    tune(settings, trials=2)
    narrow = {**SPACE, "train.frozen": {"low": 0, "high": 1}}
    tuned = tune(settings_with(tiny_encoder, corpus_folder, narrow), trials=2)
    assert len(trainer.seen) == 4
    assert len(rows_of(tuned.folder)) == 2


def test_same_seed_draws_the_same(trainer: Trainer, settings: Config) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        tune(settings, trials=4, seed=seed, output=name)
    rates = [one.train.learning_rate for one in trainer.seen]
    assert rates[:4] == rates[4:8]
    assert rates[1:4] != rates[9:12]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock on which an epoch takes a minute."""
    minutes = [0.0]

    def tick() -> None:
        minutes[0] += 1

    monkeypatch.setattr(tuning, "fit", Trainer(epoch=tick))
    monkeypatch.setattr(tuning, "time", SimpleNamespace(monotonic=lambda: 60 * minutes[0]))
    return lambda: minutes[0]


def test_time_limit_stops_in_mid_trial_and_the_trial_is_tried_again(
    settings: Config, clock: Callable[[], float]
) -> None:
    said: list[str] = []
    tuned = tune(settings, trials=50, time_limit=5, say=said.append)
    assert any("the time is up" in line for line in said)
    assert clock() == 6
    assert [row["state"] for row in rows_of(tuned.folder)] == ["complete"]
    trainer: Any = tuning.fit
    tune(settings, trials=2)
    assert len(trainer.seen) == 3
    assert trainer.seen[2] == trainer.seen[1] != trainer.seen[0]


def test_no_trial_in_time_is_told(settings: Config, clock: Callable[[], float]) -> None:
    with pytest.raises(StanceError, match=r"no trial has come to its end yet; .* longer --t"):
        tune(settings, trials=5, time_limit=1)


def test_trial_that_fails_is_left_out_but_not_if_it_is_the_first(
    settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(one: Config) -> None:
        if one.train.schedule == "cosine":
            raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(tuning, "fit", Trainer(fault=fault))
    said: list[str] = []
    tuned = tune(settings, trials=6, say=said.append)
    states = [row["state"] for row in rows_of(tuned.folder)]
    assert states.count("fail") >= 1
    assert states.count("complete") + states.count("pruned") == 6
    assert any("failed: CUDA out of memory" in line for line in said)

    def wrong(one: Config) -> None:
        raise ConfigError("no such layer")

    monkeypatch.setattr(tuning, "fit", Trainer(fault=wrong))
    with pytest.raises(ConfigError, match="no such layer"):
        tune(settings, trials=6, output="other")


def test_trials_that_all_fail_end_the_search(
    settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(one: Config) -> None:
        if one.train.learning_rate != settings.train.learning_rate:
            raise RuntimeError("the GPU has fallen off the bus")

    monkeypatch.setattr(tuning, "fit", Trainer(fault=fault))
    with pytest.raises(RuntimeError, match="off the bus"):
        tune(settings, trials=6)
    assert [row["state"] for row in rows_of(Path("tuning/custom"))] == ["complete", *["fail"] * 4]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_full_disk_is_told_and_the_trial_tried_again(
    settings: Config, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fault(one: Config) -> None:
        if one.train.learning_rate != settings.train.learning_rate:
            raise error

    monkeypatch.setattr(tuning, "fit", Trainer(fault=fault))
    with pytest.raises(StanceError, match=r"tuning/custom: the disk is full .* trial cut off"):
        tune(settings, trials=3)
    monkeypatch.setattr(tuning, "fit", Trainer())
    states = [row["state"] for row in rows_of(tune(settings, trials=3).folder)]
    assert states == ["complete", "fail", "complete", "complete"]


def test_full_study_file_is_told(shell: Server, tiny_encoder: Path, corpus_folder: Path) -> None:
    short = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3}
    settings = settings_with(tiny_encoder, corpus_folder, SPACE, train=short)
    Path("tiny.yaml").write_text(settings.to_yaml())
    command = ("tune", "--config", "tiny.yaml", "--trials", "1")
    done = shell.run(*command, at="stance.encoder:fine_tune", do="full")
    assert done.status == 2, done.output
    assert done.output.count("the disk is full") == 1
    assert "Traceback" not in done.output


def test_two_at_once_in_one_study_are_refused(trainer: Trainer, settings: Config) -> None:
    with (
        artifact.locked(Path("tuning/custom/lock")),
        pytest.raises(BusyError, match="tuning/custom: this search is under way already"),
    ):
        tune(settings, trials=1)


def test_space_may_come_from_another_file(
    trainer: Trainer, tiny_encoder: Path, corpus_folder: Path
) -> None:
    plain = settings_with(tiny_encoder, corpus_folder, {})
    with pytest.raises(ConfigError, match="nothing to search, it has no `tune:` section"):
        tune(plain)
    Path("space.yaml").write_text(yaml.safe_dump({"tune": SPACE}))
    assert set(rows_of(tune(plain, trials=1, space="space.yaml").folder)[0]) >= set(SPACE)
    Path("odd.yaml").write_text("tune: {train.class_weights: {choices: [null, {odd: 2}]}}")
    with pytest.raises(ConfigError, match=r"'odd'\] are not among the labels"):
        tune(plain, space="odd.yaml")


def test_without_optuna_the_extra_is_named(
    settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(DependencyError, match=r"needs optuna.*pip install 'stance\[tune\]'"):
        tune(settings)


def test_trials_are_children_of_one_run_that_is_gone_on_with(
    trainer: Trainer, tiny_encoder: Path, corpus_folder: Path
) -> None:
    import mlflow

    tracked = settings_with(tiny_encoder, corpus_folder, SPACE, tracking={"experiment": "search"})
    first = tune(tracked, trials=2)
    again = tune(tracked, trials=3)
    assert again.run_id == first.run_id
    parent = mlflow.get_run(again.run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best/dev/macro_f1"] == pytest.approx(again.macro_f1)
    assert parent.data.tags["stance.best"] == " ".join(again.overrides)
    client = mlflow.MlflowClient()
    assert {entry.path for entry in client.list_artifacts(again.run_id, "tune")} == {
        "tune/best.yaml",
        "tune/trials.csv",
    }
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.mlflow.parentRunId = '{again.run_id}'"
    )
    assert len(children) == 3
    assert all(set(child.data.params) == set(SPACE) for child in children)
    assert len(client.get_metric_history(children[0].info.run_id, "dev/macro_f1")) == 3
    assert not client.search_registered_models()


def test_real_trials_find_the_rate_that_learns_and_make_no_model(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    short = {"epochs": 5, "batch_size": 8, "learning_rate": 1e-7, "head_learning_rate": 0.05}
    space = {"train.learning_rate": {"choices": [1e-7, 0.005]}}
    settings = settings_with(tiny_encoder, corpus_folder, space, train=short)
    tuned = tune(settings, trials=4)
    assert tuned.overrides == ("train.learning_rate=0.005",)
    assert not Path("models").exists()
    assert sorted(path.name for path in tuned.folder.iterdir()) == [
        "best.yaml",
        "study.db",
        "trials.csv",
    ]


def test_killed_search_goes_on_with_the_trial_that_was_under_way(
    shell: Server, tiny_encoder: Path, corpus_folder: Path
) -> None:
    short = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3}
    settings = settings_with(tiny_encoder, corpus_folder, SPACE, train=short)
    Path("tiny.yaml").write_text(settings.to_yaml())
    command = ("tune", "--config", "tiny.yaml", "--trials", "3")
    # Two epochs of four steps: the kill comes in the second trial.
    assert shell.run(*command, at="torch.optim:AdamW.step", call=12).status == -9
    done = shell.run(*command)
    assert done.status == 0, done.output
    assert "going on with tuning/tiny: 1 of 3 trials are done" in done.output
    rows = rows_of(Path("tuning/tiny"))
    assert [row["state"] for row in rows] == ["complete", "fail", "complete", "complete"]
    drawn = [tuple(row[key] for key in SPACE) for row in rows]
    assert drawn[2] == drawn[1]
    assert len(set(drawn)) == 3
    assert done.output.splitlines()[-1] in drawn_as_overrides(drawn)


def drawn_as_overrides(drawn: list[tuple[str, ...]]) -> set[str]:
    found = set()
    for values in drawn:
        pairs = zip(SPACE, values, strict=True)
        found.add(" ".join(as_override(key, yaml.safe_load(v or "null")) for key, v in pairs))
    return found
