"""Where runs are logged, and the one import of MLflow."""

from __future__ import annotations

import logging
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from stance import artifact
from stance.schema import require

logger = logging.getLogger(__name__)

DEFAULT_STORE = "mlflow.db"
"""File in the current folder; made absolute, since MLflow keeps connections by address."""

PARAM_LIMIT = 500
"""Longest parameter value every MLflow store takes; longer ones are cut, the artifact is whole."""


def store() -> str:
    """Return where runs are logged: `MLFLOW_TRACKING_URI`, what the caller set, or sqlite here."""
    mlflow = load_mlflow()
    if os.environ.get("MLFLOW_TRACKING_URI") or mlflow.is_tracking_uri_set():
        return str(mlflow.get_tracking_uri())
    return f"sqlite:///{Path(DEFAULT_STORE).resolve()}"


def load_mlflow() -> Any:
    # A dead server is found out in seconds, not in MLflow's default of several minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # of single files
    mlflow = require("mlflow", extra="train", purpose="tracking")
    for chatty in ("alembic", "mlflow"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It logs a traceback of each error of its database, and raises it too: then `warn` tells it.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return mlflow


def open_client() -> Any:
    """Return a client of the store, which is MLflow's current one from here on."""
    mlflow = load_mlflow()
    if not mlflow.is_tracking_uri_set():
        mlflow.set_tracking_uri(store())
    _create(store())
    return mlflow.MlflowClient()


def _create(uri: str) -> None:
    """Make a sqlite database that is not there yet, whole or not at all.

    Two processes that make one at once, or one that is killed at it, would leave tables half
    migrated, which MLflow refuses for ever.
    """
    file = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    if not uri.startswith("sqlite:///") or file.exists():
        return
    with artifact.locked(file.with_name(f".{file.name}.lock")):
        if not file.exists():
            with artifact.atomic(file) as temporary:
                new = f"sqlite:///{temporary.resolve()}"
                load_mlflow().MlflowClient(new).search_experiments(max_results=1)


def probe(uri: str) -> None:
    """Fail at once if an HTTP server does not answer."""
    if uri.startswith(("http://", "https://")):
        try:
            urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=5).close()
        except urllib.error.HTTPError:
            return  # it answers; whether it lets us in is for MLflow to find out


def warn(uri: str, what: str, error: Exception) -> None:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    logger.warning(
        "MLflow at %s: could not %s (%s). Nothing is lost: the model is kept in its folder; "
        "log it later with  stance log FOLDER",
        uri,
        what,
        reason,
    )


def cut(value: str) -> str:
    return value if len(value) <= PARAM_LIMIT else value[: PARAM_LIMIT - 1] + "…"
