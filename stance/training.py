"""Trains a model: corpus to a saved, tracked and, if it is the best, promoted model."""

from __future__ import annotations

import json
import logging
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stance import (
    artifact,
    distillation,
    export,
    metrics,
    processes,
    promotion,
    report,
    tracking,
    workspace,
)
from stance.calibration import described, learn
from stance.config import Config, load_config
from stance.corpus import Corpus, load_configured
from stance.examples import examples
from stance.promotion import Decision
from stance.schema import DataError
from stance.workspace import Workspace

if TYPE_CHECKING:
    from stance.encoder import FineTuned, OnLog

logger = logging.getLogger(__name__)

PACKAGES = ("stance", "torch", "transformers", "datasets", "scikit-learn", "mlflow", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Trained:
    """The outcome of a training.

    Attributes:
        folder: The saved model.
        dev: Figures on dev with intervals.
        decision: What the gate said of it; None if it was not asked.
        run_id: Its MLflow run; None if it was not tracked.
    """

    folder: Path
    dev: dict[str, Any]
    decision: Decision | None
    run_id: str | None

    @property
    def promoted(self) -> bool:
        """Whether it is the champion now."""
        return self.decision is not None and self.decision.promoted

    @property
    def verdict(self) -> str:
        """Why, in one line."""
        return "" if self.decision is None else self.decision.verdict


def train(
    config: Config | str | Path = "configs/default.yaml",
    overrides: Sequence[str] = (),
    *,
    name: str | None = None,
    promote: bool = True,
    again: bool = True,
    say: Callable[[str], None] = logger.info,
) -> Trained:
    """Fine-tune, calibrate, save, track, and promote if the gate lets it pass.

    Args:
        config: A configuration, or the path of one.
        overrides: `section.key=value` strings that win over the file.
        name: What the model is called, after the time; None takes the configuration's name.
        promote: Ask the gate whether it becomes the champion.
        again: Train even if the same training was finished before; else take its model.
        say: Told in a line what happens next.

    Returns:
        Where the model is and how good it is on dev.

    Raises:
        ConfigError: If the configuration is wrong.
        DataError: If the corpus is.
        ModelError: If the encoder cannot be loaded.
    """
    stem = "custom" if isinstance(config, Config) else Path(config).stem
    with _company():
        say = say if processes.first() else logger.debug
        settings, corpus, rows = _prepared(config, overrides, say)
        from stance.encoder import from_first

        if processes.first():
            call = (name or stem, settings, corpus, rows, say)
            trained: Trained = from_first(_lead(*call, promote=promote, again=again))
        else:
            checkpoints = from_first()
            if checkpoints is not None:
                fit(settings, corpus, rows, checkpoints, lambda step, figures: None)
            trained = from_first()
    return trained


def _company() -> AbstractContextManager[None]:
    """Meet the other processes, if there are any; torch is loaded for nothing less."""
    if processes.count() == 1:
        return nullcontext()
    from stance.encoder import joined

    return joined()


def _prepared(
    config: Config | str | Path, overrides: Sequence[str], say: Callable[[str], None]
) -> tuple[Config, Corpus, list[dict[str, Any]]]:
    """Return the settings, the corpus, and the rows to train on."""
    settings = config if isinstance(config, Config) else load_config(config, overrides)
    given = settings.labels
    settings, corpus = load_configured(settings)
    if settings.labels != given:
        say(f"labels, as found in the data: {', '.join(settings.labels)}")
    settings = distillation.resolved(settings)
    rows = training_rows(corpus, settings)
    say(f"corpus: {len(rows)} sentences to train on, {len(corpus.rows('dev'))} to choose by")
    return settings, corpus, distillation.taught(rows, settings, say=say)


def _lead(
    name: str,
    settings: Config,
    corpus: Corpus,
    rows: list[dict[str, Any]],
    say: Callable[[str], None],
    *,
    promote: bool,
    again: bool,
) -> Trained:
    """Train as the only process, or as the one that speaks, writes and logs for all."""
    from stance.encoder import from_first, speaks

    mark = workspace.fingerprint(settings, [rows, corpus.rows("dev")])
    finished = artifact.trained(settings.output, mark) if not again else None
    if finished is not None and not workspace.unfinished(settings.output, mark):
        from_first(None)
        say(f"{finished} is this training, finished before")
        manifest = artifact.read_manifest(finished)
        return Trained(finished, dict(manifest.dev), None, manifest.provenance["mlflow"]["run_id"])
    with workspace.opened(settings.output, mark, name=name) as work:
        _say_what_is_unfinished(work, say)
        run_id = work.run_id if tracking.exists(settings.tracking, work.run_id) else None
        try:
            with tracking.run(settings.tracking, name=work.name, run_id=run_id) as run:
                return _finish(work, settings, corpus, rows, run, say, promote=promote)
        except (KeyboardInterrupt, SystemExit):
            if speaks():
                say(f"stopped; the same command goes on {_place(work)}")
            raise


def _finish(
    work: Workspace,
    settings: Config,
    corpus: Corpus,
    rows: list[dict[str, Any]],
    run: tracking.Run,
    say: Callable[[str], None],
    *,
    promote: bool,
) -> Trained:
    """Do what is still to do of a training: after a kill, that is not all of it."""
    from stance.encoder import from_first

    if work.run_id == run.id:
        run.recall()
    work.note(run_id=run.id)
    folder = settings.output / work.name
    if from_first(None if folder.is_dir() else work.checkpoints) is not None:
        say(f"fine-tuning {settings.encoder.name}")
        tuned = fit(settings, corpus, rows, work.checkpoints, run.metrics)
        say("saving and exporting to ONNX")
        building = work.building()
        _save(settings, corpus, rows, tuned, building, work, run, say)
        building.rename(folder)
        say(f"saved {folder}")
    if not work.logged:
        run.folder(folder)
        work.note(logged=True)
    decision = promotion.settled(folder, settings, run) if promote and work.continued else None
    if decision is None and promote:
        say("promotion: holding the model against the champion")
        decision = promotion.promote(folder, settings=settings, corpus=corpus, run=run)
    return Trained(folder, dict(artifact.read_manifest(folder).dev), decision, run.id)


def _say_what_is_unfinished(work: Workspace, say: Callable[[str], None]) -> None:
    if work.continued:
        begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(work.begun))
        say(f"going on with {work.name}, begun {begun}, {_place(work)}")
    for other in workspace.others(work):
        say(f"unfinished beside it: {other}; go on by its command, or remove the folder")


def _place(work: Workspace) -> str:
    """Say where a training goes on."""
    from stance.encoder import place

    saved = (work.folder.parent / work.name).is_dir()
    return "from the saved model" if saved else place(work.checkpoints)


def training_rows(corpus: Corpus, settings: Config) -> list[dict[str, Any]]:
    """Return the rows to train on, in the order of the seed.

    Raises:
        DataError: If a label has no example to learn from or to be judged on.
    """
    limit = settings.data.train_limit
    rows = corpus.limited(limit, seed=settings.train.seed) if limit else corpus.rows("train")
    for split, found in (("train", rows), ("dev", corpus.rows("dev"))):
        missing = set(settings.labels) - {row["label"] for row in found}
        if missing:
            cut = split == "dev" and not all(path.is_dir() for path in settings.data.path)
            share = f" (data.cut.dev={settings.data.cut.dev:g} is the share of dev)"
            raise DataError(
                f"{_folders(settings)}: no {split} row is labelled {', '.join(sorted(missing))}; "
                f"a model cannot learn or be judged on a label without examples{share * cut}. "
                f"Label more, or train on a corpus with such rows too: data.path=[data,FOLDER]"
            )
    rows = list(rows)
    random.Random(settings.train.seed).shuffle(rows)
    return rows


def fit(
    settings: Config,
    corpus: Corpus,
    rows: list[dict[str, Any]],
    scratch: Path,
    on_log: OnLog,
) -> FineTuned:
    """Fine-tune on rows, judged on the corpus's dev; goes on from a checkpoint in `scratch`.

    Of several processes each calls it with the same rows.
    """
    from datasets import Dataset

    from stance.encoder import fine_tune, from_first, latest

    train_set = Dataset.from_dict(examples(rows, settings))
    dev_rows = corpus.rows("dev")
    dev_set = Dataset.from_dict({key: [row[key] for row in dev_rows] for key in ("text", "label")})
    resume = from_first(latest(scratch) if processes.first() else None)
    return fine_tune(settings, train_set, dev_set, scratch, on_log, resume=resume)


def _folders(settings: Config) -> str:
    return ", ".join(map(str, settings.data.path))


def _save(
    settings: Config,
    corpus: Corpus,
    rows: list[dict[str, Any]],
    tuned: FineTuned,
    folder: Path,
    work: Workspace,
    run: tracking.Run,
    say: Callable[[str], None],
) -> None:
    from stance import encoder

    dev_rows = corpus.rows("dev")
    groups = [row["group"] for row in dev_rows]
    distances = encoder.save(
        tuned,
        folder,
        train=[row["text"] for row in rows],
        dev=[row["text"] for row in dev_rows],
        max_length=settings.encoder.max_length,
    )
    gold = metrics.numbers([row["label"] for row in dev_rows], settings.labels)
    learnt = learn(
        gold,
        tuned.dev_logits,
        settings.labels,
        groups=groups,
        distances=distances,
        caution=settings.calibration.caution,
    )
    probs = learnt.confidence.probabilities(tuned.dev_logits)
    dev = metrics.evaluate_predictions(gold, probs.argmax(axis=1), settings.labels, groups=groups)
    manifest = artifact.Manifest(
        name=work.name,
        labels=settings.labels,
        poles=settings.poles,
        temperature=learnt.temperature,
        max_length=settings.encoder.max_length,
        config=settings.model_dump(mode="json"),
        data={
            "path": [str(folder) for folder in settings.data.path],
            "fingerprint": corpus.fingerprint,
            "rows": {"train": len(rows), "dev": len(dev_rows)},
            **distillation.lineage(rows, settings),
        },
        dev={
            **dev,
            "log_loss": metrics.log_loss(gold, np.log(np.maximum(probs, 1e-300))),
            "log_loss_uncalibrated": metrics.log_loss(gold, tuned.dev_logits),
        },
        confidence=described(learnt),
        provenance={
            **work.provenance(PACKAGES),
            "git_commit": _git_commit(),
            "layers": getattr(tuned.model.encoder.config, "kept_layers", None),
            "mlflow": {"run_id": run.id, "uri": run.uri},
        },
    )
    (folder / "run").mkdir()
    _write_run(folder / "run", settings, tuned, dev, gold)
    artifact.write_manifest(folder, manifest)
    texts = [row["text"] for row in dev_rows]
    export.check_fp32(folder, tuned, texts[:64])
    export.add_int8(folder, [row["text"] for row in rows], texts, gold, say=say)


def _write_run(
    folder: Path, settings: Config, tuned: FineTuned, dev: dict[str, Any], gold: metrics.IntArray
) -> None:
    from sklearn.metrics import classification_report

    (folder / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    lines = "".join(json.dumps(entry) + "\n" for entry in tuned.history)
    (folder / "history.jsonl").write_text(lines, encoding="utf-8")
    text = classification_report(
        gold,
        tuned.dev_logits.argmax(axis=1),
        labels=range(len(settings.labels)),
        target_names=settings.labels,
        digits=3,
        zero_division=0,
    )
    (folder / "dev_report.txt").write_text(text, encoding="utf-8")
    report.confusion_picture(dev["confusion"], settings.labels, folder / "dev_confusion.png")


def _git_commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
