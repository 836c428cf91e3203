"""Two models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stance.cli.common import (
    DataOption,
    GroupColumnOption,
    LabelColumnOption,
    SplitOption,
    TextColumnOption,
    say,
)


def compare(
    first: Annotated[str, typer.Argument(help="A saved model, or models:/NAME@ALIAS.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    data: DataOption = None,
    split: SplitOption = "test",
    text_column: TextColumnOption = "text",
    label_column: LabelColumnOption = "label",
    group_column: GroupColumnOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file, with every changed sentence.")
    ] = None,
) -> None:
    """Compare two models on the same sentences: is one better, where, and on which sentences."""
    from stance.evaluation import compare as run

    found = run(
        first,
        second,
        data=data,
        split=split,
        text_column=text_column,
        label_column=label_column,
        group_column=group_column,
        output=output,
        say=say,
    )
    print(found.to_text(), end="")
