"""Searches for settings: trials of short trainings, the hopeless ones ended early, judged on dev.

A study is kept in a folder, and the same command goes on with it:

    tuning/NAME/
    ├── study.db     every trial (Optuna on sqlite)
    ├── trials.csv   the same as a table
    └── best.yaml    the best settings so far, a complete configuration

A trial never becomes a model. The best of many trials looks better on dev than it is, since it is
chosen by it; train its settings with other seeds before believing the figure.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stance import artifact, distillation, metrics, tracking, workspace
from stance.config import Config, Dimension, as_override, check, load_config
from stance.corpus import Corpus, load_configured
from stance.schema import ConfigError, StanceError, require
from stance.training import fit, training_rows

logger = logging.getLogger(__name__)

STUDIES = Path("tuning")
"""Folder of the studies, each in a folder with its configuration's name."""

_STUDY = "stance.study"
"""Tag of the parent run, by which a later call finds it."""
_DEV = f"dev/{metrics.PRIMARY}"
_AGAIN = 2
"""How often a trial is taken up that a process ended with: it may be what ended it."""
_FAULTS = 5
"""Trials in a row that fail before the search does."""
_STARTUP = 5
"""Trials before the first is ended early, and so compared with the median of those before."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search has found so far.

    Attributes:
        folder: The study's folder, with `best.yaml`.
        overrides: The best settings, as `section.key=value`.
        macro_f1: Their macro-F1 on dev, in [0, 1].
        trials: Every trial, as `trials.csv` has it: `trial`, `state`, `macro_f1` and settings.
        run_id: The parent MLflow run; None if it was not tracked.
    """

    folder: Path
    overrides: tuple[str, ...]
    macro_f1: float
    trials: tuple[Mapping[str, Any], ...]
    run_id: str | None

    def to_text(self) -> str:
        """Return the best trials as a table, and what to do next."""
        done = [trial for trial in self.trials if trial["state"] == "complete"]
        best = sorted(done, key=lambda trial: -float(trial["macro_f1"]))[:5]
        pruned = sum(trial["state"] == "pruned" for trial in self.trials)
        lines = [f"{len(done)} trials to the end, {pruned} ended early; the best on dev:"]
        for trial in best:
            settings = " ".join(as_override(k, v) for k, v in trial["settings"].items())
            lines.append(f"{trial['trial']:>5}  macro-F1 {trial['macro_f1']:.3f}  {settings}")
        lines += [
            "the best of many is flattered by dev; see what other seeds give:",
            f"stance train --seeds 3 --config {self.folder / 'best.yaml'}",
        ]
        return "\n".join(lines) + "\n"


class _Pruned(Exception):
    """A trial that is worse than the median of the others at the same epoch."""


class _TimeIsUp(Exception):
    """The time limit came in the midst of a trial."""


def tune(
    config: Config | str | Path = "configs/tune.yaml",
    overrides: Sequence[str] = (),
    *,
    space: str | Path | None = None,
    trials: int = 30,
    time_limit: float | None = None,
    seed: int = 13,
    output: str | Path | None = None,
    say: Callable[[str], None] = logger.info,
) -> Tuned:
    """Search for the settings with the best macro-F1 on dev; go on with a search begun before.

    The first trial is the configuration as it stands, if its settings are in the space. Settings
    are drawn by the tree-structured Parzen estimator (Bergstra et al. 2011), and a trial is ended
    after an epoch whose macro-F1 is under the median of the earlier trials at that epoch. Another
    configuration, space or corpus is another study.

    Args:
        config: A configuration, or the path of one.
        overrides: `section.key=value` strings that win over the file.
        space: A configuration file whose `tune` section is the space; None takes the own.
        trials: Trials in all, those of earlier calls included.
        time_limit: Minutes for this call; a trial that it cuts off is tried again by the next one.
        seed: Seed of the draws.
        output: Folder of the study; None takes `tuning/NAME`.
        say: Told in a line what happens.

    Raises:
        ConfigError: If the configuration or the space is wrong.
        DataError: If the corpus is.
        DependencyError: If Optuna is not installed.
        StanceError: If another process is at the same study, or no trial came to its end.
    """
    require("optuna", extra="tune", purpose="searching for settings")
    name = "custom" if isinstance(config, Config) else Path(config).stem
    settings = config if isinstance(config, Config) else load_config(config, overrides)
    if space is not None:
        dimensions = load_config(space).model_dump(mode="json")["tune"]
        content = {**settings.model_dump(mode="json"), "tune": dimensions}
        settings = check(Config, content, where=str(space))
    if not settings.tune:
        raise ConfigError(
            f"{space or config}: nothing to search, it has no `tune:` section; write one as in "
            f"configs/tune.yaml, or name a file that has one: --space configs/tune.yaml"
        )
    settings, corpus = load_configured(settings)
    folder = Path(output) if output is not None else STUDIES / name
    busy = f"{folder}: this search is under way already; wait, or name another output"
    with (
        artifact.locked(folder / "lock", busy=busy),
        workspace.full_disk_is_told(folder, "with the trial cut off"),
    ):
        search = _Search(settings, corpus, folder, seed, say)
        return search.run(name, trials, None if time_limit is None else 60 * time_limit)


class _Search:
    """A study and what its trials need."""

    def __init__(
        self, settings: Config, corpus: Corpus, folder: Path, seed: int, say: Callable[[str], None]
    ) -> None:
        self._base = settings.model_copy(update={"tune": {}})
        self._space = settings.tune
        self._corpus = corpus
        self._folder = folder
        self._say = say
        self._study = _study(settings, corpus, folder, seed)
        self._deadline = float("inf")
        self._faults = 0

    def run(self, name: str, trials: int, seconds: float | None) -> Tuned:
        """Try settings until there are `trials` trials or the time is up."""
        self._go_on(trials)
        self._deadline = time.monotonic() + (float("inf") if seconds is None else seconds)
        logged, study = self._base.tracking, self._study.study_name
        kept = tracking.tagged(logged, _STUDY, study)
        with tracking.run(logged, name=f"tune {name}", run_id=kept) as parent:
            parent.tags({_STUDY: study})
            while self._done() < trials and time.monotonic() < self._deadline:
                try:
                    self._trial(trials, parent)
                except _TimeIsUp:
                    self._say("the time is up; the same command goes on, with the trial cut off")
                    break
                except (KeyboardInterrupt, SystemExit):
                    self._say("stopped; the same command goes on, with the trial cut off")
                    raise
                self._write()
            return self._result(parent)

    def _done(self) -> int:
        return sum(state in ("complete", "pruned") for state in map(_state, self._study.trials))

    def _go_on(self, trials: int) -> None:
        """Take up the trials that were under way when an earlier process ended."""
        import optuna

        if not self._study.trials:
            own = _own_values(self._base, self._space)
            if own is not None:
                self._study.enqueue_trial(own)
            return
        for trial in self._study.trials:
            if _state(trial) == "running":
                self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
                again = trial.user_attrs.get("again", 0) + 1
                if again <= _AGAIN:
                    self._study.enqueue_trial(trial.params, user_attrs={"again": again})
        self._say(f"going on with {self._folder}: {self._done()} of {trials} trials are done")

    def _trial(self, trials: int, parent: tracking.Run) -> None:
        import optuna

        trial = self._study.ask(_distributions(self._space))
        drawn = _overrides(trial.params, self._space)
        states = optuna.trial.TrialState
        for old in self._study.get_trials(states=(states.COMPLETE, states.PRUNED)):
            if _overrides(old.params, self._space) == drawn:
                value = old.value if old.state == states.COMPLETE else None
                self._study.tell(trial, value, None if value is not None else old.state)
                self._say(f"trial {trial.number}: as trial {old.number}; {' '.join(drawn)}")
                return
        logged = self._base.tracking.model_copy(
            update={"enabled": self._base.tracking.enabled and not parent.broken}
        )
        started = time.monotonic()
        with tracking.run(logged, name=f"trial {trial.number}") as run:
            run.params(dict(override.split("=", 1) for override in drawn))
            try:
                value = self._value(trial, drawn, run)
            except _Pruned:
                self._study.tell(trial, state=states.PRUNED)
                outcome = "ended early"
            except (StanceError, RuntimeError, MemoryError) as error:
                if workspace.is_full_disk(error):
                    raise  # it is tried again
                self._study.tell(trial, state=states.FAIL)
                self._faults += 1
                if not self._done() or self._faults == _FAULTS:
                    raise  # it is not the draw that is wrong
                outcome = f"failed: {' '.join(str(error).split())[:200]}"
            else:
                self._faults = 0
                self._study.tell(trial, value)
                run.figures("best/dev", {metrics.PRIMARY: value})
                outcome = f"dev macro-F1 {value:.3f}"
            run.tags({"stance.trial": outcome})
        minutes = (time.monotonic() - started) / 60
        self._say(f"trial {trial.number}: {outcome}, {minutes:.1f} min; {' '.join(drawn)}")

    def _value(self, trial: Any, drawn: Sequence[str], run: tracking.Run) -> float:
        """Train with the settings drawn, and return the macro-F1 on dev of the best epoch."""
        settings = check(Config, self._base.model_dump(mode="json"), drawn, where="trial")
        settings = distillation.resolved(settings)
        epochs = 0

        def on_log(step: int, values: dict[str, float]) -> None:
            nonlocal epochs
            run.metrics(step, values)
            if _DEV in values:
                epochs += 1
                trial.report(values[_DEV], epochs)
                if trial.should_prune():
                    raise _Pruned
            if time.monotonic() > self._deadline:
                raise _TimeIsUp

        rows = distillation.taught(training_rows(self._corpus, settings), settings, say=self._say)
        with tempfile.TemporaryDirectory(prefix=".trial-", dir=self._folder) as scratch:
            tuned = fit(settings, self._corpus, rows, Path(scratch), on_log)
        gold = metrics.numbers([r["label"] for r in self._corpus.rows("dev")], settings.labels)
        return metrics.macro_f1(gold, tuned.dev_logits.argmax(axis=1), len(settings.labels))

    def _table(self) -> list[dict[str, Any]]:
        table = []
        for trial in self._study.trials:
            settings = _settings(trial.params, self._space) if trial.params else {}
            value = trial.value if _state(trial) == "complete" else None
            row = {"trial": trial.number, "state": _state(trial), "macro_f1": value}
            table.append({**row, "settings": settings})
        return table

    def _write(self) -> None:
        """Write the table, and the best settings so far as a configuration."""
        with (
            artifact.atomic(self._folder / "trials.csv") as path,
            path.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["trial", "state", "macro_f1", *self._space])
            for row in self._table():
                values = [row["settings"].get(key) for key in self._space]
                writer.writerow([row["trial"], row["state"], row["macro_f1"], *values])
        if not any(row["state"] == "complete" for row in self._table()):
            return
        best = self._study.best_trial
        drawn = _overrides(best.params, self._space)
        settings = check(Config, self._base.model_dump(mode="json"), drawn, where="best trial")
        target = self._folder / "best.yaml"
        head = (
            f"# stance train --config {target}\n"
            f"# The best of {self._done()} trials: macro-F1 {best.value:.3f} on dev, by which it "
            f"was chosen.\n"
        )
        with artifact.atomic(target) as path:
            path.write_text(head + settings.to_yaml(), encoding="utf-8")

    def _result(self, parent: tracking.Run) -> Tuned:
        table = self._table()
        if not any(row["state"] == "complete" for row in table):
            raise StanceError(
                f"{self._folder}: no trial has come to its end yet; the same command goes on, "
                f"with a longer --time-limit if the time was too short for one"
            )
        best = self._study.best_trial
        drawn = _overrides(best.params, self._space)
        parent.figures("best/dev", {metrics.PRIMARY: best.value})
        parent.tags({"stance.best": " ".join(drawn), "stance.trials": str(self._done())})
        for name in ("best.yaml", "trials.csv"):
            parent.artifacts(self._folder / name, "tune")
        return Tuned(self._folder, tuple(drawn), float(best.value), tuple(table), parent.id)


def _study(settings: Config, corpus: Corpus, folder: Path, seed: int) -> Any:
    """Open the study of this configuration, space and corpus, or begin it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    content = settings.model_dump(mode="json", exclude={"output", "tracking", "promotion"})
    mark = json.dumps([content, corpus.fingerprint], sort_keys=True)
    study = optuna.create_study(
        storage=f"sqlite:///{(folder / 'study.db').resolve()}",
        study_name=hashlib.sha256(mark.encode()).hexdigest()[:12],
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP),
    )
    # What was drawn before is not drawn again: a sampler does not remember how far it came.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


def _state(trial: Any) -> str:
    return str(trial.state.name).lower()


def _distributions(space: Mapping[str, Dimension]) -> dict[str, Any]:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    found: dict[str, Any] = {}
    for key, dimension in space.items():
        low, high = dimension.low, dimension.high
        if dimension.choices is not None:
            found[key] = CategoricalDistribution([_text(c) for c in dimension.choices])
        elif isinstance(low, int) and isinstance(high, int):
            found[key] = IntDistribution(low, high, log=dimension.log)
        else:
            found[key] = FloatDistribution(low, high, log=dimension.log)
    return found


def _settings(params: Mapping[str, Any], space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return the values that were drawn, by key."""
    found = {}
    for key, dimension in space.items():
        value = params[key]
        if dimension.choices is not None:
            value = next(c for c in dimension.choices if _text(c) == value)
        found[key] = float(f"{value:.4g}") if isinstance(value, float) else value
    return found


def _overrides(params: Mapping[str, Any], space: Mapping[str, Dimension]) -> list[str]:
    return [as_override(key, value) for key, value in _settings(params, space).items()]


def _own_values(settings: Config, space: Mapping[str, Dimension]) -> dict[str, Any] | None:
    """Return the configuration's own values, if all of them are in the space."""
    content = settings.model_dump(mode="json")
    found: dict[str, Any] = {}
    for key, dimension in space.items():
        value: Any = content
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if dimension.choices is not None:
            value = _text(value)
            inside = value in map(_text, dimension.choices)
        else:
            assert dimension.low is not None
            assert dimension.high is not None
            inside = isinstance(value, (int, float)) and dimension.low <= value <= dimension.high
        if not inside:
            return None
        found[key] = value
    return found


def _text(value: Any) -> str:
    """Return a choice as Optuna keeps it."""
    return json.dumps(value)
