"""Fine-tunes a transformer encoder with the Hugging Face `Trainer`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    TrainerCallback,
    TrainingArguments,
)

from stance.config import Config, TrainConfig
from stance.encoder.averaging import WeightAverage
from stance.encoder.layers import merge_adapters, optimizer, prepare
from stance.encoder.loop import OnLog, arguments, history, looping, run
from stance.encoder.losses import ClassificationTrainer
from stance.encoder.model import Classifier, load_pretrained
from stance.metrics import PRIMARY, confusion, figures


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A fine-tuned encoder, at its best epoch.

    Attributes:
        model: The classifier, in evaluation mode.
        tokenizer: Its tokenizer.
        dev_logits: Outputs on dev in row order, shape (N, K).
        history: One dictionary a log or evaluation, each with `step` and `epoch`.
    """

    model: Classifier
    tokenizer: Any
    dev_logits: NDArray[np.float64]
    history: list[dict[str, float]]


def fine_tune(
    config: Config,
    train: Dataset,
    dev: Dataset,
    scratch: Path,
    on_log: OnLog,
    *,
    resume: Path | None = None,
) -> FineTuned:
    """Fine-tune the configured encoder; keep the epoch with the best dev macro-F1.

    The same seed on the same machine gives the same weights, also if training was killed on the
    way and goes on from a checkpoint.

    Args:
        config: The experiment.
        train: Rows with `text`, `target` (a probability for each of `config.labels`) and `weight`.
        dev: Rows with `text` and `label` (a name) that choose the epoch and stop the training.
        scratch: Folder for checkpoints.
        on_log: Told every figure as it comes; what it raises ends the training.
        resume: Checkpoint of the same training to go on from (`latest`); None begins anew.

    Raises:
        ConfigError: If the encoder has fewer layers than named, or the precision needs a GPU.
        DependencyError: If adapters are wanted and peft is not installed.
        ModelError: If the encoder cannot be loaded.
    """
    settings = config.train
    transformers.set_seed(settings.seed)
    tokenizer, model = load_pretrained(config, train["text"])
    prepare(model, config.encoder, settings)
    # The tensor cores of a GPU want multiples of 8; a CPU only has more to do.
    multiple = 8 if torch.cuda.is_available() else None
    collator = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=multiple)
    dev_rows = _tokenized(dev, tokenizer, config)
    by_length = np.argsort(dev_rows["length"][:], kind="stable")
    with looping(
        partial(ClassificationTrainer, settings),
        settings,
        on_log,
        model=model,
        args=_arguments(settings, scratch),
        data_collator=collator,
        train_dataset=_tokenized(train, tokenizer, config),
        eval_dataset=dev_rows.select(by_length),
        compute_metrics=_dev_figures,
        callbacks=[EarlyStoppingCallback(settings.early_stopping), *_ema(settings)],
        optimizers=(optimizer(model, settings), None),
    ) as trainer:
        run(trainer, resume)
        logits = trainer.predict(trainer.eval_dataset).predictions[np.argsort(by_length)]
    # Mixed precision lives in a wrapper that would be exported too, and not every runtime knows
    # its half-width products.
    model = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    merge_adapters(model)
    return FineTuned(
        model.eval().cpu(),
        tokenizer,
        np.asarray(logits, dtype=float),
        history(trainer),
    )


def _arguments(settings: TrainConfig, scratch: Path) -> TrainingArguments:
    return arguments(
        settings,
        scratch,
        per_device_eval_batch_size=max(64, settings.batch_size),
        lr_scheduler_type=settings.schedule,
        load_best_model_at_end=True,
        metric_for_best_model=PRIMARY,
        gradient_accumulation_steps=settings.gradient_accumulation,
        torch_compile=settings.compile,
    )


def _ema(settings: TrainConfig) -> list[TrainerCallback]:
    """Return the averaging of weights, if wanted; the last callback, since it acts on the others'
    wish to evaluate or save."""
    return [WeightAverage(settings.ema)] if settings.ema else []


def _tokenized(rows: Dataset, tokenizer: Any, config: Config) -> Dataset:
    number = {label: i for i, label in enumerate(config.labels)}
    encoded = tokenizer(rows["text"][:], truncation=True, max_length=config.encoder.max_length)
    columns = dict(encoded)
    if "target" in rows.column_names:
        columns["labels"] = rows["target"][:]
        columns["weight"] = rows["weight"][:]
    else:
        columns["labels"] = [number[label] for label in rows["label"]]
    columns["length"] = [len(ids) for ids in encoded["input_ids"]]
    return Dataset.from_dict(columns)


def _dev_figures(output: Any) -> dict[str, float]:
    logits, gold = output.predictions, output.label_ids
    k = logits.shape[-1]
    found = figures(confusion(gold.astype(np.int64), logits.argmax(-1), k))
    return {name: float(found[name]) for name in ("macro_f1", "weighted_f1", "accuracy")}
