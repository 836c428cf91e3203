"""`stance annotate`: label sentences of one's own."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stance.cli.common import ModelOption, say
from stance.schema import LABELS

app = typer.Typer(help="Label sentences of your own.", no_args_is_help=True, rich_markup_mode=None)

ALL_LABELS = ",".join(LABELS)


class Strategy(StrEnum):
    """How `stance annotate sample` chooses."""

    RANDOM = "random"
    UNCERTAIN = "uncertain"
    DIVERSE = "diverse"


@app.command()
def sample(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Articles: files, folders, tables with one a row; or corpora."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Sentences.")] = 200,
    strategy: Annotated[Strategy, typer.Option(help="How to choose them.")] = Strategy.RANDOM,
    readers: Annotated[int, typer.Option(min=1, help="Sheets to write.")] = 2,
    labels: Annotated[str, typer.Option(help="Labels, joined by commas.")] = ALL_LABELS,
    codebook: Annotated[Path | None, typer.Option(help="Text for readers. [ours]")] = None,
    text_column: Annotated[str, typer.Option(help="Column of a table with the text.")] = "text",
    model: ModelOption = None,
    exclude: Annotated[
        list[Path] | None, typer.Option(help="Earlier annotation, not to be drawn from again.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 13,
) -> None:
    """Draw sentences and write sheets for readers, and tasks for Label Studio."""
    from stance import annotation

    drawn = annotation.sample(
        inputs,
        count,
        output,
        strategy=strategy.value,
        readers=[f"reader-{n}" for n in range(1, readers + 1)],
        labels=[label.strip() for label in labels.split(",") if label.strip()],
        text_column=text_column,
        model=model,
        codebook=codebook,
        exclude=exclude or (),
        seed=seed,
    )
    print(f"{drawn} sentences in {output}: a sheet for each of {readers} readers")
    if drawn < count:
        say(f"asked for {count}; there are no more")
    say(f"when the column label is filled:  stance annotate agree {output} {output}/reader-*.csv")


@app.command()
def agree(
    folder: Annotated[Path, typer.Argument(help="Folder of the annotation.")],
    sheets: Annotated[
        list[Path], typer.Argument(help="Filled sheets, or Label Studio's export as JSON.")
    ],
) -> None:
    """Say how far readers agree, and write disagreements.csv for the adjudicator."""
    from stance import annotation
    from stance.metrics import told

    votes = annotation.read_labels(folder, sheets)
    found = annotation.agree(folder, votes, notes=annotation.read_notes(sheets))
    print(f"{found.items} sentences, Krippendorff's alpha {told(found.alpha)}")
    if found.incomplete:
        print(f"{found.incomplete} of them not labelled by every reader")
    for (one, other), share in found.pairs.items():
        print(f"{one} and {other} alike on {share:.1%}")
    for reader, counts in found.labels.items():
        print(f"{reader}: {', '.join(f'{n} {label}' for label, n in sorted(counts.items()))}")
    print(f"{len(found.disagreements)} to adjudicate in {folder / 'disagreements.csv'}")
    when = "when its column label is filled" if found.disagreements else "next"
    given = " ".join(map(str, sheets))
    say(f"{when}:  stance annotate export {folder} {given} --output NEW_FOLDER")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder of the annotation.")],
    sheets: Annotated[list[Path], typer.Argument(help="Filled sheets or exports, as for agree.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    majority: Annotated[
        bool, typer.Option("--majority", help="Let votes decide what nobody adjudicated.")
    ] = False,
    repository: Annotated[
        str | None, typer.Option(help="OWNER/NAME on GitHub: write pointers into it, no text.")
    ] = None,
    commit: Annotated[str, typer.Option(help="Commit of the repository.")] = "",
    root: Annotated[Path, typer.Option(help="Its root folder here.")] = Path("."),
    licence: Annotated[str, typer.Option(help="Terms of its text, in a line.")] = "",
) -> None:
    """Write train, dev and test for  stance train data.path=FOLDER."""
    from stance import annotation

    votes = annotation.read_labels(folder, sheets)
    rows = annotation.export(
        folder,
        votes,
        output,
        majority=majority,
        repository=repository,
        commit=commit,
        root=root,
        licence=licence,
    )
    print(f"wrote {output}: {', '.join(f'{split} {n}' for split, n in rows.items())}")
    complete = set.intersection(*(set(labels) for labels in votes.values()))
    if few := sum(rows.values()) - len(complete):
        say(f"{few} of them were not labelled by every reader")
    if repository is not None:
        say(f"next, where the network has that commit:  stance data fetch {output}")
    say(f"next:  stance data check {output} --found")
    if set(annotation.read_settings(folder)["labels"]) == set(LABELS):
        say(f"       stance train 'data.path=[data,{output}]'")
    else:
        say("       train with  labels: null  (README, Other labels)")
