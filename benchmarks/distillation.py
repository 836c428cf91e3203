"""What distillation buys: teachers and students of fewer layers, measured in one run.

    python benchmarks/distillation.py --teachers models/A models/B models/C

trains a student of each depth twice, taught and on the gold labels alone, from the same weights,
with `configs/distill.yaml`; prints macro-F1 on dev and test with 95 % intervals, what scoring needs
on disk, and sentences scored a second on one thread, all models by turns on the same sentences.
Without `--teachers`, trains `--seeds` of `configs/default.yaml` first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import stance
from numpy.typing import NDArray
from stance import artifact, metrics
from stance.config import Config
from stance.corpus import SPLITS, Corpus, load_configured

SPEED_SENTENCES = 500
SPEED_ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teachers", nargs="*", default=[], help="saved models; none: train some")
    parser.add_argument("--teacher-config", default="configs/default.yaml")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3], help="of new teachers")
    parser.add_argument("--config", default="configs/distill.yaml", help="of the students")
    parser.add_argument("--layers", type=int, nargs="*", default=[6, 3])
    parser.add_argument("--keep", type=Path, help="folder to keep the new models in")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value, in every training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        compare(options, options.keep or Path(scratch))


def compare(options: argparse.Namespace, output: Path) -> None:
    """Train what is not there yet, and print the table."""
    common = ["tracking.enabled=false", f"output={output}", *options.set]

    def train(config: str, *overrides: str) -> Path:
        return stance.train(config, [*common, *overrides]).folder

    teachers = [Path(name) for name in options.teachers] or [
        train(options.teacher_config, f"train.seed={seed}") for seed in options.seeds
    ]
    names = [str(folder) for folder in teachers]
    rows: dict[str, list[Path]] = {f"teacher {folder.name}": [folder] for folder in teachers}
    if teachers[1:]:
        rows[f"mean of {len(teachers)} teachers"] = teachers
    for layers in options.layers:
        depth = (f"encoder.layers={layers}", f"distill.teachers={names}")
        rows[f"student, {layers} layers, taught"] = [train(options.config, *depth)]
        # Weight 0: the same rows, steps and first weights, and the gold labels alone.
        gold = ("distill.weight=0", "distill.unlabelled=[]")
        rows[f"student, {layers} layers, gold alone"] = [train(options.config, *depth, *gold)]
    settings = stance.load_config(options.config, common)
    print_table(rows, *load_configured(settings, splits=SPLITS))


def print_table(rows: dict[str, list[Path]], settings: Config, corpus: Corpus) -> None:
    """Print a line for each model, or mean of models."""
    scored = {split: [row["text"] for row in corpus.rows(split)] for split in ("dev", "test")}
    speeds = sentences_a_second(rows, scored["test"][:SPEED_SENTENCES])
    print(f"{'':40}{'macro-F1 dev':>22}{'macro-F1 test':>22}{'MB':>7}{'sentences/s':>13}")
    for name, folders in rows.items():
        cells = ""
        for split, texts in scored.items():
            of_split = corpus.rows(split)
            gold = metrics.numbers([row["label"] for row in of_split], settings.labels)
            found = metrics.evaluate_predictions(
                gold,
                probabilities(folders, texts).argmax(axis=1),
                settings.labels,
                groups=[row["group"] for row in of_split],
            )["macro_f1"]
            cells += f"{found['value']:>8.3f} [{found['low']:.3f}, {found['high']:.3f}]"
        print(f"{name:40}{cells}{megabytes(folders):>7.1f}{speeds[name]:>13.0f}")


def probabilities(folders: Sequence[Path], texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean probabilities of models, shape (N, K)."""
    mean: NDArray[np.float64] = np.mean(
        [stance.load(folder).predict_proba(texts) for folder in folders], axis=0
    )
    return mean


def sentences_a_second(rows: dict[str, list[Path]], texts: Sequence[str]) -> dict[str, float]:
    """Return the best speed of each row over some rounds; in a round each has its turn.

    The best, since other processes can only slow a model down.
    """
    models = {name: [stance.load(f, threads=1) for f in folders] for name, folders in rows.items()}
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(SPEED_ROUNDS):
        for name, together in models.items():
            started = time.perf_counter()
            for model in together:
                model.predict_proba(texts)
            seconds[name].append(time.perf_counter() - started)
    return {name: len(texts) / min(times) for name, times in seconds.items()}


def megabytes(folders: Sequence[Path]) -> float:
    """Return the size of the files that scoring needs."""
    files = (artifact.ONNX, artifact.TOKENIZER, artifact.MANIFEST)
    return sum((folder / name).stat().st_size for folder in folders for name in files) / 1e6


if __name__ == "__main__":
    main()
