"""The only door to MLflow. Tracking never kills a training and never loses one.

Every call is guarded: the first that fails is told once, the rest are skipped, and the saved model
folder holds all that `log_folder` needs to log the run later.
"""

from __future__ import annotations

import json
import logging
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stance.artifact import MANIFEST, ONNX, TOKENIZER, Manifest, read_manifest
from stance.schema import ModelError, StanceError, require

if TYPE_CHECKING:
    from stance.config import TrackingConfig

logger = logging.getLogger(__name__)

DEFAULT_STORE = "mlflow.db"
"""File in the current folder; made absolute, since MLflow keeps connections by address."""

ALIAS = "champion"
MODEL_NAME_TAG = "stance.model"
PARAM_LIMIT = 500
"""Longest parameter value every MLflow store takes; longer ones are cut, the artifact is whole."""

_PYFUNC = Path(__file__).with_name("mlflow_model.py")


class Run:
    """An MLflow run, or what is left of one after a failure.

    Attributes:
        id: The run's id; None if it could not be opened.
        uri: The tracking store.
    """

    def __init__(self, uri: str, run_id: str | None = None) -> None:
        self.uri = uri
        self.id = run_id
        self.broken = run_id is None

    def guard(self, what: str, action: Callable[[], None]) -> None:
        """Do something with MLflow; on any failure warn, and leave MLflow alone from then on."""
        if self.broken:
            return
        try:
            action()
        except Exception as error:  # MLflow, its database and its server raise anything
            self.broken = True
            _warn(self.uri, what, error)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log figures of a step."""
        self.guard("log metrics", lambda: _mlflow().log_metrics(dict(values), step=step))

    def figures(self, prefix: str, figures: Mapping[str, Any]) -> None:
        """Log nested figures as `prefix/name`, leaving out what is not a number."""
        flat = dict(flatten(figures, prefix))
        numbers = {key: float(v) for key, v in flat.items() if isinstance(v, (int, float))}
        self.guard("log figures", lambda: _mlflow().log_metrics(numbers))

    def folder(self, folder: Path) -> None:
        """Log a saved model folder: parameters, tags, data set, artifacts, registered model."""
        manifest = read_manifest(folder)
        self.guard("log the training", lambda: _log_training(folder, manifest))

    def tags(self, tags: Mapping[str, str]) -> None:
        """Tag the run; long values are cut."""
        cut = {key: _cut(value) for key, value in tags.items()}
        self.guard("set tags", lambda: _mlflow().set_tags(cut))

    def promotion(self, folder: Path) -> None:
        """Log what the gate said of a saved model, as its `run/promotion.json` has it."""
        path = folder / "run" / "promotion.json"
        decision = json.loads(path.read_text(encoding="utf-8"))
        for check in decision["checks"]:
            name = re.sub(r"[^\w /.-]", "", check["name"])
            held = {key: check[key] for key in ("model", "champion", "found", "limit")}
            self.figures(f"gate/{name}", held)
        self.figures("gate/difference", decision["difference"] or {})
        self.tags(
            {"stance.promoted": str(decision["promoted"]), "stance.verdict": decision["verdict"]}
        )
        self.artifacts(path, "run")

    def artifacts(self, path: Path, where: str) -> None:
        """Log a file, or every file of a folder."""
        log = "log_artifacts" if path.is_dir() else "log_artifact"
        self.guard("log artifacts", lambda: getattr(_mlflow(), log)(str(path), where))


@contextmanager
def run(settings: TrackingConfig, *, name: str, run_id: str | None = None) -> Iterator[Run]:
    """Open a run, a child if the caller has one open; close it whatever happens.

    Args:
        settings: Experiment to log to; `enabled: false` gives a run that logs nothing.
        name: Name of a new run.
        run_id: An existing run to add to.
    """
    if not settings.enabled:
        yield Run("", None)
        return
    uri = store()
    try:
        mlflow = _mlflow()
        _probe(uri)
        _client()
        parent = mlflow.active_run()
        experiment = parent.info.experiment_id if parent else _experiment(settings.experiment)
        started = mlflow.start_run(
            run_id=run_id,
            run_name=None if run_id else name,
            experiment_id=None if run_id else experiment,
            nested=parent is not None,
        )
    except Exception as error:  # an unreachable store must not stop the caller
        _warn(uri, "open a run", error)
        yield Run(uri, None)
        return
    current = Run(uri, started.info.run_id)
    status = "FAILED"
    try:
        yield current
        status = "FINISHED"
    finally:
        try:
            mlflow.end_run(status)  # also after a failure, so that the caller's next run is its own
        except Exception as error:  # as above
            if not current.broken:
                _warn(uri, "close the run", error)


def log_folder(folder: Path, settings: TrackingConfig) -> str:
    """Log a saved model that could not be logged when it was trained.

    Returns:
        The id of the new run.

    Raises:
        StanceError: If MLflow still cannot be reached.
    """
    manifest = read_manifest(folder)
    history = folder / "run" / "history.jsonl"
    with run(settings, name=manifest.name) as current:
        for line in history.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            step = int(entry.pop("step"))
            current.metrics(step, {key: v for key, v in entry.items() if key != "epoch"})
        current.folder(folder)
        if (folder / "run" / "promotion.json").is_file():
            current.promotion(folder)
    if current.id is None or current.broken:
        raise StanceError(f"{folder}: not logged, MLflow at {current.uri} failed (see above)")
    return current.id


def set_alias(settings: TrackingConfig, name: str) -> bool:
    """Give a registered model version the champion alias.

    Args:
        settings: Names the registered model.
        name: The saved model's name, by which its version was tagged.

    Returns:
        True if the registry has it now.
    """
    if not settings.enabled:
        return False
    try:
        client = _client()
        versions = client.search_model_versions(
            f"name = '{settings.registered_model}' and tags.`{MODEL_NAME_TAG}` = '{name}'"
        )
        if not versions:
            return False
        newest = max(versions, key=lambda version: int(version.version))
        client.set_registered_model_alias(settings.registered_model, ALIAS, newest.version)
    except Exception as error:  # as in `run`
        _warn(store(), "set the champion alias", error)
        return False
    return True


def registered_champion(settings: TrackingConfig) -> str | None:
    """Return the name of the saved model that the registry calls champion, if it says."""
    if not settings.enabled:
        return None
    try:
        client = _client()
        version = client.get_model_version_by_alias(settings.registered_model, ALIAS)
    except Exception:  # no such model or alias yet, or no registry: told elsewhere
        return None
    name = version.tags.get(MODEL_NAME_TAG)
    return str(name) if name else None


def download(uri: str) -> Path:
    """Fetch a logged model and return the folder that scoring loads.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `runs:/ID/model`.

    Raises:
        ModelError: If MLflow does not have it.
    """
    try:
        _client()
        local = Path(_mlflow().artifacts.download_artifacts(artifact_uri=uri))
    except StanceError:
        raise
    except Exception as error:  # as in `run`
        reason = " ".join(str(error).split())
        raise ModelError(f"{uri}: MLflow at {store()} does not give it: {reason}") from None
    found = sorted(local.rglob(MANIFEST))
    if not found:
        raise ModelError(f"{uri}: not a model that stance saved (no {MANIFEST} in it)")
    return found[0].parent


def store() -> str:
    """Return where runs are logged: `MLFLOW_TRACKING_URI`, what the caller set, or sqlite here."""
    mlflow = _mlflow()
    if os.environ.get("MLFLOW_TRACKING_URI") or mlflow.is_tracking_uri_set():
        return str(mlflow.get_tracking_uri())
    return f"sqlite:///{Path(DEFAULT_STORE).resolve()}"


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings with their keys joined by `/`."""
    for key, value in values.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from flatten(value, name)
        else:
            yield name, value


def _mlflow() -> Any:
    # A dead server is found out in seconds, not in MLflow's default of several minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    mlflow = require("mlflow", extra="train", purpose="tracking")
    for chatty in ("alembic", "mlflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return mlflow


def _client() -> Any:
    """Return a client of the store, which is MLflow's current one from here on."""
    mlflow = _mlflow()
    if not mlflow.is_tracking_uri_set():
        mlflow.set_tracking_uri(store())
    return mlflow.MlflowClient()


def _probe(uri: str) -> None:
    """Fail at once if an HTTP server does not answer."""
    if uri.startswith(("http://", "https://")):
        try:
            urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=5).close()
        except urllib.error.HTTPError:
            return  # it answers; whether it lets us in is for MLflow to find out


def _experiment(name: str) -> str:
    mlflow = _mlflow()
    found = mlflow.get_experiment_by_name(name)
    return str(found.experiment_id if found else mlflow.create_experiment(name))


def _warn(uri: str, what: str, error: Exception) -> None:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    logger.warning(
        "MLflow at %s: could not %s (%s). Nothing is lost: the model is kept in its folder; "
        "log it later with  stance log FOLDER",
        uri,
        what,
        reason,
    )


def _log_training(folder: Path, manifest: Manifest) -> None:
    mlflow = _mlflow()
    params = {key: str(value) for key, value in flatten(manifest.config)}
    mlflow.log_params({key: _cut(value) for key, value in params.items()})
    mlflow.set_tags(
        {
            MODEL_NAME_TAG: manifest.name,
            **{f"stance.{key}": _cut(str(v)) for key, v in flatten(manifest.provenance)},
            "stance.data_fingerprint": str(manifest.data["fingerprint"]),
        }
    )
    numbers = {k: v for k, v in flatten(manifest.dev, "best/dev") if isinstance(v, (int, float))}
    mlflow.log_metrics(
        {**numbers, "duration_seconds": float(manifest.provenance["duration_seconds"])}
    )
    for split in ("train", "dev"):
        mlflow.log_input(_dataset(manifest, split), context=split)
    mlflow.log_artifacts(str(folder / "run"), "run")
    _log_model(folder, manifest)


def _dataset(manifest: Manifest, split: str) -> Any:
    """Describe a split to MLflow: where it is and its fingerprint; its rows stay here."""
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource

    local = [Path(path).resolve() for path in manifest.data["path"] if Path(path).exists()]
    # A published corpus is nowhere: it has a name instead.
    place = os.path.commonpath(local) if local else " + ".join(manifest.data["path"])
    return MetaDataset(
        LocalArtifactDatasetSource(place),
        name=f"{split} ({manifest.data['rows'][split]} rows)",
        digest=str(manifest.data["fingerprint"])[:32],
    )


def _log_model(folder: Path, manifest: Manifest) -> None:
    mlflow = _mlflow()
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    outputs = [
        ColSpec("string", "label"),
        *(ColSpec("double", f"p_{label}") for label in manifest.labels),
        *([ColSpec("double", "score")] if manifest.poles else []),
        ColSpec("boolean", "truncated"),
    ]
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(_PYFUNC),
        # Side by side in the logged model, these make a folder that scoring loads.
        artifacts={name: str(folder / name) for name in (ONNX, TOKENIZER, MANIFEST)},
        signature=ModelSignature(Schema([ColSpec("string", "text")]), Schema(outputs)),
        input_example=pd.DataFrame({"text": ["We are ready to resume the talks on Monday."]}),
        # The code goes along, and what scoring needs: a serving machine installs no stance.
        code_paths=[str(Path(__file__).parent)],
        pip_requirements=[*_runtime_requirements(), "pandas"],
    )
    name = manifest.config["tracking"]["registered_model"]
    version = mlflow.register_model(logged.model_uri, name)
    mlflow.MlflowClient().set_model_version_tag(
        name, version.version, MODEL_NAME_TAG, manifest.name
    )


def _runtime_requirements() -> list[str]:
    """Return what the package needs to score, as installed here."""
    names = [re.split(r"[<>=!~; \[]", r)[0] for r in requires("stance") or () if "extra" not in r]
    return [f"{name}=={version(name)}" for name in names]


def _cut(value: str) -> str:
    return value if len(value) <= PARAM_LIMIT else value[: PARAM_LIMIT - 1] + "…"
