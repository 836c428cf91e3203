"""What the commands share: messages, progress, options."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="Saved model, models:/NAME@ALIAS or runs:/ID/model. [the champion]"
    ),
]

DataOption = Annotated[
    Path | None, typer.Option(help="Labelled .jsonl, .csv, .tsv or .parquet, or a corpus.")
]
SplitOption = Annotated[str, typer.Option(help="Split of a corpus.")]
TextColumnOption = Annotated[str, typer.Option(help="Column with the sentence.")]
LabelColumnOption = Annotated[str, typer.Option(help="Column with the gold label.")]
GroupColumnOption = Annotated[
    str | None,
    typer.Option(help="Column that says what belongs together. [group, doc, document or article]"),
]

ActorsOption = Annotated[
    Path | None,
    typer.Option(help="CSV file with actors of your own: id, name, type, aliases, side."),
]

ContextOption = Annotated[
    int,
    typer.Option(min=0, help="Read each sentence with so many around it; flag labels they change."),
]

PrivateOption = Annotated[
    bool, typer.Option("--allow-private", help="Let URLs lead to this machine and its network.")
]


def say(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)


def counter(what: str) -> Callable[[int, int], None] | None:
    """Return what shows a count on a terminal, or None where nobody sees it."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else "\r"
        print(f"· {done} of {total} {what}", end=end, file=sys.stderr, flush=True)

    return show


def progress(items: Sequence[Any], what: str) -> Any:
    """Show a bar with the time left where there is something to wait for and someone to see it."""
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, description=what, console=Console(stderr=True), transient=True)
