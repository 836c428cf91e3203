"""Our figures beside published ones, on corpora with label sets of their own.

    python benchmarks/published.py fomc     # hawkish, dovish, neutral: the three published splits
    python benchmarks/published.py cameo    # five classes of political events, 5 folds of train

trains with `configs/fomc.yaml` or `configs/cameo.yaml` and prints a table. Settings are chosen by

    python benchmarks/published.py fomc --choose

which trains every row of `CANDIDATES` on folds of one train file and measures it on the fold left
out, with the paired bootstrap interval of its gain over the first row; whole sentences of the
transcripts are held out, and no test file is opened. `default --choose`
does so with `configs/default.yaml` on the project's own training sentences, whole families held
out. `--only NAME ...` takes some rows, `--folds 0 1` some folds, `--rows 2000` as many sentences,
`--alone` leaves out what the configuration has beside the published ones, `--set train.epochs=2`
changes every row, `--teachers 3` distils as many trainings with other seeds into each model. Each
training is kept in `reports/published.jsonl`: an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import stance
from stance import metrics
from stance.config import CutConfig
from stance.corpus import load_corpus
from stance.corpus.public import public_rows
from stance.corpus.uncut import cut_by_group, same_text

Row = dict[str, Any]
Splits = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a training says of held-out rows: figures, and numbers of labels row by row."""

    figures: dict[str, float]
    gold: list[int]
    predicted: list[int]


SEEDS = (5768, 78516, 944601)
"""The published splits of FOMC Combined-S; the name of one is the seed that drew it."""

SOURCES = {"fomc": f"public:fomc/{SEEDS[0]}", "cameo": "public:cameo-penta", "default": "data"}
"""What `--choose` draws its folds from."""

PUBLISHED = {
    "fomc": (
        ("weighted F1 on the test files, mean (sd) over the three published splits", ""),
        ("BERT-base", "0.636 (0.023)"),
        ("RoBERTa-base", "0.698 (0.010)"),
        ("RoBERTa-large", "0.711 (0.011)"),
        ("GPT-4, zero-shot", "0.676 (0.006)"),
        ("  Shah, Paturi & Chava (ACL 2023); GPT-4: arXiv 2305.16633; from their result files", ""),
    ),
    "cameo": (
        ("macro-F1 on the 451 sentences of the test file, mean (sd) over seeds", ""),
        ("ModernBERT-base", "0.870 (0.010)"),
        ("ConfliBERT", "0.895 (0.004)"),
        ("  from the results in the repository ConfliBERT-v2; lr chosen on a dev split", ""),
    ),
}

CANDIDATES: dict[str, list[str]] = {
    "the configuration": [],
    "plain": ["train={epochs: 5, batch_size: 16, learning_rate: 5e-5, frozen: 1, seed: 13}"],
    "rate 1e-4": ["train.learning_rate=1e-4"],
    "rate 3e-4": ["train.learning_rate=3e-4"],
    "twice the epochs": ["train.epochs=8", "train.early_stopping=8"],
    "class weights": ["train.class_weights=balanced"],
    "focal loss": ["train.focal_gamma=2"],
    "label smoothing": ["train.label_smoothing=0.1"],
    "EMA": ["train.ema=0.99"],
    "R-Drop": ["train.r_drop=1"],
    "layer decay": ["train.layer_decay=0.8"],
    "top layer anew": ["train.reinitialized=1"],
    "nothing frozen": ["train.frozen=0"],
}
"""What `--choose` tries: changes to the configuration, one technique a row."""

OWN_CANDIDATES: dict[str, list[str]] = {
    "no teacher": ["distill.teachers=[]"],
    "labels alone, no votes": ["train.soft_labels=0"],
    "actors named": ["encoder.mask_actors=false"],
}
"""What it tries besides on the project's own sentences, which have votes and a teacher."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", choices=[*sorted(PUBLISHED), "default"])
    parser.add_argument("--choose", action="store_true", help="compare settings on train alone")
    parser.add_argument("--only", nargs="*", help="rows of --choose, by name")
    parser.add_argument("--rows", type=int, help="sentences that --choose draws [all]")
    parser.add_argument("--alone", action="store_true", help="nothing beside the corpus")
    parser.add_argument("--folds", type=int, nargs="*", default=list(range(5)))
    parser.add_argument("--seeds", type=int, nargs="*", default=[13], help="of each training")
    parser.add_argument("--teachers", type=int, default=0, help="seeds distilled into each model")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value for every row")
    parser.add_argument("--kept", type=Path, default=Path("reports/published.jsonl"))
    options = parser.parse_args()
    if options.corpus == "default" and not options.choose:
        parser.error("nothing is published on the project's own corpus: add --choose")
    study = Study(options)
    study.choose() if options.choose else study.compare()


class Study:
    """Trains, measures and prints one corpus."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.config = f"configs/{options.corpus}.yaml"
        self.figure = "weighted_f1" if options.corpus == "fomc" else "macro_f1"
        data = stance.load_config(self.config).data
        self.cut = data.cut
        # of our own, no test split of it read
        self.beside = [] if options.alone else [str(path) for path in data.path[1:]]
        lines = options.kept.read_text().splitlines() if options.kept.exists() else []
        entries = map(json.loads, lines)
        self.kept = {entry.pop("key"): Found(**entry) for entry in entries}

    def compare(self) -> None:
        """Print ours beside the published."""
        print("\n".join(f"{name:84}{value:>16}" for name, value in PUBLISHED[self.options.corpus]))
        if self.options.corpus == "fomc":
            found = [self.on_test(seed) for seed in SEEDS]
            self.line("ours, all-MiniLM-L6-v2 (22.7 M)", means(found, self.figure))
            self.line("  without test sentences that are in train", means(found, "without"))
        else:
            rows = train_rows(SOURCES["cameo"])
            found = [
                self.on_fold(f"cameo fold {number}", splits, [])
                for number, splits in self.chosen_folds(rows)
            ]
            self.line(
                f"ours, all-MiniLM-L6-v2 (22.7 M), {len(found)} folds of the train file",
                means(found, self.figure),
            )

    def choose(self) -> None:
        """Print a line for each candidate: held-out parts of one train file, paired by fold."""
        name = SOURCES[self.options.corpus]
        rows = train_rows(name, self.options.rows)
        print(f"{self.figure} on folds left out of {len(rows)} rows of the train part of {name}")
        held = list(self.chosen_folds(rows))
        groups = [row["group"] for _, splits in held for row in splits["test"]] * len(
            self.options.seeds
        )
        first: list[list[Found]] = []
        for candidate, changes in candidates(self.options.corpus).items():
            if self.options.only and candidate not in self.options.only:
                continue
            found = [self.on_fold(f"{name} fold {n}", splits, changes) for n, splits in held]
            first = first or found
            self.line(candidate, means(found, self.figure), self.gain(found, first, groups))

    def gain(self, found: list[list[Found]], first: list[list[Found]], groups: list[str]) -> str:
        """Say how far a candidate is above the first, over all folds and seeds."""
        if found is first:
            return ""
        ours, theirs = (
            [one for seed in zip(*of, strict=True) for one in seed] for of in (found, first)
        )
        gold, new, old = (
            np.array([number for one in of for number in getattr(one, what)])
            for of, what in ((ours, "gold"), (ours, "predicted"), (theirs, "predicted"))
        )
        k = int(gold.max()) + 1
        difference = metrics.paired_difference(gold, new, old, k, name=self.figure, groups=groups)
        return "  {value:+.3f} [{low:+.3f}, {high:+.3f}]".format(**difference)

    def chosen_folds(self, rows: list[Row]) -> Iterator[tuple[int, Splits]]:
        for number, splits in enumerate(folds(rows, self.cut)):
            if number in self.options.folds:
                yield number, splits

    def on_test(self, seed: int) -> list[Found]:
        """Train on a published split; measure on its test file, whole and without the repeats."""
        name = f"public:fomc/{seed}"
        known = {same_text(row["text"]) for row in public_rows("fomc", f"train-{seed}")}
        tests = load_corpus(name, labels=(), splits=("test",)).rows("test")
        fresh = [same_text(row["text"]) not in known for row in tests]
        return self.measured(name, [self.path(name)], tests, fresh)

    def on_fold(self, name: str, splits: Splits, changes: Sequence[str]) -> list[Found]:
        """Train on a fold's rest; measure on the fold."""
        with tempfile.TemporaryDirectory() as scratch:
            for split, part in splits.items():
                text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
                (Path(scratch) / f"{split}.jsonl").write_text(text, encoding="utf-8")
            held = splits["test"]
            return self.measured(
                name, [*changes, self.path(scratch)], held, [True] * len(held), key=changes
            )

    def path(self, source: str) -> str:
        """Return the setting that trains on a source and on what the configuration has beside."""
        return f"data.path=[{','.join([source, *self.beside])}]"

    def measured(
        self,
        name: str,
        changes: Sequence[str],
        rows: Sequence[Row],
        fresh: Sequence[bool],
        *,
        key: Sequence[str] = (),
    ) -> list[Found]:
        """Train with each seed and return the figures on rows, and on the fresh ones."""
        given = stance.load_config(self.config, [*key, *self.options.set])
        settings = given.model_dump_json(include={"train", "encoder", "distill", "data"})
        found = []
        for seed in self.options.seeds:
            mark = f"{name} seed {seed} {self.options.teachers} teachers {self.beside} "
            mark += f"{self.options.rows} rows {settings}"
            if mark not in self.kept:
                self.kept[mark] = self.trained(changes, seed, rows, fresh)
                self.options.kept.parent.mkdir(parents=True, exist_ok=True)
                with self.options.kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": mark, **asdict(self.kept[mark])}) + "\n")
            found.append(self.kept[mark])
        return found

    def trained(
        self, changes: Sequence[str], seed: int, rows: Sequence[Row], fresh: Sequence[bool]
    ) -> Found:
        with tempfile.TemporaryDirectory() as models:
            settings = [*changes, *self.options.set, f"train.seed={seed}", f"output={models}"]
            settings.append("tracking.enabled=false")

            def train(*more: str) -> Path:
                return stance.train(self.config, [*settings, *more], promote=False).folder

            taught_by = [
                str(train(f"train.seed={seed + number}"))
                for number in range(1, self.options.teachers + 1)
            ]
            if taught_by:
                settings.append(f"distill.teachers=[{','.join(taught_by)}]")
            model = stance.load(train())
            predicted = model.predict_proba([row["text"] for row in rows]).argmax(axis=1)
        gold = metrics.numbers([row["label"] for row in rows], model.labels)
        k = len(model.labels)
        whole = metrics.figures(metrics.confusion(gold, predicted, k))
        alone = metrics.figures(metrics.confusion(gold[list(fresh)], predicted[list(fresh)], k))
        names = ("weighted_f1", "macro_f1", "accuracy")
        named = {name: float(whole[name]) for name in names}
        named["without"] = float(alone[self.figure])
        return Found(named, gold.tolist(), predicted.tolist())

    def line(self, name: str, found: Sequence[float], gain: str = "") -> None:
        """Print mean (sd), each value, and the gain over the first row."""
        spread = f" ({statistics.stdev(found):.3f})" if len(found) > 1 else ""
        cells = "  ".join(f"{value:.3f}" for value in found)
        print(f"{name:84}{statistics.mean(found):.3f}{spread}  [{cells}]{gain}", flush=True)


def means(found: list[list[Found]], figure: str) -> list[float]:
    """Return a figure of each fold or split, the mean over its seeds."""
    return [statistics.mean(one.figures[figure] for one in seeds) for seeds in found]


def candidates(corpus: str) -> dict[str, list[str]]:
    """Return what is tried on a corpus."""
    return {**CANDIDATES, **(OWN_CANDIDATES if corpus == "default" else {})}


def train_rows(name: str, limit: int | None = None) -> list[Row]:
    """Return the train part of a corpus, each published sentence once; or about so many rows."""
    cut = CutConfig(dev=0.0, test=0.0) if name.startswith("public:") else CutConfig()
    corpus = load_corpus(name, labels=(), splits=("train",), cut=cut)
    return corpus.limited(limit, seed=0) if limit else corpus.rows("train")


def folds(rows: list[Row], cut: CutConfig, count: int = 5) -> Iterator[Splits]:
    """Yield each fold as test, and the rest cut into train and dev; whole groups everywhere."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels, groups = [row["label"] for row in rows], [row["group"] for row in rows]
    drawn = StratifiedGroupKFold(count, shuffle=True, random_state=cut.seed)
    for rest, held in drawn.split(rows, labels, groups):
        parts = cut_by_group([rows[i] for i in rest], cut.model_copy(update={"test": 0.0}))
        yield {**parts, "test": [rows[i] for i in held]}


if __name__ == "__main__":
    main()
