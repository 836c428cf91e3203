"""Which model is in use: the gate, overrides, the way back, the record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from stance.schema import StanceError

Models = Annotated[
    Path | None, typer.Argument(help="Folder of saved models. [STANCE_MODELS, or models]")
]


def promote(
    folder: Annotated[Path, typer.Argument(help="A saved model.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Limits that win: promotion.alpha=0.1")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Whatever the gate says.")] = False,
    why: Annotated[str, typer.Option(help="Reason of an override, for the record.")] = "",
) -> None:
    """Let a saved model take the champion's place if the gate lets it pass; else exit code 1."""
    from stance import promotion

    if force:
        print(promotion.force(folder, why=why))
        return
    if why:
        raise StanceError("--why is the reason of an override: give --force too")
    decision = promotion.promote(folder, overrides=overrides or ())
    print(decision.to_text(), end="")
    if not decision.promoted:
        raise typer.Exit(1)


def rollback(
    models: Models = None,
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "",
) -> None:
    """Make the previous champion the champion again."""
    from stance import promotion

    print(promotion.rollback(_folder(models), why=why))


def champions(models: Models = None) -> None:
    """List every change of champion: when, how, by whom, why."""
    from stance import artifact

    folder = _folder(models)
    present = artifact.champion(folder)
    if present is None:
        raise StanceError(f"{folder}: no champion in this folder; train a model:  stance train")
    for entry in artifact.champions(folder):
        print("  ".join(str(entry[key]) for key in ("when", "how", "model", "who", "why")))
    print(f"champion: {present.name}")


def _folder(models: Path | None) -> Path:
    from stance.models import MODELS

    return models or Path(os.environ.get("STANCE_MODELS") or MODELS)
