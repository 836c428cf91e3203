"""Several seeds: one parent run, mean and sd, the best through the gate, none trained twice."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from stance import artifact, tracking
from stance.config import Config
from stance.schema import ConfigError
from stance.seeds import train_seeds

from tests.conftest import tiny_settings
from tests.trainer import Server


def short(encoder: Path, corpus: Path, **changes: object) -> Config:
    section = {"epochs": 2, "batch_size": 8, "learning_rate": 5e-3, "seed": 3}
    return tiny_settings(encoder, corpus, Path("models"), train=section, **changes)


def test_each_seed_gives_a_model_and_none_is_trained_twice(
    tiny_encoder: Path, corpus_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = short(tiny_encoder, corpus_folder)
    found = train_seeds(settings, seeds=2)
    assert list(found.trained) == [3, 4]
    folders = {seed: one.folder for seed, one in found.trained.items()}
    assert {artifact.read_manifest(f).config["train"]["seed"] for f in folders.values()} == {3, 4}
    assert all(f"-seed{seed}" in folder.name for seed, folder in folders.items())
    values = [one.dev["macro_f1"]["value"] for one in found.trained.values()]
    assert found.figures["macro_f1"] == {
        "mean": pytest.approx(statistics.mean(values)),
        "sd": pytest.approx(statistics.stdev(values)),
    }
    assert found.decision is not None
    assert found.decision.promoted
    assert artifact.champion(Path("models")) == folders[found.best]
    assert found.trained[found.best].dev["macro_f1"]["value"] == max(values)
    assert "mean ± sd" in found.to_text()

    more = train_seeds(settings, seeds=[3, 4, 9])
    assert {seed: more.trained[seed].folder for seed in (3, 4)} == folders
    assert len(artifact.champions(Path("models"))) <= 2

    def never(*args: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("stance.training.fit", never)
    assert list(train_seeds(settings, seeds=[9, 3]).trained) == [9, 3]


def test_seeds_are_two_or_more_and_different(tiny_encoder: Path, corpus_folder: Path) -> None:
    for wrong in (1, [4], [4, 4]):
        with pytest.raises(ConfigError, match="expected two or more different ones"):
            train_seeds(short(tiny_encoder, corpus_folder), seeds=wrong)


def test_seeds_are_children_of_one_run_with_mean_and_sd(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    import mlflow

    settings = short(tiny_encoder, corpus_folder, tracking={"experiment": "seeds"})
    found = train_seeds(settings, seeds=2)
    parent = mlflow.get_run(found.run_id)
    for name, figure in found.figures.items():
        assert parent.data.metrics[f"seeds/dev/{name}/mean"] == pytest.approx(figure["mean"])
        assert parent.data.metrics[f"seeds/dev/{name}/sd"] == pytest.approx(figure["sd"])
    assert parent.data.metrics["seeds/dev/n"] == 2
    for one in found.trained.values():
        child = mlflow.get_run(one.run_id)
        assert child.data.tags["mlflow.parentRunId"] == found.run_id
    assert train_seeds(settings, seeds=2).run_id == found.run_id
    assert mlflow.active_run() is None
    champion = artifact.champion(Path("models"))
    assert champion is not None
    assert tracking.registered_champion(settings.tracking) == champion.name


def test_killed_in_the_second_seed_the_first_is_not_trained_again(
    shell: Server, tiny_encoder: Path, corpus_folder: Path
) -> None:
    Path("tiny.yaml").write_text(short(tiny_encoder, corpus_folder).to_yaml())
    command = ("train", "--config", "tiny.yaml", "--seeds", "2")
    # Two epochs of four steps a seed.
    assert shell.run(*command, at="torch.optim:AdamW.step", call=12).status == -9
    (first,) = [path.parent for path in Path("models").glob("*/stance.json")]
    done = shell.run(*command)
    assert done.status == 0, done.output
    assert f"{first} is this training, finished before" in done.output
    assert "going on with" in done.output
    assert len(list(Path("models").glob("*/stance.json"))) == 2
    assert "is the champion (the first one)" in done.output
    assert "mean ± sd" in done.output.splitlines()[-1]
