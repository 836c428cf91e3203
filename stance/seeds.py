"""Trains one experiment with several seeds: what the settings give, and not what luck gave."""

from __future__ import annotations

import hashlib
import json
import logging
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stance import artifact, metrics, processes, tracking
from stance.config import Config, load_config
from stance.promotion import Decision, promote
from stance.schema import ConfigError
from stance.training import Trained, train

logger = logging.getLogger(__name__)

FIGURES = (metrics.PRIMARY, "weighted_f1", "accuracy")
_TAG = "stance.seeds"


@dataclass(frozen=True, slots=True)
class Seeds:
    """The outcome of a training with several seeds.

    Attributes:
        trained: The models, by seed.
        figures: Of each figure on dev, `mean` and `sd` (of the sample, n - 1) over the seeds.
        best: The seed with the highest macro-F1 on dev.
        decision: What the gate said of its model; None if that is the champion already.
        run_id: The parent MLflow run; None if it was not tracked.
    """

    trained: Mapping[int, Trained]
    figures: Mapping[str, Mapping[str, float]]
    best: int
    decision: Decision | None
    run_id: str | None

    def to_text(self) -> str:
        """Return a table: a line a seed, and mean ± sd."""
        lines = [f"{'seed':10}" + "".join(f"{name:>16}" for name in FIGURES) + "  model"]
        for seed, one in self.trained.items():
            cells = "".join(f"{one.dev[name]['value']:>16.3f}" for name in FIGURES)
            lines.append(f"{seed:<10}{cells}  {one.folder}")
        means = [f"{f['mean']:.3f} ± {f['sd']:.3f}" for f in self.figures.values()]
        lines.append(f"{'mean ± sd':10}" + "".join(f"{mean:>16}" for mean in means))
        return "\n".join(lines) + "\n"


def train_seeds(
    config: Config | str | Path = "configs/default.yaml",
    overrides: Sequence[str] = (),
    *,
    seeds: int | Sequence[int] = 3,
    say: Callable[[str], None] = logger.info,
) -> Seeds:
    """Train with several seeds; the best on dev goes through the gate.

    A seed whose training was finished before is not trained again, one that was killed is gone on
    with. All are children of one MLflow run, which a later call with more seeds goes on with. The
    best of several is flattered by the dev split that it is chosen by: report the mean.

    Args:
        config: A configuration, or the path of one.
        overrides: `section.key=value` strings that win over the file.
        seeds: How many, from `train.seed` on; or which.
        say: Told in a line what happens next.

    Raises:
        ConfigError: If the configuration is wrong, or there are fewer than two different seeds.
        DataError: If the corpus is wrong.
        ModelError: If the encoder cannot be loaded.
    """
    name = "custom" if isinstance(config, Config) else Path(config).stem
    settings = config if isinstance(config, Config) else load_config(config, overrides)
    first = settings.train.seed
    chosen = list(range(first, first + seeds)) if isinstance(seeds, int) else list(seeds)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise ConfigError(f"seeds: expected two or more different ones, found {chosen}")
    content = settings.model_dump(mode="json", exclude={"train": {"seed"}})
    mark = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    kept = tracking.tagged(settings.tracking, _TAG, mark)
    with tracking.run(settings.tracking, name=f"seeds {name}", run_id=kept) as parent:
        parent.tags({_TAG: mark})
        trained = {}
        for number, seed in enumerate(chosen, start=1):
            say(f"seed {seed}, {number} of {len(chosen)}")
            changed = settings.train.model_copy(update={"seed": seed})
            one = settings.model_copy(update={"train": changed})
            trained[seed] = train(
                one, name=f"{name}-seed{seed}", promote=False, again=False, say=say
            )
        figures = _figures(list(trained.values()))
        parent.figures("seeds/dev", {**figures, "n": len(trained)})
    best = max(trained, key=lambda seed: float(trained[seed].dev[metrics.PRIMARY]["value"]))
    folder = trained[best].folder
    decision = None
    if processes.first() and artifact.champion(folder.parent) != folder:
        say(f"promotion: holding the best, seed {best}, against the champion")
        decision = promote(folder)
    return Seeds(trained, figures, best, decision, parent.id)


def _figures(trained: Sequence[Trained]) -> dict[str, dict[str, float]]:
    found = {}
    for name in FIGURES:
        values = [float(one.dev[name]["value"]) for one in trained]
        found[name] = {"mean": statistics.mean(values), "sd": statistics.stdev(values)}
    return found
