"""Changes that must not matter: what they do to labels and probabilities."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from stance.behaviour.edits import PERTURBATIONS, variants
from stance.behaviour.published import PUBLISHED
from stance.behaviour.scoring import Remembered, mean, shift
from stance.prediction import Model

LIMITS = {"typos": 0.03, "case": 0.03, "punctuation": 0.03, "quotes": 0.03}
"""Highest share of flips by kind of change; the other kinds may change what is meant a little."""


def perturb(
    scorer: Model | Remembered,
    texts: Sequence[str],
    *,
    sentences: int | None = None,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Measure what changes that must not matter do to the labels (`stance.behaviour.edits`).

    Args:
        scorer: The model.
        texts: Sentences.
        sentences: How many of them, drawn with the seed, to alter; None alters all.
        seed: Seed of the draw.

    Returns:
        For each kind of change `sentences` and `variants`, how many there were; `flips`, variants
        with another label; `flip_rate` and `mean_shift`, the mean |Δp| (total variation), both in
        [0, 1], with their 95 % intervals over sentences; `limit` of the flip rate, or None;
        `published`; and `examples` of flips. Figures are None without a variant.
    """
    drawn = list(dict.fromkeys(texts))
    random.Random(seed).shuffle(drawn)
    drawn = drawn[:sentences]
    made = {
        kind: [(i, v) for i, text in enumerate(drawn) for v in variants(text, kind)]
        for kind in PERTURBATIONS
    }
    scorer = scorer if isinstance(scorer, Remembered) else Remembered(scorer)
    scorer.predict_proba([*drawn, *(v for pairs in made.values() for _, v in pairs)])
    found = {}
    for kind, pairs in made.items():
        rows = np.array([i for i, _ in pairs], dtype=np.int64)
        before = scorer.predict_proba([drawn[i] for i in rows])
        after = scorer.predict_proba([variant for _, variant in pairs])
        flipped = after.argmax(axis=1) != before.argmax(axis=1)
        found[kind] = {
            "sentences": len(set(rows.tolist())),
            "variants": len(pairs),
            "flips": int(flipped.sum()),
            "flip_rate": mean(flipped, rows),
            "mean_shift": mean(shift(before, after), rows),
            "limit": LIMITS.get(kind),
            "published": PUBLISHED.get(kind, []),
            "examples": [
                {
                    "text": drawn[rows[i]],
                    "variant": pairs[i][1],
                    "before": scorer.labels[before[i].argmax()],
                    "after": scorer.labels[after[i].argmax()],
                }
                for i in np.flatnonzero(flipped)[:5].tolist()
            ],
        }
    return found
