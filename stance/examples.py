"""What a model is shown of a corpus: what each row says, how often, and what it counts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from stance.config import Config
from stance.corpus import read_votes
from stance.schema import DataError

Row = dict[str, Any]

TEACHERS = "teacher_probabilities"
TEACHERS_SHARE = "teacher_share"
"""Columns of a row that teachers were asked about (`stance.distillation`): what they say, and the
part of its target that follows them."""


def examples(rows: Sequence[Row], settings: Config) -> dict[str, list[Any]]:
    """Return the columns `text`, `target` and `weight` that a model is trained on.

    Raises:
        DataError: If a vote is unknown, every row weighs 0, or a column or value that has a weight
            does not occur.
    """
    shown = oversampled(rows, settings)
    return {
        "text": [row["text"] for row in shown],
        "target": [target(row, settings) for row in shown],
        "weight": weights(shown, settings),
    }


def oversampled(rows: Sequence[Row], settings: Config) -> list[Row]:
    """Return the rows, those of a rarer label repeated (max n / nₖ)^`train.oversample` times.

    nₖ is the number of rows of label k. Every row is there; what is left of a number of times that
    is not whole falls to rows drawn with the seed.
    """
    power = settings.train.oversample
    if not power:
        return list(rows)
    counts = Counter(row["label"] for row in rows)
    most = max(counts.values())
    draw = random.Random(settings.train.seed)
    shown: list[Row] = []
    for label, count in counts.items():
        of_label = [row for row in rows if row["label"] == label]
        wanted = round(count * (most / count) ** power)
        shown += of_label * (wanted // count) + draw.sample(of_label, wanted % count)
    draw.shuffle(shown)
    return shown


def target(row: Row, settings: Config) -> list[float]:
    """Return what a model is to say of a row: a probability for each label, summing to 1.

    The adjudicated label; mixed with the shares of the votes by `train.soft_labels` (Peterson et
    al. 2019), where the row has votes; with what teachers say, where they were asked (Hinton et
    al. 2015); then with the uniform distribution by `train.label_smoothing` (Szegedy et al. 2016).
    """
    labels = settings.labels
    result = np.array([float(label == row["label"]) for label in labels])
    if settings.train.soft_labels:
        try:
            votes = [vote for vote in read_votes(row.get("votes"), labels) if vote is not None]
        except DataError as error:
            raise DataError(f"row {row.get('id')}: {error}") from None
        if votes:
            shares = np.array([votes.count(label) / len(votes) for label in labels])
            result = (1 - settings.train.soft_labels) * result + settings.train.soft_labels * shares
    if share := row.get(TEACHERS_SHARE):
        result = (1 - share) * result + share * np.array(row[TEACHERS])
    smoothing = settings.train.label_smoothing
    return ((1 - smoothing) * result + smoothing / len(labels)).tolist()  # type: ignore[no-any-return]


def weights(rows: Sequence[Row], settings: Config) -> list[float]:
    """Return what each row counts in the loss, 1 on average.

    The product of the weights of its folder (`data.weights`), of its columns
    (`data.column_weights`) and of its label (`train.class_weights`; balanced is N / (K nₖ), as in
    scikit-learn, nₖ counted over `rows`).
    """
    found = np.ones(len(rows))
    if settings.data.weights is not None and len(settings.data.weights) > 1:
        folders = map(str, settings.data.path)
        of_folder = dict(zip(folders, settings.data.weights, strict=True))
        found *= [of_folder.get(row["corpus"], 1.0) for row in rows]
    for column, of_value in settings.data.column_weights.items():
        found *= _by_column(rows, column, of_value)
    of_label = settings.train.class_weights
    if of_label == "balanced":
        counts = Counter(row["label"] for row in rows)
        of_label = {k: len(rows) / (len(counts) * count) for k, count in counts.items()}
    found *= [(of_label or {}).get(row["label"], 1.0) for row in rows]
    if not found.sum():
        where = ", ".join(map(str, settings.data.path))
        raise DataError(f"{where}: every training row weighs 0")
    return (found / found.mean()).tolist()  # type: ignore[no-any-return]


def _by_column(rows: Sequence[Row], column: str, of_value: dict[str, float]) -> list[float]:
    values = [str(row.get(column, "")) for row in rows]
    known = set(values)
    if known == {""}:
        columns = sorted({name for row in rows for name in row})
        raise DataError(
            f"data.column_weights: no training row has a column {column!r}; "
            f"columns found: {', '.join(columns)}"
        )
    if unknown := sorted(set(of_value) - known):
        shown = ", ".join(sorted(known - {""})[:20])
        raise DataError(
            f"data.column_weights.{column}: no training row has {', '.join(unknown)}; "
            f"values found: {shown}"
        )
    return [of_value.get(value, 1.0) for value in values]
