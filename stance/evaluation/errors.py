"""Errors to read: what a model is sure of and wrong, and what it nearly had right."""

from __future__ import annotations

from typing import Any

import numpy as np

from stance.corpus.table import missing
from stance.evaluation.sample import Sample
from stance.metrics import FloatArray, IntArray
from stance.prediction import Model

SHOWN = 25


def errors(sample: Sample, probs: FloatArray, *, shown: int = SHOWN) -> dict[str, Any]:
    """Pick the mistakes that a reader learns most from.

    Returns:
        `count`, all mistakes; `confident`, those with the most probable wrong labels; `near`, those
        whose gold label was nearly as probable as the label given. Each is a dictionary of `row`
        (from 0), `id`, `text`, `gold`, `predicted` and `probabilities`, and `votes` if there were.
    """
    gold, predicted = sample.gold, probs.argmax(axis=1)
    wrong = np.flatnonzero(predicted != gold)
    given = probs[wrong, predicted[wrong]]
    missed = given - probs[wrong, gold[wrong]]

    def of(rows: IntArray) -> list[dict[str, Any]]:
        return [described(sample, probs, int(i)) for i in rows[:shown]]

    return {
        "count": len(wrong),
        "confident": of(wrong[np.argsort(-given, kind="stable")]),
        "near": of(wrong[np.argsort(missed, kind="stable")]),
    }


def described(sample: Sample, probs: FloatArray, i: int) -> dict[str, Any]:
    """Return a row as reports show it."""
    row = sample.rows[i]
    return {
        "row": i,
        "id": None if row.get("id") is None else str(row["id"]),
        "text": row["text"],
        "gold": row["label"],
        "predicted": sample.labels[int(probs[i].argmax())],
        "probabilities": dict(zip(sample.labels, map(float, probs[i]), strict=True)),
        **({} if missing(row.get("votes")) else {"votes": row["votes"]}),
    }


def add_evidence(found: dict[str, Any], scorer: Model) -> None:
    """Put into each error its `words`, with what each adds to the label that was given."""
    rows = [*found["confident"], *found["near"]]
    for row, explained in zip(rows, scorer.explain([row["text"] for row in rows]), strict=True):
        row["words"] = explained.to_dict()["words"]
