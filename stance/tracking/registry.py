"""Saved models in MLflow: logged to their run, registered, called champion, fetched again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stance.artifact import MANIFEST, Manifest
from stance.schema import ModelError, StanceError
from stance.tracking.store import cut, load_mlflow, open_client, store, warn

if TYPE_CHECKING:
    from stance.config import TrackingConfig

ALIAS = "champion"
MODEL_NAME_TAG = "stance.model"

_PACKAGE = Path(__file__).parents[1]


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
        client = open_client()
        versions = client.search_model_versions(
            f"name = '{settings.registered_model}' and tags.`{MODEL_NAME_TAG}` = '{name}'"
        )
        if not versions:
            return False
        newest = max(versions, key=lambda version: int(version.version))
        client.set_registered_model_alias(settings.registered_model, ALIAS, newest.version)
    except Exception as error:  # as in `run`
        warn(store(), "set the champion alias", error)
        return False
    return True


def registered_champion(settings: TrackingConfig) -> str | None:
    """Return the name of the saved model that the registry calls champion, if it says."""
    if not settings.enabled:
        return None
    try:
        client = open_client()
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
        open_client()
        local = Path(load_mlflow().artifacts.download_artifacts(artifact_uri=uri))
    except StanceError:
        raise
    except Exception as error:  # as in `run`
        reason = " ".join(str(error).split())
        raise ModelError(f"{uri}: MLflow at {store()} does not give it: {reason}") from None
    found = sorted(local.rglob(MANIFEST))
    if not found:
        raise ModelError(f"{uri}: not a model that stance saved (no {MANIFEST} in it)")
    return found[0].parent


def log_training(folder: Path, manifest: Manifest) -> None:
    """Log all that a saved model's folder holds, but nothing that a killed process has logged."""
    mlflow = load_mlflow()
    before = open_client().get_run(mlflow.active_run().info.run_id)
    # A logged model has a parameter `output` of its own: what it answers with.
    params = {key: str(value) for key, value in flatten(manifest.config) if key != "output"}
    mlflow.log_params({key: cut(value) for key, value in params.items()})
    mlflow.set_tags(
        {
            MODEL_NAME_TAG: manifest.name,
            **{f"stance.{key}": cut(str(v)) for key, v in flatten(manifest.provenance)},
            "stance.data_fingerprint": str(manifest.data["fingerprint"]),
        }
    )
    seen = {tag.value for entry in before.inputs.dataset_inputs for tag in entry.tags}
    for split in ("train", "dev"):
        if split not in seen:
            mlflow.log_input(_dataset(manifest, split), context=split)
    mlflow.log_artifacts(str(folder / "run"), "run")
    _register(folder, manifest, before.info)


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


def _register(folder: Path, manifest: Manifest, run: Any) -> None:
    """Log a model and make it a version of the registered model, each once."""
    client, name = open_client(), manifest.config["tracking"]["registered_model"]
    if client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'"):
        return
    logged = client.search_logged_models([run.experiment_id], f"source_run_id = '{run.run_id}'")
    whole = [str(model.model_uri) for model in logged if model.status == "READY"]
    uri = whole[0] if whole else _log_model(folder, manifest)
    load_mlflow().register_model(uri, name, tags={MODEL_NAME_TAG: manifest.name})


def _log_model(folder: Path, manifest: Manifest) -> str:
    mlflow = load_mlflow()
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
        python_model=str(_PACKAGE / "mlflow_model.py"),
        model_config={"output": "all"},
        # Side by side in the logged model, these make a folder that scoring loads.
        artifacts={name: str(folder / name) for name in (*manifest.files, MANIFEST)},
        signature=ModelSignature(Schema([ColSpec("string", "text")]), Schema(outputs)),
        input_example=pd.DataFrame({"text": ["We are ready to resume the talks on Monday."]}),
        # The code goes along, and what scoring needs: a serving machine installs no stance.
        code_paths=[str(_PACKAGE)],
        pip_requirements=[*_runtime_requirements(), "pandas"],
    )
    return str(logged.model_uri)


def _runtime_requirements() -> list[str]:
    """Return what the package needs to score, as installed here."""
    names = [re.split(r"[<>=!~; \[]", r)[0] for r in requires("stance") or () if "extra" not in r]
    return [f"{name}=={version(name)}" for name in names]


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings with their keys joined by `/`.

    What MLflow takes in no name (a label may be `pro (strong)` or `100 %`) becomes `_`.
    """
    for key, value in values.items():
        part = re.sub(r"[^\w .:-]|^\.+$", "_", str(key))
        name = f"{prefix}/{part}" if prefix else part
        if isinstance(value, Mapping):
            yield from flatten(value, name)
        else:
            yield name, value
