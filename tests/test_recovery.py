"""No training is lost: killed anywhere, the same command ends as if nothing had happened."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from stance import artifact
from stance.schema import BusyError

from tests.conftest import ROOT, tiny_settings, write_corpus
from tests.trainer import Server

STEP = "torch.optim:AdamW.step"
COMMAND = ("train", "--config", "tiny.yaml")
MODELS = Path("models")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def whole(
    shell: Server,
    tiny_encoder: Path,
    corpus: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, object]:
    """What a training that nothing disturbs comes to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("whole"))
        write_config(tiny_encoder, corpus)
        return ended(shell)


@pytest.fixture
def config(tiny_encoder: Path, corpus: Path) -> Path:
    return write_config(tiny_encoder, corpus)


def write_config(
    encoder: Path, corpus: Path, output: Path = MODELS, tracked: bool = False, **changes: object
) -> Path:
    """Four epochs of seven steps, with checkpoints after steps 10 and 20 and each epoch."""
    train = {
        "epochs": 4,
        "batch_size": 4,
        "learning_rate": 5e-3,
        "head_learning_rate": 5e-2,
        "early_stopping": 3,
        "checkpoint_minutes": 0,
        **changes,
    }
    settings = tiny_settings(encoder, corpus, output, train=train, tracking={"enabled": tracked})
    path = Path("tiny.yaml")
    path.write_text(settings.to_yaml(), encoding="utf-8")
    return path


def ended(shell: Server, *, place: str = "") -> dict[str, object]:
    """Train to the end; return the weights of the one model there is, its figures, its losses."""
    done = shell.run(*COMMAND)
    assert done.status == 0, done.output
    assert place in done.output
    (folder,) = [path for path in MODELS.iterdir() if path.is_dir()]
    assert artifact.champion(MODELS) == folder
    lines = (folder / "run" / "history.jsonl").read_text(encoding="utf-8").splitlines()
    history = [json.loads(line) for line in lines]
    return {
        "weights": [
            hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in ("model.safetensors", "head.safetensors")
        ],
        "dev": artifact.read_manifest(folder).dev,
        "losses": [(e["step"], e["train/loss"]) for e in history if "train/loss" in e],
    }


@pytest.mark.parametrize(
    ("at", "call", "place"),
    [
        pytest.param(STEP, 5, "from the start", id="before the first checkpoint"),
        pytest.param(STEP, 14, "from step 10", id="within an epoch"),
        pytest.param("torch:save", 10, "from step 10", id="while a checkpoint is written"),
        pytest.param("stance.artifact:discard", 2, "from step 14", id="while one is removed"),
        pytest.param("stance.encoder:save", 1, "from step 28", id="before the model is saved"),
        pytest.param("stance.artifact:write_manifest", 1, "from step 28", id="while it is saved"),
        pytest.param("stance.promotion:promote", 1, "from the saved model", id="after that"),
        pytest.param(
            "stance.workspace:Workspace.clear", 1, "from the saved model", id="while clearing up"
        ),
    ],
)
def test_killed_training_ends_as_if_nothing_had_happened(
    shell: Server,
    config: Path,
    whole: Mapping[str, object],
    at: str,
    call: int,
    place: str,
) -> None:
    assert shell.run(*COMMAND, at=at, call=call).status == -9
    assert ended(shell, place=place) == whole


def test_averages_and_early_stops_survive_a_kill(
    shell: Server, tiny_encoder: Path, corpus: Path, tmp_path: Path
) -> None:
    found = []
    for number, kills in enumerate(((), ((STEP, 14), ("stance.encoder:save", 1)))):
        folder = tmp_path / str(number)
        folder.mkdir()
        os.chdir(folder)
        write_config(
            tiny_encoder,
            corpus,
            epochs=30,
            batch_size=2,
            gradient_accumulation=2,
            early_stopping=1,
            ema=0.8,
        )
        for at, call in kills:
            assert shell.run(*COMMAND, at=at, call=call).status == -9
        found.append(ended(shell))
    assert found[0] == found[1]
    losses = found[0]["losses"]
    assert isinstance(losses, list)
    assert losses[-1][0] < 30 * 7, "the training did not stop early"


def test_a_kill_while_the_database_is_made_leaves_none_that_is_broken(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    write_config(tiny_encoder, corpus, tracked=True)
    migration = "alembic.operations.batch:BatchOperationsImpl.flush"
    assert shell.run(*COMMAND, at=migration, call=2).status == -9
    assert not Path("mlflow.db").exists()
    done = shell.run(*COMMAND)
    assert done.status == 0
    assert "MLflow" not in done.output
    assert not [path for path in Path().glob(".mlflow*") if path.suffix == ".lock"]


def test_killed_run_is_gone_on_with_in_mlflow_and_nothing_is_doubled(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    import mlflow

    write_config(tiny_encoder, corpus, tracked=True)
    for at, call in ((STEP, 26), ("mlflow:register_model", 1), ("stance.promotion:promote", 1)):
        assert shell.run(*COMMAND, at=at, call=call).status == -9
    ended(shell, place="from the saved model")
    mlflow.set_tracking_uri(f"sqlite:///{Path('mlflow.db').resolve()}")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("stance").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.status == "FINISHED"
    assert len(run.inputs.dataset_inputs) == 2
    for key in run.data.metrics:
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, key)]
        assert len(steps) == len(set(steps)), key
    assert [m.step for m in client.get_metric_history(run.info.run_id, "dev/macro_f1")] == [
        7,
        14,
        21,
        28,
    ]
    assert len(client.search_model_versions("name = 'stance'")) == 1
    assert len(client.search_logged_models([experiment])) == 1


def test_asked_to_stop_it_makes_a_checkpoint_and_says_how_to_go_on(
    shell: Server, config: Path, whole: Mapping[str, object]
) -> None:
    for signal, status, call, step in (("SIGINT", 130, 12, 12), ("SIGTERM", 143, 5, 17)):
        done = shell.run(*COMMAND, at=STEP, call=call, do=signal)
        assert done.status == status
        assert f"\n· stopped; the same command goes on from step {step}\n" in done.output
        assert "Traceback" not in done.output
    found = ended(shell, place="from step 17")
    assert (found["weights"], found["dev"]) == (whole["weights"], whole["dev"])


def test_stopped_before_training_it_leaves_nothing(shell: Server, config: Path) -> None:
    done = shell.run(*COMMAND, at="stance.encoder.finetune:load_pretrained", do="SIGINT")
    assert done.status == 130
    assert "goes on from the start" in done.output
    assert list(MODELS.iterdir()) == []


def test_full_disk_ends_clearly_and_the_last_checkpoint_stays(
    shell: Server, config: Path, whole: Mapping[str, object]
) -> None:
    done = shell.run(*COMMAND, at=STEP, call=12, do="full")
    assert done.status == 2
    assert "\nstance: models: the disk is full" in done.output
    assert done.output.count("disk is full") == 1
    assert "Traceback" not in done.output
    assert ended(shell, place="from step 10") == whole


def test_full_disk_while_the_model_is_saved_costs_no_training(
    shell: Server, config: Path, whole: Mapping[str, object]
) -> None:
    done = shell.run(*COMMAND, at="stance.encoder:save", do="full")
    assert done.status == 2
    assert "the disk is full" in done.output
    assert ended(shell, place="from step 28") == whole


def test_second_run_of_the_same_training_is_refused_and_another_one_is_not(
    shell: Server, config: Path
) -> None:
    assert shell.run(*COMMAND, at=STEP, call=14).status == -9
    (workspace,) = MODELS.glob(".training-*")
    with artifact.locked(workspace / "lock"):
        refused = shell.run(*COMMAND)
        assert refused.status == 2
        assert f"stance: {workspace}: this training is under way already" in refused.output
        assert f"process {os.getpid()} on" in refused.output
        other = shell.run(*COMMAND, "train.seed=7", "train.epochs=1")
        assert other.status == 0, other.output
    assert "unfinished beside it" not in other.output
    another = shell.run(*COMMAND, "train.seed=8", "train.epochs=1")
    assert f"unfinished beside it: {workspace}" in another.output


def test_lock_of_a_dead_process_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import os, pathlib; from stance import artifact\n"
        f"with artifact.locked(pathlib.Path({str(path)!r})): os._exit(1)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 1
    assert path.is_file()
    with artifact.locked(path, busy="busy"):
        again = artifact.locked(path, busy="busy")
        with pytest.raises(BusyError, match="busy"), again:
            pass
    assert not path.exists()


def test_waiting_for_a_lock_that_its_holder_removes(tmp_path: Path) -> None:
    """Two who wait for one lock must not both get it: each on a file, one of them gone."""
    path = tmp_path / "lock"
    with artifact.locked(path):
        stale = os.open(path, os.O_RDWR)
    fcntl.flock(stale, fcntl.LOCK_EX)
    with artifact.locked(path, busy="busy"):
        assert path.is_file()
    os.close(stale)


def test_half_written_checkpoint_is_none(tmp_path: Path) -> None:
    from stance.encoder import latest

    for step in (9, 10, 11):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        if step < 11:
            artifact.seal(folder)
    (tmp_path / "checkpoint-10" / "model.safetensors").write_bytes(b"weig")
    assert latest(tmp_path) == tmp_path / "checkpoint-9"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-9"]


def test_as_a_program_it_is_killed_and_goes_on(
    tiny_encoder: Path, corpus: Path, whole: Mapping[str, object], shell: Server
) -> None:
    """The other tests fork a process that has imported everything; this one is what users run."""
    write_config(tiny_encoder, corpus)
    command = [sys.executable, "-m", "stance", *COMMAND]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "fine-tuning" in line:
                break
        while not list(MODELS.glob(".training-*/checkpoints/*/sealed.json")):
            assert process.poll() is None
        process.kill()
    assert ended(shell, place="from step") == whole
