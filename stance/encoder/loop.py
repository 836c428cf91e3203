"""The loop that all trainings share: the Hugging Face `Trainer`, set up once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_model
from transformers import (
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import SAFE_WEIGHTS_NAME

from stance import processes
from stance.config import PretrainConfig, TaggerTrainConfig, TrainConfig
from stance.encoder.batches import LengthGrouped
from stance.encoder.checkpoints import STATE, Checkpoints, ended, stopping
from stance.encoder.model import quiet
from stance.metrics import PRIMARY
from stance.schema import ConfigError

OnLog = Callable[[int, dict[str, float]], None]
"""Called with the global step and the figures, at each log and each evaluation on dev."""


class LoopTrainer(Trainer):  # type: ignore[misc]
    """The Hugging Face `Trainer` with this package's order of rows; a subclass says the loss."""

    def epoch(self) -> int:
        """Return how many epochs are behind, at any time but the end of one."""
        return int(self.state.epoch or 0)

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGrouped:
        of_a_step = self.get_total_train_batch_size(self.args)
        lengths = self.train_dataset["length"][:]
        return LengthGrouped(lengths, of_a_step, self.args.seed, self.epoch)


Settings = TrainConfig | PretrainConfig | TaggerTrainConfig
Loop = TypeVar("Loop", bound=Trainer)


@contextmanager
def looping(
    make: Callable[..., Loop],
    settings: Settings,
    on_log: OnLog,
    *,
    callbacks: Sequence[TrainerCallback] = (),
    **options: Any,
) -> Iterator[Loop]:
    """Give a trainer that tells its figures, shows a bar, makes checkpoints, and stops when asked.

    Args:
        make: Makes the trainer of its options.
        settings: The seed, and how often a checkpoint is made.
        on_log: Told every figure as it comes; what it raises ends the training.
        callbacks: Further ones; the last may act on what the others wish.
        options: Of `Trainer`.
    """
    with quiet(), stopping() as stop:
        checkpoints = Checkpoints(settings.checkpoint_minutes, stop)
        trainer = make(callbacks=[_Listener(on_log), checkpoints, *callbacks], **options)
        trainer.remove_callback(ProgressCallback)
        trainer.remove_callback(PrinterCallback)
        bar = _Bar()
        trainer.add_callback(bar)
        if rank := trainer.args.process_index:
            # Each process has dropout of its own; the weights and the order of rows are the same.
            torch.manual_seed(settings.seed + rank)
        try:
            yield trainer
        finally:
            bar.close()
        stop.obey()


def run(trainer: Trainer, checkpoint: Path | None) -> None:
    """Train to the end, from a checkpoint if there is one; the model is then what is to be kept."""
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(checkpoint / STATE))
        if ended(state):  # killed between its last step and the saving of the model
            kept = Path(state.best_model_checkpoint or checkpoint)
            load_model(trainer.model, kept / SAFE_WEIGHTS_NAME)
            trainer.state = state
            return
    trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))


def arguments(settings: Settings, scratch: Path, **more: Any) -> TrainingArguments:
    """Return the arguments of `Trainer` that follow from the settings, and some more.

    Raises:
        ConfigError: If the processes cannot have equal shares of a batch, or the precision needs a
            GPU.
    """
    share, rest = divmod(settings.batch_size, processes.count())
    if rest:
        raise ConfigError(
            f"train.batch_size: {settings.batch_size} rows cannot be dealt out evenly to "
            f"{processes.count()} processes; choose a multiple"
        )
    found = TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=share,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup_ratio,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="steps",
        logging_steps=10,
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,  # losses and collators read columns that the model does not
        label_names=["labels"],
        seed=settings.seed,
        report_to="none",
        dataloader_pin_memory=torch.cuda.is_available(),
        **precision(settings.precision),
        **more,
    )
    # A process has one device, or a batch would grow with the GPUs of the machine.
    found._n_gpu = min(1, found.n_gpu)
    return found


def precision(name: str) -> dict[str, bool]:
    """Return the arguments of mixed precision: fp32 weights, half-width matrix products."""
    gpu = torch.cuda.is_available()
    if name == "auto":
        name = "bf16" if fast_bf16() else "fp32"
    if name == "fp16" and not gpu:
        raise ConfigError(
            "precision: fp16 needs a CUDA GPU, and there is none here; use fp32 (or bf16, "
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


def history(trainer: Trainer) -> list[dict[str, float]]:
    """Return all that was logged, named as everywhere in this package."""
    return [_entry(logs) for logs in trainer.state.log_history]


def _entry(logs: dict[str, float]) -> dict[str, float]:
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

    def close(self) -> None:
        """End the line of a bar that did not come to its end: why is told on the next."""
        for bar in (self.prediction_bar, self.training_bar):
            if bar is not None:
                bar.close()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.training_bar is None or not logs or "eval_loss" not in logs:
            return
        f1 = logs.get(f"eval_{PRIMARY}")
        figures = (
            "" if f1 is None else f"dev macro-F1 {f1:.3f}, "
        ) + f"loss {logs['eval_loss']:.3f}"
        self.training_bar.write(f"· epoch {logs['epoch']:g}: {figures}")
