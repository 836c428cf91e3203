"""The gate that a new model passes to become the champion, and the record of all champions.

A new model takes the champion's place if it passes every check, both scored today on the same rows:

- *better on dev*: its macro-F1 is higher, and the chance that it is no better, by a paired
  bootstrap over groups, is under `promotion.alpha`;
- *no capability lost*: no challenge set's failure rate rises by more than
  `promotion.challenge_margin`;
- *blind to actors*: of swaps of actors in dev sentences, no more than `promotion.actor_flips`
  change the label, the mean |Δp| is no more than `promotion.actor_shift`, and that of no single
  actor more than `promotion.actor_worst`;
- *as honest*: its calibration error on dev rises by no more than `promotion.calibration_margin`.

The default limits keep harm out without keeping progress out:

- A wrongly promoted equal costs nothing, a rejected gain costs the gain, so alpha is 0.2, not 0.05.
  On the project's dev split (1,955 sentences in 483 groups) the difference between two seeds has a
  standard error of 0.9 points: at 0.05 a gain under 1.5 points would not pass, and such gains are
  most of what there is; at 0.2 a gain of 0.8 passes, and one equal in five.
- There are twelve challenge sets of 60 cases. Two seeds of one configuration judge 13 cases in 100
  differently, trainings on two corpora 23: by chance alone one of the twelve rises by more than 10
  points in 13 to 33 of 100 comparisons of equals, by more than 15 points in 0 to 8.
- A good model that reads the names (`encoder.mask_actors: false`) flips 3 swaps in 100, one trained
  on 1,000 sentences 6 or 7; the first has a mean |Δp| of 0.03. `stance evaluate` holds models to
  more: 2 in 100, 0.02, and 0.05 for any actor.
- The calibration error of a model has a standard error of 0.007 on the same dev split.

A check that has nothing to measure (no champion, no challenge sets, fewer than 20 sentences with an
actor, no actor put into 20) is told and passed over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stance import artifact, metrics, tracking
from stance.behaviour import actor_swaps, challenge, challenge_folder
from stance.config import Config, TrackingConfig, restore
from stance.corpus import Corpus, load_configured
from stance.prediction import Model
from stance.report import promotion_table
from stance.schema import ModelError

logger = logging.getLogger(__name__)

FEWEST = 20
"""Fewer sentences with a swapped actor say nothing."""

_SENTENCES, _REPLACEMENTS = 200, 5


@dataclass(frozen=True, slots=True)
class Check:
    """One figure held against its limit.

    Attributes:
        name: What is checked.
        model: The new model's figure; None if there was nothing to measure.
        champion: The champion's figure; None without one to compare with.
        found: What must not exceed the limit: a chance, a rise, a rate.
        limit: The limit.
        passed: Whether it holds; None if the check could not be made.
    """

    name: str
    model: float | None
    champion: float | None
    found: float | None
    limit: float
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate said of a model.

    Attributes:
        model: Name of the model.
        champion: Name of the champion it was compared with; None without one.
        promoted: Whether it is the champion now.
        verdict: Why, in one line.
        checks: Every figure with its limit.
        difference: Macro-F1 on dev, model minus champion: `value`, `low`, `high` (95 %) and `p`,
            the chance of no gain; None without a champion.
        data: `rows`, `groups` and `fingerprint` of the dev split and its corpus.
    """

    model: str
    champion: str | None
    promoted: bool
    verdict: str
    checks: tuple[Check, ...]
    difference: Mapping[str, float] | None
    data: Mapping[str, Any]

    def to_text(self) -> str:
        """Return a table that fits a terminal."""
        return promotion_table(asdict(self))


def promote(
    folder: str | Path,
    *,
    overrides: Sequence[str] = (),
    settings: Config | None = None,
    corpus: Corpus | None = None,
    run: tracking.Run | None = None,
) -> Decision:
    """Put a saved model through the gate; make it the champion of its folder if it passes.

    Args:
        folder: The saved model.
        overrides: Settings that win over the model's own: `promotion.alpha=0.1`.
        settings: The model's configuration, where at hand.
        corpus: The model's corpus, where at hand.
        run: Its open MLflow run, where there is one.

    Returns:
        The decision, which is also in the model's `run/promotion.json` and its MLflow run.

    Raises:
        ModelError: If the folder is no sound model, or is the champion already.
        DataError: If the corpus is not there or not sound.
    """
    folder = _named(folder)
    manifest = artifact.read_manifest(folder)
    if settings is None:
        settings = restore(Config, manifest.config, overrides, where=str(folder))
    if corpus is None:
        _, corpus = load_configured(settings)
    if run is None:
        with _run_of(manifest) as reopened, _turn(folder.parent):
            return _promote(folder, settings, corpus, reopened)
    with _turn(folder.parent):
        return _promote(folder, settings, corpus, run)


def settled(folder: Path, settings: Config, run: tracking.Run) -> Decision | None:
    """Return what the gate said of a model before the training was killed, and log what it did not.

    Returns:
        None if the gate was not reached, or if what it said was not done: then it is to say anew.
    """
    try:
        found = json.loads((folder / "run" / "promotion.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    decision = Decision(**{**found, "checks": tuple(Check(**each) for each in found["checks"])})
    if decision.promoted:
        if artifact.champion(folder.parent) != folder:
            return None
        tracking.set_alias(settings.tracking, folder.name)
    run.promotion(folder)
    return decision


def _promote(folder: Path, settings: Config, corpus: Corpus, run: tracking.Run) -> Decision:
    incumbent = _incumbent(folder.parent, settings.tracking, run)
    if incumbent is not None and incumbent.resolve() == folder.resolve():
        raise ModelError(f"{folder}: is the champion already")
    decision = _decide(folder, incumbent, settings, corpus)
    with artifact.atomic(folder / "run" / "promotion.json") as path:
        path.write_text(json.dumps(asdict(decision), indent=2) + "\n", encoding="utf-8")
    run.promotion(folder)
    if decision.promoted:
        _crown(folder, "gate", decision.verdict, settings.tracking, run)
    return decision


def force(folder: str | Path, *, why: str) -> str:
    """Make a saved model the champion whatever the gate says, on the record.

    Args:
        folder: The saved model.
        why: The reason, for those who come later.

    Returns:
        A line that says what was done.

    Raises:
        ModelError: If the folder is no sound model, is the champion already, or there is no reason.
    """
    folder = _named(folder)
    manifest = artifact.read_manifest(folder)
    if not why.strip():
        raise ModelError(f"{folder}: an override is recorded with its reason; give one: --why")
    if artifact.champion(folder.parent) == folder:
        raise ModelError(f"{folder}: is the champion already")
    with _run_of(manifest) as run, _turn(folder.parent):
        _crown(folder, "force", why, _tracking(manifest), run)
    return f"{folder.name} is the champion, by force: {why}"


def rollback(models: str | Path, *, why: str = "") -> str:
    """Make the previous champion the champion again; once more goes one further back.

    Args:
        models: Folder of the saved models.
        why: The reason, for the record.

    Returns:
        A line that says what was done.

    Raises:
        ModelError: If there was no previous champion, or its folder is gone or damaged.
    """
    models = Path(models)
    reigns = artifact.reigns(models)
    if len(reigns) < 2:
        raise ModelError(
            f"{models}: no earlier champion in {artifact.CHAMPIONS}; "
            f"name a model:  stance promote FOLDER"
        )
    *_, previous, former = reigns
    folder = models / previous
    if not folder.is_dir():
        raise ModelError(
            f"{folder}: no such model folder, and it was the champion before {former}; bring it "
            f"back, or choose one that is there:  stance promote --force --why REASON FOLDER"
        )
    manifest = artifact.read_manifest(folder)
    with _run_of(manifest) as run, _turn(models):
        _crown(folder, "rollback", why or f"back from {former}", _tracking(manifest), run)
    return f"{previous} is the champion again, in place of {former}"


def _named(folder: str | Path) -> Path:
    """Return a path that ends in the model's name: `.` does not."""
    path = Path(folder)
    return path if path.name not in ("", "..") else path.resolve()


def _turn(models: Path) -> AbstractContextManager[None]:
    """Wait until no other process is choosing a champion of a folder."""
    return artifact.locked(models / ".promotion")


def _crown(folder: Path, how: str, why: str, settings: TrackingConfig, run: tracking.Run) -> None:
    """Make a model the champion, in its folder's record, in its run and in the registry."""
    entry = artifact.set_champion(folder, how=how, why=why)
    run.tags({f"stance.promotion/{key}": entry[key] or "" for key in ("how", "when", "who", "why")})
    if settings.enabled and not run.broken and not tracking.set_alias(settings, folder.name):
        logger.warning(
            "the registry has no version of %s, its champion stays; log the model:  stance log %s",
            folder.name,
            folder,
        )


def _decide(folder: Path, incumbent: Path | None, settings: Config, corpus: Corpus) -> Decision:
    model, rival, alone = Model(folder), None, "the first one"
    if incumbent is not None:
        try:
            rival = Model(incumbent)
        except ModelError as error:
            alone = f"the last one cannot be loaded: {error}"
    rows = corpus.rows("dev")
    groups = [row["group"] for row in rows]
    data = {"rows": len(rows), "groups": len(set(groups)), "fingerprint": corpus.fingerprint}
    if rival is not None and rival.labels != model.labels:
        verdict = (
            f"{model.name} is not promoted: the champion of {folder.parent} has the labels "
            f"{', '.join(rival.labels)}; give this label set an output folder of its own"
        )
        return Decision(model.name, rival.name, False, verdict, (), None, data)
    systems = [model] if rival is None else [model, rival]
    texts = [row["text"] for row in rows]
    gold = metrics.numbers([row["label"] for row in rows], model.labels)
    probs = [system.predict_proba(texts) for system in systems]
    better, difference = _better(gold, probs, groups, settings.promotion.alpha)
    checks = (
        better,
        *_challenges(systems, settings),
        *_swaps(model, texts, settings),
        _rise(
            "calibration error on dev, rise",
            [metrics.calibration_error(gold, found) for found in probs],
            settings.promotion.calibration_margin,
        ),
    )
    if rival is None:
        verdict = f"{model.name} is the champion ({alone}); dev macro-F1 {better.model:.3f}"
        return Decision(model.name, None, True, verdict, checks, None, data)
    figures = f"dev macro-F1 {better.model:.3f} against {better.champion:.3f} of {rival.name}"
    failed = [check for check in checks if check.passed is False]
    if failed:
        faults = "; ".join(f"{c.name} {c.found:.3f}, limit {c.limit:g}" for c in failed)
        verdict = f"{model.name} is not promoted: {figures}, which stays the champion ({faults})"
    else:
        verdict = f"{model.name} is the champion: {figures}"
    return Decision(model.name, rival.name, not failed, verdict, checks, difference, data)


def _better(
    gold: metrics.IntArray, probs: Sequence[metrics.FloatArray], groups: Sequence[str], alpha: float
) -> tuple[Check, Mapping[str, float] | None]:
    name = "dev macro-F1, chance of no gain"
    k = probs[0].shape[1]
    predicted = [found.argmax(axis=1) for found in probs]
    scores = [metrics.macro_f1(gold, labels, k) for labels in predicted]
    if len(scores) == 1:
        return Check(name, scores[0], None, None, alpha, None), None
    found = metrics.paired_difference(gold, predicted[0], predicted[1], k, groups=groups)
    passed = found["value"] > 0 and found["p"] < alpha
    return Check(name, scores[0], scores[1], found["p"], alpha, passed), found


def _challenges(systems: Sequence[Model], settings: Config) -> list[Check]:
    place = challenge_folder(settings.data.path)
    if place is None:
        return []
    sets = [challenge(system, place) for system in systems]
    return [
        _rise(
            f"challenge {capability}, rise of failures",
            [found[capability]["rate"] for found in sets],
            settings.promotion.challenge_margin,
        )
        for capability in sets[0]
    ]


def _swaps(model: Model, texts: Sequence[str], settings: Config) -> list[Check]:
    found = actor_swaps(model, texts, sentences=_SENTENCES, replacements=_REPLACEMENTS)
    enough = found["sentences"] >= FEWEST
    worst = found["actors"][found["worst"]]["shift"] if found["worst"] is not None else None
    limits = settings.promotion
    checks = []
    for name, figure, limit in (
        ("actor swaps, share of flips", found["flip_rate"], limits.actor_flips),
        ("actor swaps, mean shift", found["mean_shift"], limits.actor_shift),
        ("actor swaps, worst actor's shift", worst, limits.actor_worst),
    ):
        value = figure if enough else None
        passed = None if value is None else value <= limit
        checks.append(Check(name, value, None, value, limit, passed))
    return checks


def _rise(name: str, figures: Sequence[float], limit: float) -> Check:
    """Check that a figure of which less is better is not much higher than the champion's."""
    if len(figures) == 1:
        return Check(name, figures[0], None, None, limit, None)
    rise = figures[0] - figures[1]
    return Check(name, figures[0], figures[1], rise, limit, rise <= limit + 1e-9)


def _incumbent(models: Path, settings: TrackingConfig, run: tracking.Run) -> Path | None:
    """Return the champion to beat: the registry's, if its folder is here or can be had."""
    name = None if run.broken else tracking.registered_champion(settings)
    if name is None:
        return artifact.champion(models)
    here = models / name
    if here.is_dir():
        return here
    try:
        return tracking.download(f"models:/{settings.registered_model}@{tracking.ALIAS}")
    except ModelError as error:
        logger.warning("the registered champion cannot be fetched: %s", error)
        return artifact.champion(models)


@contextmanager
def _run_of(manifest: artifact.Manifest) -> Iterator[tracking.Run]:
    """Open the MLflow run that trained a model again, if it was tracked."""
    run_id = manifest.provenance["mlflow"]["run_id"]
    settings = _tracking(manifest)
    if run_id is None:
        settings = TrackingConfig(enabled=False)
    with tracking.run(settings, name=manifest.name, run_id=run_id) as run:
        yield run


def _tracking(manifest: artifact.Manifest) -> TrackingConfig:
    return restore(TrackingConfig, manifest.config["tracking"], where=manifest.name)
