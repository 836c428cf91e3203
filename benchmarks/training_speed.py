"""How fast training is beside the plain `Trainer` recipe, on the same data, machine and run.

    python benchmarks/training_speed.py --seeds 1 2 3

trains `configs/default.yaml` and the recipe that most fine-tuning scripts copy: the encoder's own
classifying head, every sentence padded to 128 tokens, batches of 16 in random order, all layers
free, AdamW at one rate. Both take turns, seed by seed. The table has sentences per second of the
processor in the training loop alone (without set-up, evaluation and checkpoints), so that what
else the machine does counts little; macro-F1 on dev; and their ratio and difference seed by seed:
mean ± standard deviation.

The plain recipe trains as many epochs, at the rate that `--rate` gives (5e-5 is the `Trainer`'s
own; 1e-4 does better on the project's corpus).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import stance
import torch
import transformers
from datasets import Dataset
from stance import metrics
from stance.config import Config, load_config
from stance.corpus import load_configured
from stance.encoder import fine_tune, locate
from stance.examples import examples
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer
from transformers.trainer import DEFAULT_CALLBACKS

CLOCK = time.perf_counter if torch.cuda.is_available() else time.process_time
Rows = Sequence[dict[str, Any]]
Recipe = Callable[[Config, Rows, Rows, Path], np.ndarray]


class Stopwatch(transformers.TrainerCallback):  # type: ignore[misc]
    """Counts the processor's seconds between the first step of an epoch and its last."""

    seconds = 0.0

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        Stopwatch.start = CLOCK()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        Stopwatch.seconds += CLOCK() - Stopwatch.start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/default.yaml")
    parser.add_argument("--rows", type=int, help="train on about this many [all]")
    parser.add_argument("--dev", type=int, help="measure on about this many [all]")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rate", type=float, default=5e-5, help="of the plain recipe")
    parser.add_argument("overrides", nargs="*", help="section.key=value, of ours")
    options = parser.parse_args()
    DEFAULT_CALLBACKS.append(Stopwatch)

    recipes: dict[str, Recipe] = {"plain": plain(options.rate), "stance": ours}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in recipes}
    for seed in options.seeds:
        fixed = ("train.early_stopping=1000", "train.checkpoint_minutes=1000")
        overrides = [*options.overrides, f"train.seed={seed}", *fixed]
        settings, corpus = load_configured(load_config(options.config, overrides))
        limit = options.rows
        train = corpus.limited(limit, seed=seed) if limit else corpus.rows("train")
        dev = corpus.rows("dev")
        dev = dev[:: max(1, len(dev) // (options.dev or len(dev)))]
        for name, recipe in recipes.items():
            found[name].append(measured(recipe, settings, train, dev))
            speed, f1 = found[name][-1]
            print(f"seed {seed} {name:7} {speed:7.1f} sentences/s, dev {f1:.3f}", flush=True)
    print(table(found, rows=len(train), dev=len(dev)))


def measured(recipe: Recipe, settings: Config, train: Rows, dev: Rows) -> tuple[float, float]:
    """Return sentences a second and macro-F1 on dev."""
    Stopwatch.seconds = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        logits = recipe(settings, train, dev, Path(scratch))
    gold = metrics.numbers([row["label"] for row in dev], settings.labels)
    f1 = metrics.macro_f1(gold, logits.argmax(axis=1), len(settings.labels))
    return len(train) * settings.train.epochs / Stopwatch.seconds, f1


def ours(settings: Config, train: Rows, dev: Rows, scratch: Path) -> np.ndarray:
    """Fine-tune as `stance train` does; return the logits on dev of the best epoch."""
    columns = {key: [row[key] for row in dev] for key in ("text", "label")}
    learned = Dataset.from_dict(examples(train, settings))
    return fine_tune(settings, learned, Dataset.from_dict(columns), scratch, _ignore).dev_logits


def plain(rate: float) -> Recipe:
    """Return the recipe that most scripts copy; it keeps its best epoch too."""

    def recipe(settings: Config, train: Rows, dev: Rows, scratch: Path) -> np.ndarray:
        transformers.set_seed(settings.train.seed)
        source = locate(settings.encoder.name)
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=len(settings.labels)
        )

        def rows(given: Rows) -> Dataset:
            texts = [row["text"] for row in given]
            encoded = tokenizer(texts, truncation=True, padding="max_length", max_length=128)
            gold = metrics.numbers([row["label"] for row in given], settings.labels)
            return Dataset.from_dict({**encoded, "labels": gold.tolist()})

        trainer = Trainer(
            model=model,
            args=transformers.TrainingArguments(
                output_dir=str(scratch),
                num_train_epochs=settings.train.epochs,
                per_device_train_batch_size=16,
                per_device_eval_batch_size=64,
                learning_rate=rate,
                eval_strategy="epoch",
                save_strategy="epoch",
                save_total_limit=1,
                load_best_model_at_end=True,
                metric_for_best_model="macro_f1",
                seed=settings.train.seed,
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=torch.cuda.is_available(),
            ),
            train_dataset=rows(train),
            eval_dataset=rows(dev),
            compute_metrics=lambda output: {
                "macro_f1": metrics.macro_f1(
                    output.label_ids, output.predictions.argmax(-1), len(settings.labels)
                )
            },
        )
        trainer.train()
        return np.asarray(trainer.predict(trainer.eval_dataset).predictions)

    return recipe


def _ignore(step: int, figures: dict[str, float]) -> None:
    """Nobody listens."""


def table(found: dict[str, list[tuple[float, float]]], *, rows: int, dev: int) -> str:
    """Return the means and standard deviations, and ratio and difference seed by seed."""
    pairs = list(zip(found["stance"], found["plain"], strict=True))
    ratios = [a[0] / b[0] for a, b in pairs]
    gains = [a[1] - b[1] for a, b in pairs]
    head = (
        f"stance {stance.__version__}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads of {os.cpu_count()}; {rows} sentences to train on, "
        f"{dev} to measure by, {len(pairs)} seeds"
    )
    lines = [head, "", f"{'':8}{'sentences/s':>18}{'macro-F1 on dev':>20}"]
    for name, figures in found.items():
        speeds, f1s = zip(*figures, strict=True)
        lines.append(f"{name:8}{spread(speeds, 1):>18}{spread(f1s, 3):>20}")
    lines.append(f"{'':8}{'× ' + spread(ratios, 2):>18}{spread(gains, 3, sign='+'):>20}")
    return "\n".join(lines)


def spread(values: Sequence[float], digits: int, *, sign: str = "") -> str:
    """Return `mean ± sd`."""
    sd = statistics.stdev(values) if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):{sign}.{digits}f} ± {sd:.{digits}f}"


if __name__ == "__main__":
    main()
