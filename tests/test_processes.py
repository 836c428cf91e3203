"""Several processes at one training come to what one comes to, and act as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from stance import artifact

from tests.conftest import ROOT, tiny_settings, write_corpus
from tests.trainer import Server

COMMAND = ("train", "--config", "tiny.yaml")
STEP = "torch.optim:AdamW.step"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 rows: nine batches of 4, none of which two processes have to fill up."""
    return write_corpus(tmp_path_factory.mktemp("corpus"), copies=4)


@pytest.fixture(scope="module")
def still_encoder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder without dropout: what is left of chance is the order of rows."""
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path_factory.mktemp("still")
    AutoModel.from_pretrained(
        tiny_encoder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder)
    return folder


def write_config(encoder: Path, corpus: Path, output: str, **changes: object) -> None:
    train = {
        "epochs": 2,
        "batch_size": 4,
        "learning_rate": 2e-3,
        "head_learning_rate": 2e-2,
        "early_stopping": 4,
        "checkpoint_minutes": 0,
        **changes,
    }
    tracked = {"enabled": output == "tracked"}
    settings = tiny_settings(encoder, corpus, Path(output), train=train, tracking=tracked)
    Path("tiny.yaml").write_text(settings.to_yaml(), encoding="utf-8")


def model(output: str) -> Path:
    """The one model that was saved."""
    (folder,) = [path for path in Path(output).iterdir() if path.is_dir()]
    assert artifact.champion(Path(output)) == folder
    return folder


def apart(first: Path, second: Path) -> float:
    """Largest difference of a weight."""
    weights = [load_file(folder / "model.safetensors") for folder in (first, second)]
    return max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])


def f1(folder: Path) -> float:
    return float(artifact.read_manifest(folder).dev["macro_f1"]["value"])


@pytest.mark.parametrize(
    "settings",
    [{}, {"batch_size": 2, "gradient_accumulation": 2, "ema": 0.8, "r_drop": 0.5}],
    ids=["plain", "accumulated, averaged and dropped"],
)
def test_two_processes_learn_what_one_learns(
    shell: Server, still_encoder: Path, corpus: Path, settings: dict[str, object]
) -> None:
    folders = []
    for ranks in (1, 2):
        write_config(still_encoder, corpus, f"models{ranks}", head_dropout=0, **settings)
        done = shell.run(*COMMAND, ranks=ranks)
        assert done.status == 0, done.output
        folders.append(model(f"models{ranks}"))
    assert 1000 * apart(*folders) < apart(folders[0], still_encoder)
    assert f1(folders[0]) == pytest.approx(f1(folders[1]))


def test_torchrun_trains_logs_saves_and_promotes_once(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    import mlflow

    rates = {"epochs": 4, "learning_rate": 5e-3, "head_learning_rate": 5e-2}
    write_config(tiny_encoder, corpus, "alone", **rates)
    assert shell.run(*COMMAND).status == 0
    write_config(tiny_encoder, corpus, "tracked", **rates)
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, "-m", *torchrun, "-m", "stance", *COMMAND],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f1(model("tracked")) == pytest.approx(f1(model("alone")), abs=0.01)
    said = done.stdout + done.stderr
    for line in (
        "· fine-tuning",
        "· epoch 1:",
        "· saved",
        "is the champion",
        "dev macro-F1 1.000 [",
    ):
        assert said.count(line) == 1, line
    assert said.count("36/36 [") == done.stderr.count("100%|██████████| 36/36 [")
    mlflow.set_tracking_uri(f"sqlite:///{Path('mlflow.db').resolve()}")
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("stance").experiment_id])
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "dev/macro_f1")
    assert [metric.step for metric in history] == [9, 18, 27, 36]
    assert len(client.search_model_versions("name = 'stance'")) == 1


def test_killed_process_ends_the_others_and_all_go_on_together_or_alone(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    folders = {}
    for name, ranks in (("whole", 0), ("together", 2), ("alone", 1)):
        write_config(tiny_encoder, corpus, name)
        if ranks:
            killed = shell.run(*COMMAND, ranks=2, at=STEP, call=14, on=1)
            assert killed.status == -9
            assert killed.output.count("another process of this training has ended") == 1
            assert "Traceback" not in killed.output
        done = shell.run(*COMMAND, ranks=ranks or 2)
        assert done.status == 0, done.output
        assert ("from step 10" in done.output) == bool(ranks)
        folders[name] = model(name)
    assert apart(folders["whole"], folders["together"]) == 0
    assert 0 < apart(folders["whole"], folders["alone"]) < 0.1


def test_fault_of_one_process_ends_all_with_its_message_alone(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    write_config(tiny_encoder, corpus, "models")
    for place in ("stance.training:load_configured", "stance.encoder.finetune:load_pretrained"):
        done = shell.run(*COMMAND, ranks=2, at=place, do="fail", on=1)
        assert done.status == 2
        assert done.output.count("stance: ") == done.output.count("stance: a fault of this") == 1
        assert "Traceback" not in done.output


def test_fault_of_all_is_told_once(shell: Server, tiny_encoder: Path, corpus: Path) -> None:
    write_config(tiny_encoder, corpus, "models", batch_size=3)
    done = shell.run(*COMMAND, ranks=2)
    assert done.status == 2
    assert done.output.count("stance: ") == 1
    assert "train.batch_size: 3 rows cannot be dealt out evenly to 2 processes" in done.output


def test_bug_in_one_process_shows_its_traceback(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    write_config(tiny_encoder, corpus, "models")
    place = "stance.encoder.finetune:load_pretrained"
    done = shell.run(*COMMAND, ranks=2, at=place, do="break", on=1)
    assert done.status == 2  # of the process that was left alone; 1 of the other
    assert done.output.count("Traceback") == 1
    assert "ZeroDivisionError" in done.output


def test_one_process_that_is_asked_to_stop_stops_all_after_a_checkpoint(
    shell: Server, tiny_encoder: Path, corpus: Path
) -> None:
    write_config(tiny_encoder, corpus, "models")
    done = shell.run(*COMMAND, ranks=2, at=STEP, call=13, do="SIGINT", on=1)
    assert done.status == 130
    # The end of the epoch comes before the next checkpoint within one.
    assert done.output.count("goes on from step 18") == 1
    assert "another process" not in done.output
    assert "from step 18" in shell.run(*COMMAND, ranks=2).output
