"""Challenge sets: one capability each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stance.behaviour.published import PUBLISHED
from stance.behaviour.scoring import Remembered, labels_of, wilson
from stance.corpus.challenge import load_challenge
from stance.prediction import Model


def challenge(
    scorer: Model | Remembered, folder: str | Path | None = None
) -> dict[str, dict[str, Any]]:
    """Run the challenge sets.

    Args:
        scorer: The model.
        folder: Folder of challenge sets; None takes the one beside a corpus of the model, if any.

    Returns:
        For each capability `cases`, `failures` and `rate`, failures / cases in [0, 1], with its
        95 % interval `low` to `high` (Wilson 1927). A case fails if its label is not given, or,
        where it has a variant, if the two are labelled differently. And `published`, rates of
        other systems (`PUBLISHED`), if any.
    """
    place = Path(folder) if folder else challenge_folder(scorer.manifest.data["path"])
    if place is None:
        return {}
    found = {}
    for capability, cases in load_challenge(place, labels=scorer.labels).items():
        given = labels_of(scorer, [case.text for case in cases])
        varied = [case.variant for case in cases if case.variant is not None]
        twins = iter(labels_of(scorer, varied))
        failures = sum(
            label != (case.label if case.variant is None else next(twins))
            for case, label in zip(cases, given, strict=True)
        )
        found[capability] = {
            "cases": len(cases),
            "failures": failures,
            **wilson(failures, len(cases)),
            "published": PUBLISHED.get(capability, []),
        }
    return found


def challenge_folder(corpora: Iterable[str | Path]) -> Path | None:
    """Return the folder of challenge sets beside the first corpus that has one."""
    return next(filter(Path.is_dir, (Path(corpus) / "challenge" for corpus in corpora)), None)
