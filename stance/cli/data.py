"""`stance data`: look after labelled data."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from stance.cli.common import counter, say
from stance.schema import DataError, StanceError

app = typer.Typer(help="Look after labelled data.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def fetch(
    path: Annotated[Path, typer.Argument(help="Folder of stand-off labels.")] = Path("data/real"),
) -> None:
    """Download the public files that stand-off labels point into, and check every sentence."""
    from stance.corpus.load import SPLITS
    from stance.corpus.standoff import FILES, is_standoff, read_standoff

    if not is_standoff(path):
        raise StanceError(f"{path}: no stand-off labels here (no {FILES})")
    splits, problems = read_standoff(path, SPLITS, progress=counter("files"))
    if problems:
        raise DataError(f"{path}: {len(problems)} sentences cannot be rebuilt", problems)
    rows = [row for numbered in splits.values() for _, row in numbered]
    for source, count in Counter(row["source"] for row in rows).most_common():
        print(f"{source:20} {count:6}")
    print(f"{len(rows)} sentences rebuilt, each as it was labelled")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Folder of train, dev and test.")] = Path("data"),
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Evaluation file (labelled, text, or fingerprints) to share nothing with."
        ),
    ] = None,
    found: Annotated[
        bool, typer.Option("--found", help="The text was found, not written: skip the actors.")
    ] = False,
) -> None:
    """Check the corpus: rows, copies, leaks, frozen splits, actors; exit code 2 on a fault."""
    from stance.corpus.check import check as run
    from stance.corpus.check import failures

    findings = run(path, against=against or (), found=found)
    for finding in findings:
        print(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.name}: {finding.detail}")
    if failed := failures(findings):
        names = ", ".join(finding.name for finding in failed)
        raise StanceError(f"{path}: {len(failed)} of {len(findings)} checks failed: {names}")


@app.command()
def stats(
    path: Annotated[Path, typer.Argument(help="Folder of train, dev and test.")] = Path("data"),
    output: Annotated[
        Path | None, typer.Option(help="Folder for the tables as JSON and for pictures.")
    ] = None,
) -> None:
    """Show what the corpus is made of, and how far its readers agree."""
    from stance.corpus import load_corpus
    from stance.corpus.stats import REREAD, drift, statistics_of, to_text
    from stance.schema import LABELS

    corpus = load_corpus(path, labels=())
    rows = [row for split in corpus.splits.values() for row in split]
    labels = LABELS if set(corpus.labels) <= set(LABELS) else corpus.labels
    described = statistics_of(rows)
    if (path / REREAD).is_file():
        described["drift"] = drift(rows, path / REREAD)
    print(to_text(described, labels))
    if output is not None:
        from stance.artifact import write_text
        from stance.report import corpus_pictures

        write_text(output / "stats.json", json.dumps(described, indent=2) + "\n")
        corpus_pictures(described, [len(row["text"].split()) for row in rows], labels, output)
        say(f"wrote {output}")


@app.command()
def suspects(
    path: Annotated[Path, typer.Argument(help="Folder of train, dev and test.")] = Path("data"),
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
) -> None:
    """List sentences whose label is likely wrong, the most suspect first; read before you mend."""
    from stance.suspects import suspects as run

    found = run(path)
    print(f"{len(found)} suspects")
    for suspect in found[:limit]:
        place = f"{suspect.id}  {suspect.label} -> {suspect.guess}?  {suspect.quality:.2f}"
        print(f"{place}\n    {suspect.text}")


@app.command()
def opinions(
    models: Annotated[list[str], typer.Argument(help="Saved models; of several, the mean.")],
    output: Annotated[Path, typer.Option(help="The file to write, CSV.")],
    data: Annotated[
        list[Path] | None, typer.Option(help="Corpora whose train part is read. [data]")
    ] = None,
    unlabelled: Annotated[
        list[str] | None, typer.Option(help="Further text, as distill.unlabelled names it.")
    ] = None,
) -> None:
    """Keep what models say of training sentences, for `distill.teachers` to name."""
    from stance.artifact import read_manifest
    from stance.config import Config, DistillConfig
    from stance.corpus import load_corpus
    from stance.corpus.texts import read_texts
    from stance.distillation import resolved, soft_targets, write_opinions
    from stance.models import resolve

    labels = read_manifest(resolve(models[0])).labels
    corpus = load_corpus(data or [Path("data")], labels=labels, splits=("train",))
    texts = [row["text"] for row in corpus.rows("train")] + read_texts(unlabelled or ())
    distill = DistillConfig(teachers=tuple(models), temperature=1)
    settings = resolved(Config(labels=labels, distill=distill))
    say(f"scoring {len(texts)} sentences")
    write_opinions(output, texts, labels, soft_targets(texts, settings))
    print(f"wrote {output}: what {', '.join(models)} says of {len(texts)} sentences")
