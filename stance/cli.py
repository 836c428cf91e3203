"""The command line. A user's mistake is one message on standard error and exit code 2."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stance.schema import LABELS, DataError, StanceError

if TYPE_CHECKING:
    from stance.schema import ScoredArticle

app = typer.Typer(
    help="Stance of political articles, sentence by sentence: conciliatory, neutral or hardline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data = typer.Typer(help="Look after labelled data.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")
annotate = typer.Typer(
    help="Label sentences of your own.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(annotate, name="annotate")

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="Saved model, models:/NAME@ALIAS or runs:/ID/model. [the champion]"
    ),
]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Settings that win over the file: section.key=value")
]


class Strategy(StrEnum):
    """How `stance annotate sample` chooses."""

    RANDOM = "random"
    UNCERTAIN = "uncertain"
    DIVERSE = "diverse"


class Format(StrEnum):
    """How `stance predict` writes."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def main() -> None:
    """Run the command line."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app()
    except StanceError as error:
        print(f"stance: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(
            f"stance: this command needs {error.name}, which is not installed: "
            f"run  pip install 'stance[train]'",
            file=sys.stderr,
        )
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `head` does
        sys.exit(0)


@app.command()
def train(
    overrides: Overrides = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="YAML file.")] = Path(
        "configs/default.yaml"
    ),
) -> None:
    """Fine-tune, track and save a model; it becomes the champion if it is the best on dev."""
    from stance.training import train as run

    trained = run(config, overrides or (), say=_say)
    f1 = trained.dev["macro_f1"]
    print(f"dev macro-F1 {f1['value']:.3f} [{f1['low']:.3f}, {f1['high']:.3f}]  {trained.folder}")


@app.command()
def evaluate(
    model: ModelOption = None,
    data: Annotated[
        Path | None, typer.Option(help="Labelled .jsonl, .csv, .tsv or .parquet. [the split]")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the training corpus.")] = "test",
    text_column: Annotated[str, typer.Option(help="Column with the sentence.")] = "text",
    label_column: Annotated[str, typer.Option(help="Column with the gold label.")] = "label",
    baselines: Annotated[bool, typer.Option(help="Measure three baselines beside it.")] = True,
    output: Annotated[Path, typer.Option(help="Folder for reports.")] = Path("reports"),
) -> None:
    """Measure a model on a split or on any labelled file, beside baselines."""
    from stance.evaluation import evaluate as run

    evaluation = run(
        model,
        data=data,
        split=split,
        text_column=text_column,
        label_column=label_column,
        baselines=baselines,
        output=output,
        say=_say,
    )
    print(evaluation.to_text())
    print(f"report: {evaluation.folder}")


@app.command()
def predict(
    articles: Annotated[
        list[str], typer.Argument(help="Text files, folders of them, or - for standard input.")
    ],
    model: ModelOption = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write. [standard output]")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. [all]")] = None,
) -> None:
    """Score articles sentence by sentence."""
    from stance.article import expand, read_document
    from stance.artifact import atomic
    from stance.prediction import load

    # All input is read before any is scored: a bad file is told in a moment, and costs nothing.
    documents, faults = [], []
    for name in expand(articles):
        try:
            documents.append(read_document(name))
        except StanceError as error:
            faults.append(str(error))
    if faults:
        raise StanceError("\nstance: ".join(faults))
    if output is not None and output.is_dir():
        raise StanceError(f"{output}: is a folder, expected a file to write to")
    loaded = load(model, threads=threads)
    scored = [
        loaded.score_article(document.text, name=document.name)
        for document in _progress(documents, "scoring")
    ]
    for article in scored:
        for warning in article.warnings:
            print(f"stance: {article.name}: {warning}", file=sys.stderr)
    if output is None and format is Format.TABLE:
        _print_tables(scored)
        return
    text = _WRITERS[format](scored)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with atomic(output) as path:
            path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StanceError(f"{output}: cannot be written: {error.strerror}") from None
    _say(f"wrote {output}")


@app.command()
def log(folder: Annotated[Path, typer.Argument(help="A saved model.")]) -> None:
    """Log a saved model to MLflow that could not be logged when it was trained."""
    from stance import tracking
    from stance.artifact import read_manifest
    from stance.config import TrackingConfig

    settings = TrackingConfig(**read_manifest(folder).config["tracking"])
    print(f"logged as run {tracking.log_folder(folder, settings)} to {tracking.store()}")


@data.command()
def fetch(
    path: Annotated[Path, typer.Argument(help="Folder of stand-off labels.")] = Path("data/real"),
) -> None:
    """Download the public files that stand-off labels point into, and check every sentence."""
    from stance.corpus.load import SPLITS
    from stance.corpus.standoff import FILES, is_standoff, read_files, read_standoff, sources

    if not is_standoff(path):
        raise StanceError(f"{path}: no stand-off labels here (no {FILES})")
    for source, licence in {f.source: f.licence for f in read_files(path).values()}.items():
        _say(f"{source}: {licence}")
    splits, problems = read_standoff(path, SPLITS, progress=_counter("files"))
    if problems:
        raise DataError(f"{path}: {len(problems)} sentences cannot be rebuilt", problems)
    rows = [row for numbered in splits.values() for _, row in numbered]
    for source, count in sources(rows).items():
        print(f"{source:20} {count:6}")
    print(f"{len(rows)} sentences rebuilt, each as it was labelled")


@data.command()
def check(
    path: Annotated[Path, typer.Argument(help="Folder of train, dev and test.")] = Path("data"),
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Evaluation file (labelled, text, or fingerprints) to share nothing with."
        ),
    ] = None,
) -> None:
    """Check the corpus: rows, copies, leaks, frozen splits, actors; exit code 2 on a fault."""
    from stance.corpus.check import check as run
    from stance.corpus.check import failures

    findings = run(path, against=against or ())
    for finding in findings:
        print(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.name}: {finding.detail}")
    if failed := failures(findings):
        names = ", ".join(finding.name for finding in failed)
        raise StanceError(f"{path}: {len(failed)} of {len(findings)} checks failed: {names}")


@data.command()
def stats(
    path: Annotated[Path, typer.Argument(help="Folder of train, dev and test.")] = Path("data"),
    output: Annotated[
        Path | None, typer.Option(help="Folder for the tables as JSON and for pictures.")
    ] = None,
) -> None:
    """Show what the corpus is made of, and how far its readers agree."""
    from stance.corpus import load_corpus
    from stance.corpus.stats import statistics_of, to_text
    from stance.schema import LABELS

    rows = [row for split in load_corpus(path).splits.values() for row in split]
    described = statistics_of(rows)
    print(to_text(described, LABELS))
    if output is not None:
        from stance.artifact import atomic
        from stance.report import corpus_pictures

        with atomic(output / "stats.json") as target:
            target.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        corpus_pictures(described, [len(row["text"].split()) for row in rows], LABELS, output)
        _say(f"wrote {output}")


@data.command()
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


@annotate.command()
def sample(
    inputs: Annotated[
        list[str], typer.Argument(help="Articles: files, folders, or tables with one a row.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Sentences.")] = 200,
    strategy: Annotated[Strategy, typer.Option(help="How to choose them.")] = Strategy.RANDOM,
    readers: Annotated[int, typer.Option(min=1, help="Sheets to write.")] = 2,
    labels: Annotated[str, typer.Option(help="Labels, joined by commas.")] = ",".join(LABELS),
    codebook: Annotated[Path | None, typer.Option(help="Text for readers. [ours]")] = None,
    text_column: Annotated[str, typer.Option(help="Column of a table with the text.")] = "text",
    model: ModelOption = None,
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
        labels=_split(labels),
        text_column=text_column,
        model=model,
        codebook=codebook,
        seed=seed,
    )
    print(f"{drawn} sentences in {output}: a sheet for each of {readers} readers")
    if drawn < count:
        _say(f"asked for {count}; there are no more")


@annotate.command()
def agree(
    folder: Annotated[Path, typer.Argument(help="Folder of the annotation.")],
    sheets: Annotated[
        list[Path], typer.Argument(help="Filled sheets, or Label Studio's export as JSON.")
    ],
    labels: Annotated[str, typer.Option(help="Labels, joined by commas.")] = ",".join(LABELS),
) -> None:
    """Say how far readers agree, and write disagreements.csv for the adjudicator."""
    from stance import annotation

    found = annotation.agree(folder, annotation.read_labels(sheets, labels=_split(labels)))
    alpha = "undefined" if found.alpha is None else f"{found.alpha:.3f}"
    print(f"{found.items} sentences, Krippendorff's alpha {alpha}")
    for (one, other), share in found.pairs.items():
        print(f"{one} and {other} alike on {share:.1%}")
    for reader, counts in found.labels.items():
        print(f"{reader}: {', '.join(f'{n} {label}' for label, n in sorted(counts.items()))}")
    print(f"{len(found.disagreements)} to adjudicate in {folder / 'disagreements.csv'}")


@annotate.command()
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
    labels: Annotated[str, typer.Option(help="Labels, joined by commas.")] = ",".join(LABELS),
) -> None:
    """Write train, dev and test for  stance train data.path=FOLDER."""
    from stance import annotation

    rows = annotation.export(
        folder,
        annotation.read_labels(sheets, labels=_split(labels)),
        output,
        majority=majority,
        repository=repository,
        commit=commit,
        root=root,
        licence=licence,
    )
    print(f"wrote {output}: {', '.join(f'{split} {n}' for split, n in rows.items())}")


def _split(labels: str) -> list[str]:
    return [label.strip() for label in labels.split(",") if label.strip()]


def _say(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)


def _counter(what: str) -> Callable[[int, int], None] | None:
    """Return what shows a count on a terminal, or None where nobody sees it."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else "\r"
        print(f"· {done} of {total} {what}", end=end, file=sys.stderr, flush=True)

    return show


def _progress(items: Sequence[Any], what: str) -> Any:
    """Show a bar with the time left where there is something to wait for and someone to see it."""
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, description=what, console=Console(stderr=True), transient=True)


def _print_tables(scored: Sequence[ScoredArticle]) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=110, no_color=True)
    for article in scored:
        _render(article, console)


def _render(article: ScoredArticle, console: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
    for column, justify in (
        ("at", "right"),
        ("stance", "left"),
        ("p", "right"),
        ("score", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("sentence", overflow="fold")
    styles = {"hardline": "red", "conciliatory": "green"}
    for s in article.sentences:
        table.add_row(
            str(s.start),
            Text(s.label, style=styles.get(s.label, "")),
            f"{s.probabilities[s.label]:.2f}",
            "" if s.score is None else f"{s.score:+.2f}",
            Text(" ".join(s.text.split())),
        )
    counts = ", ".join(f"{n} {label}" for label, n in article.counts.items())
    console.print(Text(f"\n{article.name}", style="bold"))
    console.print(table)
    console.print(Text(f"{_score(article)}; {counts}; model {article.model}", style="bold"))


def _score(article: ScoredArticle) -> str:
    if article.score is None:
        return "no score"
    interval = ""
    if article.interval:
        interval = " [{:+.2f}, {:+.2f}]".format(*article.interval)
    return f"article score {article.score:+.2f}{interval} (-1 conciliatory, +1 hardline)"


def _as_json(scored: Sequence[ScoredArticle]) -> str:
    documents = [article.to_dict() for article in scored]
    content = documents[0] if len(documents) == 1 else documents
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _as_jsonl(scored: Sequence[ScoredArticle]) -> str:
    return "".join(json.dumps(a.to_dict(), ensure_ascii=False) + "\n" for a in scored)


def _as_csv(scored: Sequence[ScoredArticle]) -> str:
    buffer = io.StringIO(newline="")
    rows = [row for article in scored for row in article.to_rows()]
    labels = [f"p_{label}" for label in scored[0].counts]
    columns = ["name", "text", "start", "end", "label", *labels, "score", "truncated"]
    writer = csv.DictWriter(buffer, columns)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _as_table(scored: Sequence[ScoredArticle]) -> str:
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(file=buffer, width=110, no_color=True)
    for article in scored:
        _render(article, console)
    return buffer.getvalue()


_WRITERS: dict[Format, Callable[[Sequence[ScoredArticle]], str]] = {
    Format.TABLE: _as_table,
    Format.JSON: _as_json,
    Format.JSONL: _as_jsonl,
    Format.CSV: _as_csv,
}
