"""What a model is set beside: baselines, the champion before it, a zero-shot model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stance import artifact, metrics
from stance.baselines import LEXICON, lexicon_labels, predict_baselines
from stance.evaluation.sample import Sample, own_corpus
from stance.prediction import Model
from stance.schema import DataError, ModelError

HYPOTHESES = {
    "conciliatory": "Someone moves toward the other side of a dispute, or offers to.",
    "neutral": "Nobody moves toward or against another side of a dispute.",
    "hardline": "Someone moves against the other side of a dispute, or threatens to.",
}
"""What a zero-shot model is asked of the project's labels."""

MOST = 20_000
"""Sentences that a model is set beside others on: embedding a million takes hours, and so many tell
a difference of half a point."""


def rivals(
    scorer: Model,
    sample: Sample,
    predicted: metrics.IntArray,
    *,
    nli: str | None,
    say: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Measure what a model must beat, each with the model's `difference` to it.

    Args:
        scorer: The model.
        sample: The sentences.
        predicted: Its label numbers, shape (N,).
        nli: A model of natural language inference, for a zero-shot baseline; None leaves it out.
        say: Told in a line what happens next.

    Returns:
        By name, figures as `metrics.evaluate_predictions`, and `difference`, the model's macro-F1
        less the rival's, by a paired bootstrap; both on `MOST` of the sentences, drawn, where there
        are more.
    """
    if len(sample.rows) > MOST:
        say(f"baselines: on {MOST:,} of the {len(sample.rows):,} sentences, drawn")
    sample, chosen = sample.drawn(MOST)
    predicted = predicted[chosen]
    found: dict[str, metrics.IntArray] = {}
    by_words = lexicon_labels(sample.texts, scorer.labels)
    if by_words is not None:
        found[LEXICON] = by_words
    found |= _fitted(scorer, sample, say)
    found |= _predecessor(scorer, sample, say)
    if nli is not None:
        from stance.encoder import zero_shot

        say(f"baselines: asking {nli}")
        hypotheses = [HYPOTHESES.get(label, f"This is {label}.") for label in scorer.labels]
        found[f"zero-shot {nli}"] = zero_shot(nli, sample.texts, hypotheses).argmax(axis=1)
    gold, groups, labels = sample.gold, sample.groups, sample.labels
    return {
        name: {
            **metrics.evaluate_predictions(gold, other, labels, groups=groups),
            "difference": metrics.paired_difference(
                gold, predicted, other, len(labels), groups=groups
            ),
        }
        for name, other in found.items()
    }


def _fitted(
    scorer: Model, sample: Sample, say: Callable[[str], None]
) -> dict[str, metrics.IntArray]:
    """Fit the baselines that learn on the model's training rows."""
    config = scorer.manifest.config
    try:
        corpus = sample.corpus or own_corpus(scorer, "train", say)
    except DataError as error:
        say(f"no baselines: the training data is not here ({str(error).splitlines()[0]})")
        return {}
    limit = config["data"]["train_limit"]
    seed = config["train"]["seed"]
    train = corpus.limited(limit, seed=seed) if limit else corpus.rows("train")
    say(f"baselines: fitting three on the same {len(train)} training sentences")
    return predict_baselines(
        [row["text"] for row in train],
        metrics.numbers([row["label"] for row in train], scorer.labels),
        sample.texts,
        encoder=config["encoder"]["name"],
        max_length=config["encoder"]["max_length"],
        say=say,
    )


def _predecessor(
    scorer: Model, sample: Sample, say: Callable[[str], None]
) -> dict[str, metrics.IntArray]:
    """Score with the champion before the model, or the present one if that is another."""
    models = scorer.folder.parent
    try:
        before = [name for name in artifact.reigns(models) if name != scorer.name][-1:]
        if not before:
            return {}
        other = Model(models / before[0])
        if other.labels != scorer.labels:
            return {}
    except ModelError as error:
        say(f"no previous champion beside it: {error}")
        return {}
    predicted = np.asarray(other.predict_proba(sample.texts)).argmax(axis=1)
    return {f"champion {other.name}": predicted}
