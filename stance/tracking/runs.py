"""Runs: opened, filled and closed, whatever MLflow does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stance import processes
from stance.artifact import read_manifest
from stance.schema import StanceError
from stance.tracking.registry import flatten, log_training
from stance.tracking.store import cut, load_mlflow, open_client, probe, store, warn

if TYPE_CHECKING:
    from stance.config import TrackingConfig


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
        self._known: set[tuple[str, int]] = set()

    def guard(self, what: str, action: Callable[[], None]) -> None:
        """Do something with MLflow; on any failure warn, and leave MLflow alone from then on."""
        if self.broken:
            return
        try:
            action()
        except Exception as error:  # MLflow, its database and its server raise anything
            self.broken = True
            warn(self.uri, what, error)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Log figures of a step, but none a second time when a training goes on after a kill."""
        new = {key: value for key, value in values.items() if (key, step) not in self._known}
        self.guard("log metrics", lambda: load_mlflow().log_metrics(new, step=step))

    def recall(self) -> None:
        """Look up which figures were logged before, so that going on does not double them."""

        def look_up() -> None:
            client = open_client()
            for key in client.get_run(self.id).data.metrics:
                history = client.get_metric_history(self.id, key)
                self._known |= {(key, metric.step) for metric in history}

        self.guard("look up what was logged", look_up)

    def figures(self, prefix: str, figures: Mapping[str, Any]) -> None:
        """Log nested figures as `prefix/name`, leaving out what is no number or logged already."""
        flat = dict(flatten(figures, prefix))
        new = {key: value for key, value in flat.items() if (key, 0) not in self._known}
        numbers = {key: float(v) for key, v in new.items() if isinstance(v, (int, float))}
        self.guard("log figures", lambda: load_mlflow().log_metrics(numbers))

    def folder(self, folder: Path) -> None:
        """Log a saved model folder: parameters, tags, data set, artifacts, registered model."""
        manifest = read_manifest(folder)
        seconds = manifest.provenance["duration_seconds"]
        self.figures("", {"best": {"dev": manifest.dev}, "duration_seconds": seconds})
        self.guard("log the training", lambda: log_training(folder, manifest))

    def tags(self, tags: Mapping[str, str]) -> None:
        """Tag the run; long values are cut."""
        short = {key: cut(value) for key, value in tags.items()}
        self.guard("set tags", lambda: load_mlflow().set_tags(short))

    def params(self, params: Mapping[str, str]) -> None:
        """Log settings; long values are cut."""
        short = {key: cut(value) for key, value in params.items()}
        self.guard("log settings", lambda: load_mlflow().log_params(short))

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
        self.guard("log artifacts", lambda: getattr(load_mlflow(), log)(str(path), where))


@contextmanager
def run(settings: TrackingConfig, *, name: str, run_id: str | None = None) -> Iterator[Run]:
    """Open a run, a child if the caller has one open; close it whatever happens.

    Args:
        settings: Experiment to log to; `enabled: false` gives a run that logs nothing, and so has
            each but the first of several processes.
        name: Name of a new run.
        run_id: An existing run to add to.
    """
    if not settings.enabled or not processes.first():
        yield Run("", None)
        return
    uri = store()
    try:
        mlflow = load_mlflow()
        probe(uri)
        open_client()
        parent = mlflow.active_run()
        experiment = parent.info.experiment_id if parent else _experiment(settings.experiment)
        started = mlflow.start_run(
            run_id=run_id,
            run_name=None if run_id else name,
            experiment_id=None if run_id else experiment,
            nested=parent is not None,
        )
    except Exception as error:  # an unreachable store must not stop the caller
        warn(uri, "open a run", error)
        yield Run(uri, None)
        return
    current = Run(uri, started.info.run_id)
    status = "FAILED"
    try:
        yield current
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        try:
            mlflow.end_run(status)  # also after a failure, so that the caller's next run is its own
        except Exception as error:  # as above
            if not current.broken:
                warn(uri, "close the run", error)


def exists(settings: TrackingConfig, run_id: str | None) -> bool:
    """Return whether a run is in today's store, so that it can be gone on with."""
    if not settings.enabled or run_id is None:
        return False
    try:
        probe(store())
        return str(open_client().get_run(run_id).info.lifecycle_stage) == "active"
    except Exception:  # not there, or no store: told when a run is opened
        return False


def tagged(settings: TrackingConfig, tag: str, value: str) -> str | None:
    """Return the id of the newest run with a tag, so that it can be gone on with; None if none."""
    if not settings.enabled:
        return None
    try:
        probe(store())
        client = open_client()
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            return None
        found = client.search_runs(
            [experiment.experiment_id], f"tags.`{tag}` = '{value}'", max_results=1
        )
    except Exception:  # as above
        return None
    return str(found[0].info.run_id) if found else None


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


def _experiment(name: str) -> str:
    mlflow = load_mlflow()
    found = mlflow.get_experiment_by_name(name)
    return str(found.experiment_id if found else mlflow.create_experiment(name))
