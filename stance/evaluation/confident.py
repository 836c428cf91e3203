"""Whether label sets, abstentions and flags keep what they promise; and learning them anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance import artifact, export, metrics
from stance.behaviour.scoring import wilson
from stance.calibration import described, learn
from stance.confidence import COVERAGE, Confidence
from stance.config import CalibrationConfig, restore
from stance.corpus.table import read_sound_rows
from stance.evaluation.sample import Sample, own_corpus, score
from stance.evaluation.slices import length
from stance.metrics import FloatArray
from stance.prediction import Model
from stance.schema import DataError, ModelError

PRECISIONS = (0.85, 0.9, 0.95)
"""Precisions to abstain by that are told."""
ABSTAIN = 0.9
"""Precision at which it is told how many sentences of other domains get no label."""


def trusted(
    sample: Sample, probs: FloatArray, distances: FloatArray | None, confidence: Confidence
) -> dict[str, Any]:
    """Measure what a model says of its own certainty.

    Returns:
        `sets`, as `metrics.set_figures`, with the `level` promised; `abstention`, for each of
        `PRECISIONS` that dev reaches its `level`, the share `answered` and the `precision` there,
        figures with intervals; `unfamiliar`, the share of sentences flagged, and that by number of
        words in `unfamiliar_by_words`. None or empty for a model that was saved without.
    """
    gold, groups = sample.gold, sample.groups
    found: dict[str, Any] = {
        "sets": None,
        "abstention": [],
        "unfamiliar": None,
        "unfamiliar_by_words": {},
    }
    if confidence.sets is not None:
        sets = confidence.in_set(probs)
        measured = metrics.set_figures(gold, sets, sample.labels, groups=groups)
        found["sets"] = {"level": COVERAGE, **measured}
    right = (probs.argmax(axis=1) == gold).astype(float)
    for level in filter(confidence.reaches, PRECISIONS):
        answered = confidence.answered(probs, level)
        figures = _answered(answered, right, groups)
        found["abstention"].append({"level": level, **figures})
    if confidence.farthest is not None and distances is not None:
        flagged = confidence.unfamiliar(len(gold), distances)
        found["unfamiliar"] = _answered(flagged, right, groups)["answered"]
        lengths = np.array([length(text) for text in sample.texts])
        for one in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == one)
            mine = None if groups is None else [groups[i] for i in rows]
            share = _answered(flagged[rows], right[rows], mine)["answered"]
            found["unfamiliar_by_words"][one] = share
    return found


def outside(scorer: Model) -> dict[str, dict[str, Any]] | None:
    """Return how many sentences of other domains are flagged, and how many get no label, by kind.

    Returns:
        For each kind in the `outside.csv` beside a corpus of the model, `cases`, `flagged`, the
        `rate` of these with its 95 % interval `low` to `high` (Wilson 1927), and `silent`, how many
        get no label with `abstain` at `ABSTAIN` (None if dev does not reach that). None without
        such a file or for a model that does not tell.
    """
    files = [Path(path) / "outside.csv" for path in scorer.manifest.data["path"]]
    file = next(filter(Path.is_file, files), None)
    confidence = scorer.confidence
    if file is None or confidence.farthest is None:
        return None
    rows = [row for _, row in read_sound_rows(file, ("kind", "text"))]
    predictions = scorer.predict([row["text"] for row in rows])
    silent = confidence.silent(predictions, ABSTAIN) if confidence.reaches(ABSTAIN) else None
    found: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = {i for i, row in enumerate(rows) if row["kind"] == kind}
        flagged = sum(predictions[i].unfamiliar for i in mine)
        found[kind] = {
            "cases": len(mine),
            "flagged": flagged,
            **wilson(flagged, len(mine)),
            "silent": None if silent is None else len(mine & silent),
        }
    return found


def _answered(
    answered: NDArray[np.bool_], right: FloatArray, groups: list[object] | None
) -> dict[str, metrics.Figure]:
    chosen = answered.astype(float)

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        covered = weights @ chosen
        hits = weights @ (chosen * right)
        some = np.where(covered > 0, covered, 1)
        return {
            "answered": covered / weights.sum(axis=1),
            "precision": np.where(covered > 0, hits / some, np.nan),
        }

    point, drawn = metrics.bootstrap(statistic, len(right), groups=groups)
    return {name: metrics.figure(point[name], drawn[name]) for name in point}


def of_dev(scorer: Model, say: Callable[[str], None]) -> Confidence | None:
    """Learn an older model's confidence from its dev split, or say why that cannot be."""
    try:
        corpus = own_corpus(scorer, "dev", say)
    except DataError as error:
        say(f"no label sets: the dev split is not here ({str(error).splitlines()[0]})")
        return None
    say("saved without label sets: learning them from dev (stance calibrate keeps them)")
    rows = corpus.rows("dev")
    outputs = score(scorer, [row["text"] for row in rows], say)
    gold = metrics.numbers([row["label"] for row in rows], scorer.labels)
    groups = [row["group"] for row in rows]
    return learn(gold, outputs.logits, scorer.labels, groups=groups).confidence


def calibrate(model: str | Path, *, say: Callable[[str], None] = lambda line: None) -> Confidence:
    """Learn anew, from its dev split, how far a saved model is to be trusted; save that with it.

    Its network is exported anew too, so that it tells which texts are unfamiliar. Weights and
    labels stay as they are; logged copies (MLflow) are not touched.

    Args:
        model: Folder of the saved model.
        say: Told in a line what happens next.

    Raises:
        ModelError: If it is no sound model, or its data has changed since it was trained.
        DataError: If its corpus is not there.
    """
    from stance import encoder

    folder = Path(model)
    scorer = Model(folder, precision="fp32")
    corpus = own_corpus(scorer, "dev", say)
    if corpus.fingerprint != scorer.manifest.data["fingerprint"]:
        raise ModelError(
            f"{folder}: its corpus has changed since it was trained, and a sentence of dev may "
            f"have been one to train on: use the data of that time, or train again"
        )
    train, dev = corpus.rows("train"), corpus.rows("dev")
    say(f"learning from {len(dev)} dev sentences")
    logits = score(scorer, [row["text"] for row in dev], say).logits
    network, tokenizer = encoder.load_saved(folder)
    order = np.random.default_rng(0).permutation(len(train))
    trained, held_out = [train[i]["text"] for i in order], [row["text"] for row in dev]
    distances = encoder.export(
        network,
        tokenizer,
        folder,
        trained,
        held_out,
        max_length=scorer.manifest.max_length,
    )
    gold = metrics.numbers([row["label"] for row in dev], scorer.labels)
    groups = [row["group"] for row in dev]
    saved = scorer.manifest.config.get("calibration", {})  # older models have none
    caution = restore(CalibrationConfig, saved, where=scorer.name).caution
    learnt = learn(gold, logits, scorer.labels, groups=groups, distances=distances, caution=caution)
    manifest = replace(
        scorer.manifest, temperature=learnt.temperature, confidence=described(learnt)
    )
    artifact.write_manifest(folder, manifest)
    export.add_int8(folder, trained, held_out, gold, say=say)
    return Model(folder).confidence
