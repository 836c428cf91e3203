"""Sets two saved models side by side on the same sentences."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stance import artifact, metrics, report
from stance.evaluation.errors import described
from stance.evaluation.sample import Sample, read_sample, score
from stance.evaluation.slices import find_slices, holm
from stance.metrics import FloatArray
from stance.metrics.figures import WHOLE
from stance.models import resolve
from stance.prediction import Model
from stance.schema import ModelError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same sentences.

    Attributes:
        result: `first` and `second`, their names; `data`; `figures` of each; `difference`, of each
            figure the first's minus the second's, with its 95 % interval and `p`, the chance that
            the first is no better, by a paired bootstrap over groups; `mcnemar`; `changed`, how
            many sentences are labelled otherwise, who is right, and all of them; `slices`, the
            difference of accuracy in each.
    """

    result: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        return self.result

    def to_text(self) -> str:
        """Return tables that fit a terminal."""
        return report.comparison_table(self.result)


def compare(
    first: str | Path,
    second: str | Path,
    *,
    data: str | Path | None = None,
    split: str = "test",
    text_column: str = "text",
    label_column: str = "label",
    group_column: str | None = None,
    output: str | Path | None = None,
    say: Callable[[str], None] = logger.info,
) -> Comparison:
    """Compare two models.

    Args:
        first: As for `stance.load`.
        second: Likewise.
        data: As for `stance.evaluate`; None takes the corpus of the first.
        split: Split of a corpus.
        text_column: Column of `data` with the sentence.
        label_column: Column of `data` with the gold label.
        group_column: As for `stance.evaluate`.
        output: A JSON file to write.
        say: Told in a line what happens next.

    Raises:
        ModelError: If one cannot be loaded, or their labels differ.
        DataError: With every fault of the data.
    """
    models = [Model(resolve(name)) for name in (first, second)]
    if models[0].labels != models[1].labels:
        raise ModelError(
            f"{models[0].name} has the labels {', '.join(models[0].labels)}, {models[1].name} has "
            f"{', '.join(models[1].labels)}: only models with the same can be compared"
        )
    sample = read_sample(
        models[0],
        data,
        split=split,
        text_column=text_column,
        label_column=label_column,
        group_column=group_column,
        say=say,
    )
    probs = []
    for model in models:
        say(f"scoring {len(sample.rows):,} sentences with {model.name}")
        probs.append(model.confidence.probabilities(score(model, sample.texts, say).logits))
    result = {
        "first": models[0].name,
        "second": models[1].name,
        "data": sample.describe(),
        **_compared(sample, probs[0], probs[1]),
    }
    if output is not None:
        content = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
        artifact.write_text(Path(output), content + "\n")
    return Comparison(result)


def _compared(sample: Sample, first: FloatArray, second: FloatArray) -> dict[str, Any]:
    gold, groups, k = sample.gold, sample.groups, len(sample.labels)
    ours, theirs = first.argmax(axis=1), second.argmax(axis=1)
    changed = np.flatnonzero(ours != theirs)
    rows = []
    for i in changed:
        one, other = (described(sample, probs, int(i)) for probs in (first, second))
        given = {key: one[key] for key in ("row", "id", "text", "gold")}
        rows.append(
            {
                **given,
                "first": one["predicted"],
                "second": other["predicted"],
                "p_first": float(first[i].max()),
                "p_second": float(second[i].max()),
            }
        )
    return {
        "figures": {
            name: metrics.evaluate_predictions(
                gold, probs.argmax(axis=1), sample.labels, probs=probs, groups=groups
            )
            for name, probs in (("first", first), ("second", second))
        },
        "difference": {
            name: metrics.paired_difference(gold, ours, theirs, k, name=name, groups=groups)
            for name in WHOLE
        },
        "mcnemar": metrics.mcnemar(gold, ours, theirs),
        "changed": {
            "count": len(changed),
            "only_first_right": int((ours[changed] == gold[changed]).sum()),
            "only_second_right": int((theirs[changed] == gold[changed]).sum()),
            "rows": rows,
        },
        "slices": _by_slice(sample, ours, theirs),
    }


def _by_slice(
    sample: Sample, ours: metrics.IntArray, theirs: metrics.IntArray
) -> list[dict[str, Any]]:
    """Return the difference of accuracy in every slice of one column; `p` of either sign."""
    gold, k = sample.gold, len(sample.labels)
    index = metrics.group_index(len(gold), sample.groups)
    found: list[dict[str, Any]] = []
    for one in find_slices(sample, crossed=False):
        rows = one.rows
        difference = metrics.paired_difference(
            gold[rows],
            ours[rows],
            theirs[rows],
            k,
            name="accuracy",
            groups=index[rows].tolist(),
            resamples=1000,
        )
        exact = metrics.mcnemar(gold[rows], ours[rows], theirs[rows])
        found.append({"name": one.name, "rows": len(rows), **difference, "p": exact["p"]})
    corrected = holm([each["p"] for each in found])
    return [{**each, "p_corrected": p} for each, p in zip(found, corrected, strict=True)]
