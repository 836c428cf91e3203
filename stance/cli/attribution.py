"""`stance attribution`: who is reported to have said what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from stance.cli.common import say
from stance.schema import ModelError

app = typer.Typer(
    help="The tagger that finds who is reported to have said what.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def train(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings that win over the file: section.key=value")
    ] = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="YAML file.")] = Path(
        "configs/attribution.yaml"
    ),
) -> None:
    """Fine-tune, track and save a tagger; it is put to use unless the one in use is better."""
    from stance.attribution.training import train_tagger

    trained = train_tagger(config, overrides or (), say=say)
    print(trained.dev.to_text(), end="")
    print(f"{'in use' if trained.promoted else 'not in use'}: {trained.verdict}  {trained.folder}")


@app.command()
def evaluate(
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="Saved tagger. [the one in use]")
    ] = None,
    data: Annotated[str, typer.Option(help="Folder with marked articles, or public:polnear.")] = (
        "data"
    ),
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. [all]")] = None,
) -> None:
    """Measure a tagger on marked articles."""
    from stance.attribution import Tagger, find
    from stance.attribution.evaluation import evaluate_tagger
    from stance.corpus.attributions import load_marked

    models = Path(os.environ.get("STANCE_MODELS") or "models")
    tagger = find(models, threads=threads) if model is None else Tagger(model, threads=threads)
    if tagger is None:
        raise ModelError(
            f"no tagger in {models / 'attribution'}: train one with  stance attribution train"
        )
    texts = load_marked(data, split)
    print(f"{tagger.manifest.name} on {len(texts)} articles of {data}, {split}")
    print(evaluate_tagger(tagger, texts).to_text(), end="")
