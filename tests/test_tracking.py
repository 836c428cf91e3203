"""MLflow: what a run holds, and that no failure of it costs a training."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path

import pytest
import stance
from stance import tracking
from stance.config import Config, TrackingConfig
from stance.schema import ModelError, StanceError
from stance.tracking.store import open_client
from stance.training import Trained, train

from tests.conftest import tiny_settings


def tracked(encoder: Path, corpus: Path, **changes: object) -> Config:
    base = {"tracking": {"experiment": "tests", "registered_model": "stance"}}
    short = {"epochs": 3, "batch_size": 8, "learning_rate": 5e-3, "head_learning_rate": 5e-2}
    return tiny_settings(encoder, corpus, Path("models"), **{**base, "train": short, **changes})


@pytest.fixture
def dead_server(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


def test_run_holds_all_that_is_promised(
    tiny_encoder: Path, corpus_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import mlflow
    import pandas as pd

    trained = train(tracked(tiny_encoder, corpus_folder))
    assert Path("mlflow.db").is_file()
    assert mlflow.active_run() is None
    run = mlflow.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs".replace(".", "/")] == "3.0"
    assert {"train/loss", "dev/macro_f1", "best/dev/macro_f1/value", "duration_seconds"} <= set(
        run.data.metrics
    )
    client = mlflow.MlflowClient()
    assert len(client.get_metric_history(trained.run_id, "dev/macro_f1")) == 3
    assert {"stance.git_commit", "stance.versions/torch", "stance.data_fingerprint"} <= set(
        run.data.tags
    )
    assert {entry.dataset.digest for entry in run.inputs.dataset_inputs} == {
        run.data.tags["stance.data_fingerprint"][:32]
    }
    artifacts = {artifact.path for artifact in client.list_artifacts(trained.run_id, "run")}
    assert {"run/config.yaml", "run/dev_confusion.png", "run/dev_report.txt"} <= artifacts

    loaded = mlflow.pyfunc.load_model("models:/stance@champion")
    assert loaded.metadata.signature is not None
    assert loaded.input_example is not None
    texts = ["we will never negotiate.", "ministers met."]
    frame = loaded.predict(pd.DataFrame({"text": texts}))
    expected = stance.load().predict(texts)
    assert frame["label"].tolist() == [p.label for p in expected]
    assert frame["p_hardline"].tolist() == pytest.approx(
        [p.probabilities["hardline"] for p in expected]
    )
    for uri in ("models:/stance@champion", "models:/stance/1", f"runs:/{trained.run_id}/model"):
        assert stance.load(uri).name == trained.folder.name

    assert "Failed to log" not in capfd.readouterr().err


def test_run_holds_the_whole_report(tiny_encoder: Path, corpus_folder: Path) -> None:
    import mlflow

    trained = train(tracked(tiny_encoder, corpus_folder))
    evaluation = stance.evaluate(trained.folder, baselines=False, behaviour=False)
    assert evaluation.folder is not None
    run = mlflow.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    (name,) = (name for name in run.data.metrics if name.endswith("test/macro_f1/value"))
    assert run.data.metrics[name] == evaluation.macro_f1
    logged = Path(
        mlflow.artifacts.download_artifacts(
            run_id=trained.run_id, artifact_path=f"evaluation/{evaluation.folder.name}"
        )
    )
    contents = {path.name: path.read_bytes() for path in logged.iterdir()}
    assert contents == {path.name: path.read_bytes() for path in evaluation.folder.iterdir()}
    assert contents["report.html"].decode() == evaluation.to_html()
    assert json.loads(contents["report.json"]) == evaluation.result
    assert contents["README.md"].startswith(b"---\nlicense:")


def test_alias_stays_with_the_better_model(tiny_encoder: Path, corpus_folder: Path) -> None:
    good = train(tracked(tiny_encoder, corpus_folder))
    feeble = {"epochs": 1, "learning_rate": 1e-7, "head_learning_rate": 1e-7}
    bad = train(tracked(tiny_encoder, corpus_folder, train=feeble))
    assert not bad.promoted
    settings = TrackingConfig(experiment="tests")
    assert tracking.registered_champion(settings) == good.folder.name


def test_open_run_becomes_the_parent_and_stays_open(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mine.db")
    with mlflow.start_run() as mine:
        trained = train(tracked(tiny_encoder, corpus_folder))
        assert mlflow.active_run().info.run_id == mine.info.run_id
    run = mlflow.get_run(trained.run_id)
    assert run.data.tags["mlflow.parentRunId"] == mine.info.run_id
    assert not Path("mlflow.db").exists()


def test_options_of_a_database_are_no_part_of_its_name() -> None:
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mine.db?timeout=30")
    assert open_client().search_experiments()
    assert [path.name for path in Path().glob("*mine.db*")] == ["mine.db"]


def log_later(trained: Trained, caplog: pytest.LogCaptureFixture) -> None:
    """Check that a training survived a failure of tracking, and can be logged afterwards."""
    import mlflow

    assert stance.load().name == trained.folder.name
    assert sum("log it later with" in record.message for record in caplog.records) == 1
    mlflow.set_tracking_uri("sqlite:///later.db")
    run_id = tracking.log_folder(trained.folder, TrackingConfig())
    client = mlflow.MlflowClient()
    assert len(client.get_metric_history(run_id, "dev/macro_f1")) == 3
    assert stance.load(f"runs:/{run_id}/model").name == trained.folder.name


def test_unreachable_server_costs_nothing(
    tiny_encoder: Path,
    corpus_folder: Path,
    dead_server: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with caplog.at_level(logging.WARNING, logger="stance"):
        trained = train(tracked(tiny_encoder, corpus_folder))
    assert trained.run_id is None
    assert dead_server in caplog.text
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    log_later(trained, caplog)


def test_server_that_dies_in_mid_training_costs_nothing(
    tiny_encoder: Path,
    corpus_folder: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow

    def die(*args: object, **kwargs: object) -> None:
        raise ConnectionError("gone")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, logger="stance"):
        patch.setattr(mlflow, "log_metrics", die)
        trained = train(tracked(tiny_encoder, corpus_folder))
    assert trained.promoted
    assert mlflow.active_run() is None
    log_later(trained, caplog)


def test_logging_later_fails_aloud_while_the_server_is_dead(
    model_folder: Path, dead_server: str
) -> None:
    with pytest.raises(StanceError, match=r"not logged, MLflow at http://127.0.0.1"):
        tracking.log_folder(model_folder, TrackingConfig())


def test_value_over_the_parameter_limit_is_cut_and_kept_whole_in_the_artifact(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    import mlflow

    odd = Path("x" * 200) / ("y" * 200) / ("z" * 200)
    odd.parent.mkdir(parents=True)
    odd.symlink_to(corpus_folder)
    trained = train(tracked(tiny_encoder, corpus_folder, data={"path": str(odd)}))
    value = mlflow.get_run(trained.run_id).data.params["data/path"]
    assert len(value) == tracking.PARAM_LIMIT
    assert str(odd) in (trained.folder / "run" / "config.yaml").read_text().replace("\n  ", "")


def test_unknown_uri_is_refused() -> None:
    with pytest.raises(ModelError, match="models:/stance@champion: MLflow at sqlite"):
        stance.load("models:/stance@champion")
