"""Fine-tunes a transformer encoder with the Hugging Face `Trainer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray
from safetensors.torch import load_file
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    ProgressCallback,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import SAFE_WEIGHTS_NAME

from stance import processes
from stance.config import Config, TrainConfig
from stance.encoder.averaging import WeightAverage
from stance.encoder.checkpoints import STATE, Checkpoints, ended, stopping
from stance.encoder.layers import merge_adapters, optimizer, prepare
from stance.encoder.losses import ClassificationTrainer
from stance.encoder.model import Classifier, load_pretrained, quiet
from stance.metrics import PRIMARY, confusion, figures
from stance.schema import ConfigError

OnLog = Callable[[int, dict[str, float]], None]
"""Called with the global step and the figures, at each log and each evaluation on dev."""


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
    tokenizer, model = load_pretrained(config)
    prepare(model, config.encoder, settings)
    # The tensor cores of a GPU want multiples of 8; a CPU only has more to do.
    multiple = 8 if torch.cuda.is_available() else None
    collator = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=multiple)
    listener = _Listener(on_log)
    dev_rows = _tokenized(dev, tokenizer, config)
    by_length = np.argsort(dev_rows["length"][:], kind="stable")
    with quiet(), stopping() as stop:
        trainer = ClassificationTrainer(
            settings,
            model=model,
            args=_arguments(settings, scratch),
            data_collator=collator,
            train_dataset=_tokenized(train, tokenizer, config),
            eval_dataset=dev_rows.select(by_length),
            compute_metrics=_dev_figures,
            callbacks=[
                listener,
                EarlyStoppingCallback(settings.early_stopping),
                Checkpoints(settings.checkpoint_minutes, stop),
                *_ema(settings),
            ],
            optimizers=(optimizer(model, settings), None),
        )
        trainer.remove_callback(ProgressCallback)
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.add_callback(_Bar)
        # Each process has dropout of its own; the weights and the order of rows are the same.
        torch.manual_seed(settings.seed + trainer.args.process_index)
        _train(trainer, resume)
        logits = trainer.predict(trainer.eval_dataset).predictions[np.argsort(by_length)]
        stop.obey()
        # Mixed precision lives in a wrapper that would be exported too, and not every runtime
        # knows its half-width products.
        model = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    merge_adapters(model)
    return FineTuned(
        model.eval().cpu(),
        tokenizer,
        np.asarray(logits, dtype=float),
        [_entry(logs) for logs in trainer.state.log_history],
    )


def _arguments(settings: TrainConfig, scratch: Path) -> TrainingArguments:
    share, rest = divmod(settings.batch_size, processes.count())
    if rest:
        raise ConfigError(
            f"train.batch_size: {settings.batch_size} rows cannot be dealt out evenly to "
            f"{processes.count()} processes; choose a multiple"
        )
    arguments = TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=share,
        per_device_eval_batch_size=max(64, settings.batch_size),
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup_ratio,
        lr_scheduler_type=settings.schedule,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="steps",
        logging_steps=10,
        restore_callback_states_from_checkpoint=True,
        load_best_model_at_end=True,
        metric_for_best_model=PRIMARY,
        gradient_accumulation_steps=settings.gradient_accumulation,
        torch_compile=settings.compile,
        **precision(settings.precision),
        remove_unused_columns=False,  # the loss reads columns that the model does not
        label_names=["labels"],
        seed=settings.seed,
        report_to="none",
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    # A process has one device, or a batch would grow with the GPUs of the machine.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def _train(trainer: ClassificationTrainer, checkpoint: Path | None) -> None:
    """Train to the end, and put the weights of the best epoch in place."""
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(checkpoint / STATE))
        if ended(state):  # killed between its last step and the saving of the model
            best = Path(state.best_model_checkpoint) / SAFE_WEIGHTS_NAME
            trainer.model.load_state_dict(load_file(best))
            trainer.state = state
            return
    trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))


def precision(name: str) -> dict[str, bool]:
    """Return the arguments of mixed precision: fp32 weights, half-width matrix products."""
    gpu = torch.cuda.is_available()
    if name == "auto":
        name = "bf16" if fast_bf16() else "fp32"
    if name == "fp16" and not gpu:
        raise ConfigError(
            "train.precision: fp16 needs a CUDA GPU, and there is none here; use fp32 (or bf16, "
            "which also runs on a CPU)"
        )
    # Without a GPU, both bf16 and several processes have to be told that it is the CPU they run on.
    cpu = not gpu and (name == "bf16" or processes.count() > 1)
    return {"bf16": name == "bf16", "fp16": name == "fp16", "use_cpu": cpu}


def fast_bf16() -> bool:
    """Tell whether this machine multiplies bf16 faster than fp32: a recent GPU, a CPU with AMX."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # A CPU that only emulates it, or lacks tiles for it, is slower than with fp32. Older torch
    # cannot tell.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16"))


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


def _entry(logs: dict[str, float]) -> dict[str, float]:
    """Name what the `Trainer` logs as everywhere in this package."""
    named = {
        key.replace("eval_", "dev/") if key.startswith("eval_") else f"train/{key}": float(value)
        for key, value in logs.items()
        if isinstance(value, (int, float)) and key not in ("epoch", "step")
    }
    return {"step": float(logs["step"]), "epoch": float(logs["epoch"]), **named}


class _Listener(TrainerCallback):  # type: ignore[misc]
    """Passes on what is logged."""

    def __init__(self, on_log: OnLog) -> None:
        self._on_log = on_log

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        entry = _entry(state.log_history[-1])
        step, _ = entry.pop("step"), entry.pop("epoch")
        self._on_log(int(step), entry)


class _Bar(ProgressCallback):  # type: ignore[misc]
    """A bar with the time left, and one readable line an epoch instead of raw dictionaries."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.training_bar is None or not logs or "eval_loss" not in logs:
            return
        f1 = logs.get(f"eval_{PRIMARY}")
        figures = (
            "" if f1 is None else f"dev macro-F1 {f1:.3f}, "
        ) + f"loss {logs['eval_loss']:.3f}"
        self.training_bar.write(f"· epoch {logs['epoch']:g}: {figures}")
