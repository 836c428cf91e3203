"""Searching for settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.common import say


def tune(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings that win over the file: section.key=value")
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="YAML file of the experiment.")
    ] = Path("configs/tune.yaml"),
    space: Annotated[
        Path | None, typer.Option(help="YAML file whose `tune:` section is the space. [--config]")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials in all, earlier calls included.")] = 30,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Minutes for this call. [none]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 13,
    output: Annotated[Path | None, typer.Option(help="Folder of the study. [tuning/NAME]")] = None,
) -> None:
    """Search for the settings with the best macro-F1 on dev; the same command goes on."""
    from stance.tuning import tune as run

    tuned = run(
        config,
        overrides or (),
        space=space,
        trials=trials,
        time_limit=time_limit,
        seed=seed,
        output=output,
        say=say,
    )
    print(tuned.to_text())
    print(" ".join(tuned.overrides))
