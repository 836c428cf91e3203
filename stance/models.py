"""Which saved model is meant."""

from __future__ import annotations

import os
from pathlib import Path

from stance import artifact
from stance.schema import ModelError

MODELS = Path("models")
"""Where the champion is looked for unless `STANCE_MODELS` names another folder."""


def models_folder() -> Path:
    """Return the folder of models in use."""
    return Path(os.environ.get("STANCE_MODELS") or MODELS)


def resolve(model: str | Path | None = None) -> Path:
    """Return the folder of a model named as for `stance.load`."""
    if model is not None and str(model).startswith(("models:/", "runs:/")):
        from stance import tracking

        return tracking.download(str(model))
    if model is not None:
        named = Path(model)
        return (_champion(named) if named.is_dir() else None) or named
    models = models_folder()
    folder = _champion(models)
    if folder is None:
        raise ModelError(
            f"no trained model in {models.resolve()}: train one with  make train  (or  stance train"
            f" --config configs/default.yaml), or name a model folder, or set STANCE_MODELS"
        )
    return folder


def _champion(models: Path) -> Path | None:
    """Return the champion of a folder, or None if it has none.

    Raises:
        ModelError: If the champion was removed.
    """
    folder = artifact.champion(models)
    if folder is not None and not folder.is_dir():
        raise ModelError(
            f"{folder}: no such model folder, though {models / artifact.CHAMPION} names it; bring "
            f"it back, or take the champion before it:  stance rollback {models}"
        )
    return folder
