"""Every test of behaviour at once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stance.behaviour.changes import perturb
from stance.behaviour.scoring import Remembered
from stance.behaviour.sets import challenge
from stance.behaviour.swaps import actor_swaps
from stance.evidence import faithfulness
from stance.prediction import Model

PERTURBED, SWAPPED, EXPLAINED = 400, 70, 40
"""Sentences drawn to be altered, to have their actors swapped, and to have their words taken out:
a report takes minutes, not hours, and its intervals say what the draw costs."""


def examine(
    scorer: Model, texts: Sequence[str], *, folder: str | Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Run every test of behaviour.

    Args:
        scorer: The model.
        texts: Sentences to alter, whatever their labels; as many as `PERTURBED`, `SWAPPED` and
            `EXPLAINED` say are drawn with the seed.
        folder: As for `challenge`.
        seed: Seed of the draws.

    Returns:
        `behaviour`, as `challenge` has it; `perturbations`, as `perturb` has it; `swaps`, as
        `actor_swaps` has it; `faithfulness`, as `stance.evidence.faithfulness` has it.
    """
    model = Remembered(scorer)
    drawn = random.Random(seed).sample(list(texts), min(EXPLAINED, len(texts)))
    return {
        "behaviour": challenge(model, folder),
        "perturbations": perturb(model, texts, sentences=PERTURBED, seed=seed),
        "swaps": actor_swaps(model, texts, sentences=SWAPPED, seed=seed),
        "faithfulness": faithfulness(
            scorer.explain(drawn), model.predict_proba, labels=scorer.labels, seed=seed
        ),
    }
