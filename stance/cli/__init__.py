"""The command line. A user's mistake is one message on standard error and exit code 2."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from stance import processes
from stance.cli import annotate, attribution, champion, compare, data, explain, report, tune
from stance.cli.common import (
    ActorsOption,
    ContextOption,
    DataOption,
    GroupColumnOption,
    LabelColumnOption,
    ModelOption,
    PrivateOption,
    SplitOption,
    TextColumnOption,
    progress,
    say,
)
from stance.cli.render import WRITERS, Format, print_tables
from stance.schema import StanceError

app = typer.Typer(
    help="Stance of political articles, sentence by sentence: conciliatory, neutral or hardline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(data.app, name="data")
app.add_typer(annotate.app, name="annotate")
app.add_typer(attribution.app, name="attribution")
for command in (champion.promote, champion.rollback, champion.champions):
    app.command()(command)
app.command()(tune.tune)
app.command()(compare.compare)
app.command()(explain.explain)
app.command()(report.report)

Overrides = Annotated[
    list[str] | None, typer.Argument(help="Settings that win over the file: section.key=value")
]


def main() -> None:
    """Run the command line; of several processes at one training, one speaks."""
    if not processes.first():
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (to the end)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        if processes.count() > 1 and sys.argv[1:2] != ["train"]:
            raise StanceError("several processes can work at `stance train` only, not at this")
        app()
    except StanceError as error:
        _tell(f"stance: {error}")
        sys.exit(2)
    except ModuleNotFoundError as error:
        _tell(
            f"stance: this command needs {error.name}, which is not installed: "
            f"run  pip install 'stance[train]'"
        )
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `head` does
        sys.exit(0)
    except Exception:
        if processes.count() == 1:
            raise
        _tell(traceback.format_exc())
        sys.exit(1)


def _tell(message: str) -> None:
    """Say why the command ends, unless another process of the same training has said it."""
    if processes.count() == 1:
        print(message, file=sys.stderr)
        return
    from stance.encoder import speaks

    if speaks():
        print(message, file=sys.__stderr__, flush=True)


@app.command()
def train(
    overrides: Overrides = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="YAML file.")] = Path(
        "configs/default.yaml"
    ),
    seeds: Annotated[
        int | None, typer.Option(min=2, help="Train so many, from train.seed on. [one]")
    ] = None,
) -> None:
    """Fine-tune, track and save a model; it becomes the champion if the gate lets it pass.

    With --seeds the best on dev goes through the gate, and seeds done before are not done again.
    """
    if seeds is not None:
        from stance.seeds import train_seeds

        several = train_seeds(config, overrides or (), seeds=seeds, say=say)
        if several.decision is not None:
            print(several.decision.to_text())
        print(several.to_text(), end="")
        return
    from stance.training import train as run

    trained = run(config, overrides or (), say=say)
    if trained.decision is not None:
        print(trained.decision.to_text())
    f1 = trained.dev["macro_f1"]
    print(f"dev macro-F1 {f1['value']:.3f} [{f1['low']:.3f}, {f1['high']:.3f}]  {trained.folder}")


@app.command()
def pretrain(
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Text files, tables, folders of them, corpora; settings that win over the "
            "file: key=value"
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the encoder.")],
    encoder: Annotated[
        str | None, typer.Option(help="What to start from. [all-MiniLM-L6-v2]")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="YAML file.")] = None,
    text_column: Annotated[str, typer.Option(help="Column of a table with the text.")] = "text",
) -> None:
    """Let an encoder read unlabelled text; what comes out is what encoder.name may name."""
    from stance.pretraining import pretrain as run

    settings = [text for text in texts if _is_setting(text)]
    done = run(
        [text for text in texts if not _is_setting(text)],
        output,
        config,
        [*settings, *([f"encoder={json.dumps(encoder)}"] if encoder else [])],
        text_column=text_column,
        say=say,
    )
    print(f"held-out loss {done.loss_before:.3f} before, {done.loss_after:.3f} after  {output}")


def _is_setting(argument: str) -> bool:
    return bool(re.match(r"[a-z_.]+=", argument)) and not Path(argument).exists()


@app.command()
def evaluate(
    model: ModelOption = None,
    data: DataOption = None,
    split: SplitOption = "test",
    text_column: TextColumnOption = "text",
    label_column: LabelColumnOption = "label",
    group_column: GroupColumnOption = None,
    vote_columns: Annotated[
        str, typer.Option(help="Columns with each annotator's label: a,b,c. [votes]")
    ] = "",
    baselines: Annotated[bool, typer.Option(help="Measure baselines beside it.")] = True,
    nli: Annotated[
        str | None, typer.Option(help="A model of inference, for a zero-shot baseline. [none]")
    ] = None,
    behaviour: Annotated[
        bool, typer.Option(help="Run challenge sets, changes, swaps of actors, evidence.")
    ] = True,
    output: Annotated[Path, typer.Option(help="Folder for reports.")] = Path("reports"),
    html: Annotated[
        Path | None, typer.Option(help="Write the web page here too. [only in the report]")
    ] = None,
) -> None:
    """Measure a model on a split or on any labelled file, beside baselines."""
    from stance.evaluation import evaluate as run

    evaluation = run(
        model,
        data=data,
        split=split,
        text_column=text_column,
        label_column=label_column,
        group_column=group_column,
        vote_columns=[name.strip() for name in vote_columns.split(",") if name.strip()],
        baselines=baselines,
        nli=nli,
        behaviour=behaviour,
        output=output,
        html=html,
        say=say,
    )
    print(evaluation.to_text())
    print(f"report: {evaluation.folder}")


@app.command()
def calibrate(folder: Annotated[Path, typer.Argument(help="A saved model.")]) -> None:
    """Learn from its dev split how far a saved model is to be trusted; for an older one, once."""
    from stance.evaluation import calibrate as run

    confidence = run(folder, say=say)
    print(f"{folder}: probabilities calibrated by {confidence.method}, label sets, abstention")


@app.command()
def predict(
    articles: Annotated[
        list[str],
        typer.Argument(
            help="Files (text, Markdown, HTML, PDF, .docx, .eml), folders of them, URLs, - for "
            "standard input; or tables (.parquet, .jsonl, .csv, .tsv, .gz, .zst) and patterns."
        ),
    ],
    model: ModelOption = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write. [standard output]")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. [all]")] = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            min=0.5, max=0.99, help="Label only where this share of labels is right: 0.9. [all]"
        ),
    ] = None,
    coverage: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Label sets hold this share of each label.")
    ] = 0.9,
    precision: Annotated[
        str | None, typer.Option(help="fp32 or int8. [what the model's manifest says]")
    ] = None,
    allow_private: PrivateOption = False,
    actors: ActorsOption = None,
    context: ContextOption = 0,
    text_column: Annotated[str, typer.Option(help="Tables: column with the text.")] = "text",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Tables: processes that score. [one a core, to 4]")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Tables: the first so many documents.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Tables: so many documents, drawn by a fixed seed.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Tables: go on with a run that was cut off.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Tables: replace the output.")
    ] = False,
) -> None:
    """Score articles sentence by sentence; tables of any size to Parquet (docs/BULK.md)."""
    from stance.cli import bulk

    if bulk.is_bulk(articles, output):
        if context or actors is not None:
            raise StanceError("--context, --actors: of articles, not of tables and patterns")
        options = bulk.BulkOptions(
            text_column, abstain, coverage, processes, limit, sample, resume, overwrite
        )
        bulk.score(
            articles, output, model=model, precision=precision, threads=threads, options=options
        )
        return
    how = {"threads": threads, "precision": precision, "actors": actors}
    asked = {"abstain": abstain, "coverage": coverage, "context": context}
    _predict_articles(articles, model, format, output, how, asked, allow_private)


def _predict_articles(
    articles: list[str],
    model: str | None,
    format: Format,
    output: Path | None,
    how: dict[str, Any],
    asked: dict[str, Any],
    allow_private: bool,
) -> None:
    """Score articles to what one can look at."""
    from stance.article import document_of, expand, read_document
    from stance.artifact import write_text
    from stance.prediction import load

    # All input is read before any is scored: a bad file is told in a moment, and costs nothing.
    documents, faults = [], []
    for name in progress(expand(articles), "reading"):
        try:
            document = read_document(name, allow_private=allow_private)
            documents.append(document_of(document, None))
        except StanceError as error:
            faults.append(str(error))
    if faults:
        raise StanceError("\nstance: ".join(faults))
    if output is not None and output.is_dir():
        raise StanceError(f"{output}: is a folder, expected a file to write to")
    loaded = load(model, **how)
    scored = [
        loaded.score_article(document, **asked) for document in progress(documents, "scoring")
    ]
    for article in scored:
        for warning in article.warnings:
            print(f"stance: {article.name}: {warning}", file=sys.stderr)
    if output is None and format is Format.TABLE:
        print_tables(scored)
        return
    text = WRITERS[format](scored)
    if output is None:
        sys.stdout.write(text)
        return
    write_text(output, text)
    say(f"wrote {output}")


@app.command()
def log(folder: Annotated[Path, typer.Argument(help="A saved model.")]) -> None:
    """Log a saved model to MLflow that could not be logged when it was trained."""
    from stance import tracking
    from stance.artifact import read_manifest
    from stance.config import TrackingConfig, restore

    saved = read_manifest(folder).config["tracking"]
    settings = restore(TrackingConfig, saved, where=str(folder))
    print(f"logged as run {tracking.log_folder(folder, settings)} to {tracking.store()}")
