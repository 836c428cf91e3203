"""Measures a saved model on a split or on any labelled file, beside baselines."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stance import artifact, metrics, report, tracking
from stance.baselines import predict_baselines
from stance.behaviour import challenge
from stance.config import Config, DataConfig, TrackingConfig
from stance.corpus import Corpus, load_configured, load_corpus, read_labelled
from stance.corpus.table import GROUP_COLUMNS
from stance.corpus.uncut import is_public, same_text
from stance.prediction import Model, resolve
from stance.schema import DataError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of a model on labelled data.

    Attributes:
        result: `model`, `data`, `figures`, `baselines`, `behaviour`, as written to the JSON file.
        folder: Where the report was written; None if it was not.
    """

    result: dict[str, Any]
    folder: Path | None

    @property
    def macro_f1(self) -> float:
        """The primary figure, in [0, 1]."""
        return float(self.result["figures"][metrics.PRIMARY]["value"])

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
    baselines: bool = True,
    output: str | Path | None = "reports",
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
        baselines: Measure the baselines too, trained on the model's training rows.
        output: Folder for the report; None writes none.
        say: Told in a line what happens next.

    Raises:
        ModelError: If the model cannot be loaded.
        DataError: With every fault of the data.
    """
    scorer = Model(resolve(model))
    labels = scorer.labels
    corpus = None
    if data is None:
        name = f"{' + '.join(scorer.manifest.data['path'])} {split}"
        corpus = _own_corpus(scorer, split, say)
        rows = corpus.rows(split)
    elif Path(data).is_dir() or is_public(Path(data)):
        name = f"{data} {split}"
        rows = load_corpus(data, labels=labels, splits=(split,)).rows(split)
    else:
        path = Path(data)
        name = path.name
        rows = read_labelled(
            path, labels=labels, text_column=text_column, label_column=label_column
        )
    if not rows:
        raise DataError(f"{name}: no sentences; name another --split, or labelled ones by --data")
    say(f"scoring {len(rows)} sentences with {scorer.name}")
    texts = [row["text"] for row in rows]
    gold = np.array([labels.index(row["label"]) for row in rows], dtype=np.int64)
    column = next((c for c in GROUP_COLUMNS if c in rows[0]), None)
    groups = [row.get(column) for row in rows] if column else None

    def measured(predicted: metrics.IntArray) -> dict[str, Any]:
        return metrics.evaluate_predictions(gold, predicted, labels, groups=groups)

    figures = measured(scorer.predict_proba(texts).argmax(axis=1))
    others = _baselines(scorer, corpus, texts, say) if baselines else {}
    result = {
        "model": scorer.name,
        "data": {
            "name": name,
            "rows": len(rows),
            "groups": figures["groups"],
            "grouped_by": column,
            "labels_without_gold": [
                label for i, label in enumerate(labels) if not (gold == i).any()
            ],
        },
        "figures": figures,
        "baselines": {name: measured(predicted) for name, predicted in others.items()},
        "behaviour": challenge(scorer),
    }
    folder = Path(output) / scorer.name / _slug(name) if output is not None else None
    if folder is not None:
        _write(result, labels, folder)
        _log(result, scorer, name, folder)
    return Evaluation(result, folder)


def _own_corpus(scorer: Model, split: str, say: Callable[[str], None]) -> Corpus:
    """Read the corpus a model was trained on, with a split to measure it on."""
    manifest = scorer.manifest
    known = {k: v for k, v in manifest.config["data"].items() if k in DataConfig.model_fields}
    config = Config(
        labels=scorer.labels,
        poles=None,
        data=DataConfig.model_validate({**known, "path": manifest.data["path"]}),
    )
    splits = tuple(dict.fromkeys(("train", "dev", split)))
    _, corpus = load_configured(config, splits=splits)
    if corpus.fingerprint != manifest.data["fingerprint"]:
        say("the corpus has changed since this model was trained; a test sentence of today")
        say("may have been a training sentence then")
    seen = {same_text(row["text"]) for row in corpus.rows("train")}
    if split != "train" and (n := sum(same_text(r["text"]) in seen for r in corpus.rows(split))):
        say(f"{n} of {len(corpus.rows(split))} {split} sentences are also in the training data")
    return corpus


def _baselines(
    scorer: Model, corpus: Corpus | None, texts: Sequence[str], say: Callable[[str], None]
) -> dict[str, metrics.IntArray]:
    """Fit the baselines on the model's training rows; its corpus is read unless it is given."""
    config = scorer.manifest.config
    try:
        corpus = corpus or _own_corpus(scorer, "train", say)
    except DataError as error:
        say(f"no baselines: the training data is not here ({str(error).splitlines()[0]})")
        return {}
    limit = config["data"]["train_limit"]
    seed = config["train"]["seed"]
    train = corpus.limited(limit, seed=seed) if limit else corpus.rows("train")
    say(f"baselines: fitting three on the same {len(train)} training sentences")
    gold = np.array([scorer.labels.index(row["label"]) for row in train], dtype=np.int64)
    return predict_baselines(
        [row["text"] for row in train],
        gold,
        texts,
        encoder=config["encoder"]["name"],
        max_length=config["encoder"]["max_length"],
    )


def _write(result: dict[str, Any], labels: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with artifact.atomic(folder / "report.json") as path:
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    with artifact.atomic(folder / "report.txt") as path:
        path.write_text(report.evaluation_table(result), encoding="utf-8")
    report.confusion_picture(result["figures"]["confusion"], labels, folder / "confusion.png")


def _log(result: dict[str, Any], scorer: Model, name: str, folder: Path) -> None:
    """Add the figures to the run that trained the model."""
    manifest = scorer.manifest
    run_id = manifest.provenance["mlflow"]["run_id"]
    if run_id is None:
        return
    settings = TrackingConfig(**manifest.config["tracking"])
    with tracking.run(settings, name=manifest.name, run_id=run_id) as run:
        slug = _slug(name)
        run.figures(slug, {k: v for k, v in result["figures"].items() if k != "confusion"})
        for baseline, figures in result["baselines"].items():
            value = {metrics.PRIMARY: figures[metrics.PRIMARY]["value"]}
            run.figures(f"{slug}/{_slug(baseline)}", value)
        rates = {capability: found["rate"] for capability, found in result["behaviour"].items()}
        run.figures("challenge", rates)
        run.artifacts(folder, f"evaluation/{slug}")


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
