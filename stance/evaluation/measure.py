"""Measures a saved model on a split or on any labelled file, beside baselines."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stance import artifact, dossier, metrics, report, tracking
from stance.behaviour import examine
from stance.confidence import softmax
from stance.config import TrackingConfig, restore
from stance.evaluation.confident import of_dev, outside, trusted
from stance.evaluation.errors import add_evidence, errors
from stance.evaluation.rivals import rivals
from stance.evaluation.sample import MANY, Sample, read_sample, score
from stance.evaluation.slices import slices
from stance.models import resolve
from stance.prediction import Model
from stance.runtime import Scored
from stance.schema import StanceError

logger = logging.getLogger(__name__)

CARD = "README.md"
"""File of a saved model with its model card, where model hubs look for it."""


_MINUTES = 7e-6
"""Of a core, that a sentence's part in figures, intervals and slices takes."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of a model on labelled data; docs/EVALUATION.md says what each means.

    Attributes:
        result: As written to the JSON file: `model`, `data`, `figures`, `agreement`, `calibration`,
            `selective`, `sets`, `abstention`, `unfamiliar`, `unfamiliar_by_words`, `outside`,
            `slices`, `errors`, `baselines`, what `stance.behaviour.examine` found, and `limits`,
            met or not. A figure is `{"value", "low", "high"}` with its 95 % interval, None where it
            is not defined.
        folder: Where the report was written; None if it was not.
    """

    result: dict[str, Any]
    folder: Path | None

    @property
    def macro_f1(self) -> float:
        """The primary figure, in [0, 1]."""
        return float(self.result["figures"][metrics.PRIMARY]["value"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types, without NaN."""
        return self.result

    def to_html(self) -> str:
        """Return the report as a self-contained web page."""
        return dossier.html_report(self.result)

    def to_text(self) -> str:
        """Return a table that fits a terminal."""
        return report.evaluation_table(self.result)


def evaluate(
    model: str | Path | None = None,
    *,
    data: str | Path | None = None,
    split: str = "test",
    text_column: str = "text",
    label_column: str = "label",
    group_column: str | None = None,
    vote_columns: Sequence[str] = (),
    baselines: bool = True,
    nli: str | None = None,
    behaviour: bool = True,
    output: str | Path | None = "reports",
    html: str | Path | None = None,
    say: Callable[[str], None] = logger.info,
) -> Evaluation:
    """Measure a model.

    Args:
        model: As for `stance.load`; None is the champion.
        data: A labelled .jsonl, .csv, .tsv or .parquet file, a corpus folder, or a published
            corpus (`public:NAME`); None takes the corpus that the model was trained on.
        split: Split of a corpus: `train`, `dev` or `test`.
        text_column: Column of `data` with the sentence.
        label_column: Column of `data` with the gold label.
        group_column: Column of `data` that says which sentences belong together, for the intervals;
            None takes the first of `group`, `doc`, `document`, `article` that there is.
        vote_columns: Columns of `data` with the label that each annotator gave; without them a
            column `votes` that joins these by `|` is taken, if there is one.
        baselines: Measure the baselines too, trained on the model's training rows; of a large file
            on 20,000 sentences, drawn.
        nli: A model of natural language inference (folder or hub id) to be a zero-shot baseline.
        behaviour: Run the tests of behaviour too: challenge sets, changes that must not matter,
            swaps of actors, evidence. They take a minute or two, whatever the size of the data.
        output: Folder for the report, JSON, text and web page; None writes none. On the test split
            of the model's own corpus the model card goes into the model's folder too.
        html: Another place for the report as a web page.
        say: Told in a line what happens next.

    Raises:
        ModelError: If the model cannot be loaded.
        DataError: With every fault of the data.
    """
    scorer = Model(resolve(model))
    sample = read_sample(
        scorer,
        data,
        split=split,
        text_column=text_column,
        label_column=label_column,
        group_column=group_column,
        vote_columns=vote_columns,
        say=say,
    )
    sample.votes()  # a fault of theirs is told now, not after an hour of scoring
    say(f"scoring {len(sample.rows):,} sentences with {scorer.name}")
    outputs = score(scorer, sample.texts, say)
    if cut := int(outputs.truncated.sum()):
        read = f"the model reads {scorer.manifest.max_length} tokens at most"
        sample.warnings.append(f"{cut} of {len(sample.rows)} sentences are cut: {read}")
    confidence = scorer.confidence
    if confidence.sets is None:
        confidence = of_dev(scorer, say) or confidence
    probs = confidence.probabilities(outputs.logits)
    long = f", about {len(probs) * _MINUTES:.0f} minutes" if len(probs) > MANY else ""
    say(f"figures, each with its interval, and slices{long}")
    result: dict[str, Any] = {"model": scorer.name, "data": sample.describe()}
    result |= _measured(sample, outputs, probs)
    result |= trusted(sample, probs, outputs.distances, confidence)
    predicted = probs.argmax(axis=1)
    result["outside"] = outside(scorer)
    result["slices"] = slices(sample, predicted)
    result["baselines"] = rivals(scorer, sample, predicted, nli=nli, say=say) if baselines else {}
    if behaviour:
        say("behaviour: challenge sets, changes that must not matter, swaps of actors, evidence")
        result |= examine(scorer, sample.texts)
        add_evidence(result["errors"], scorer)
    result["limits"] = dossier.verdicts(result, own=data is None)
    folder = Path(output) / scorer.name / _slug(sample.name) if output is not None else None
    if folder is not None:
        _write(result, sample, folder)
        if data is None and split == "test":
            _write_card(result, scorer, folder, say)
        _log(result, scorer, sample.name, folder)
    evaluation = Evaluation(result, folder)
    if html is not None:
        artifact.write_text(Path(html), evaluation.to_html())
    return evaluation


def _measured(sample: Sample, outputs: Scored, probs: metrics.FloatArray) -> dict[str, Any]:
    """Return all that follows from the gold labels and the probabilities."""
    gold, groups, labels = sample.gold, sample.groups, sample.labels
    raw = softmax(outputs.logits)
    predicted = probs.argmax(axis=1)
    votes = sample.votes()

    def calibration(given: metrics.FloatArray) -> dict[str, Any]:
        return {
            **metrics.calibration_figures(gold, given, labels, groups=groups),
            "reliability": metrics.reliability(gold, given, labels, groups=groups),
        }

    return {
        "figures": metrics.evaluate_predictions(
            gold, predicted, labels, probs=probs, groups=groups
        ),
        "agreement": None
        if votes is None
        else metrics.agreement(votes, predicted, len(labels), groups=groups),
        "calibration": {"before": calibration(raw), "after": calibration(probs)},
        "selective": metrics.risk_coverage(gold, probs, groups=groups),
        "errors": errors(sample, probs),
    }


def _write(result: dict[str, Any], sample: Sample, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_files(result, sample, folder)
    except OSError as error:
        raise StanceError(f"{folder}: cannot be written: {error.strerror}") from None


def _write_files(result: dict[str, Any], sample: Sample, folder: Path) -> None:
    content = json.dumps(result, indent=2, allow_nan=False)
    artifact.write_text(folder / "report.json", content + "\n")
    artifact.write_text(folder / "report.txt", report.evaluation_table(result))
    artifact.write_text(folder / "report.html", dossier.html_report(result))
    matrix = result["figures"]["confusion"]
    report.confusion_picture(matrix, sample.labels, folder / "confusion.png")


def _write_card(
    result: dict[str, Any], scorer: Model, folder: Path, say: Callable[[str], None]
) -> None:
    """Write the model card into the model's folder, and a copy beside the report."""
    card = dossier.model_card(result, asdict(scorer.manifest))
    try:
        for target in (folder / CARD, scorer.folder / CARD):
            with artifact.atomic(target) as path:
                path.write_text(card, encoding="utf-8")
    except OSError as error:
        say(f"no model card in {scorer.folder}: {error.strerror}")


def _log(result: dict[str, Any], scorer: Model, name: str, folder: Path) -> None:
    """Add the figures to the run that trained the model."""
    manifest = scorer.manifest
    run_id = manifest.provenance["mlflow"]["run_id"]
    if run_id is None:
        return
    settings = restore(TrackingConfig, manifest.config["tracking"], where=manifest.name)
    with tracking.run(settings, name=manifest.name, run_id=run_id) as run:
        slug = _slug(name)
        run.figures(slug, {k: v for k, v in result["figures"].items() if k != "confusion"})
        run.figures(f"{slug}/ece", result["calibration"]["after"]["ece"])
        for baseline, figures in result["baselines"].items():
            value = {metrics.PRIMARY: figures[metrics.PRIMARY]["value"]}
            run.figures(f"{slug}/{_slug(baseline)}", value)
        _log_behaviour(run, result)
        run.artifacts(folder, f"evaluation/{slug}")


def _log_behaviour(run: tracking.Run, result: dict[str, Any]) -> None:
    if "behaviour" not in result:
        return
    run.figures("challenge", {name: each["rate"] for name, each in result["behaviour"].items()})
    for kind, each in result["perturbations"].items():
        figures = {name: each[name]["value"] for name in ("flip_rate", "mean_shift")}
        run.figures(f"perturbations/{kind}", figures)
    run.figures("swaps", {name: result["swaps"][name] for name in ("flip_rate", "mean_shift")})
    run.figures("evidence", {"gain": result["faithfulness"]["gain"]})


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
