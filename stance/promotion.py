"""Decides whether a new model becomes the champion."""

from __future__ import annotations

import logging
from pathlib import Path

from stance import artifact, metrics, tracking
from stance.config import Config
from stance.corpus import Corpus
from stance.prediction import Model
from stance.schema import ModelError

logger = logging.getLogger(__name__)


def promote(folder: Path, settings: Config, corpus: Corpus, run: tracking.Run) -> tuple[bool, str]:
    """Make a saved model the champion if it is better on dev than the present one.

    Returns:
        Whether it is the champion now, and why, in a line.
    """
    promoted, verdict = _decide(folder, settings, corpus, run)
    if promoted:
        artifact.set_champion(folder)
        if not run.broken:
            tracking.set_alias(settings.tracking, folder.name)
    return promoted, verdict


def _decide(folder: Path, settings: Config, corpus: Corpus, run: tracking.Run) -> tuple[bool, str]:
    """Decide whether the new model is the best so far on today's dev split."""
    manifest = artifact.read_manifest(folder)
    ours = float(manifest.dev[metrics.PRIMARY]["value"])
    current = _incumbent(settings, run)
    if current is None:
        return True, f"{folder.name} is the champion (the first one); dev macro-F1 {ours:.3f}"
    try:
        model = Model(current)
    except ModelError as error:
        return True, f"{folder.name} is the champion; the last one cannot be loaded: {error}"
    if model.labels != settings.labels:
        return False, (
            f"{folder.name} is not promoted: the champion of {settings.output} has the labels "
            f"{', '.join(model.labels)}; give this label set an output folder of its own"
        )
    # The old model is scored anew, since the dev split may have changed since it was trained.
    rows = corpus.rows("dev")
    probs = model.predict_proba([row["text"] for row in rows])
    gold = metrics.numbers([row["label"] for row in rows], settings.labels)
    theirs = metrics.macro_f1(gold, probs.argmax(axis=1), len(settings.labels))
    figures = f"dev macro-F1 {ours:.3f} against {theirs:.3f} of {model.name}"
    if ours > theirs:
        return True, f"{folder.name} is the champion: {figures}"
    return False, f"{folder.name} is not promoted: {figures}, which stays the champion"


def _incumbent(settings: Config, run: tracking.Run) -> Path | None:
    """Return the champion to beat: the registry's, if its folder is here or can be had."""
    name = None if run.broken else tracking.registered_champion(settings.tracking)
    if name is None:
        return artifact.champion(settings.output)
    here = settings.output / name
    if here.is_dir():
        return here
    try:
        return tracking.download(f"models:/{settings.tracking.registered_model}@{tracking.ALIAS}")
    except ModelError as error:
        logger.warning("the registered champion cannot be fetched: %s", error)
        return artifact.champion(settings.output)
