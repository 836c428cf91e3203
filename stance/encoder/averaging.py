"""An exponential moving average of the weights, which is what is judged and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

RAW = "raw.safetensors"
"""File of a checkpoint with the weights that are trained on, beside their average."""


class WeightAverage(TrainerCallback):  # type: ignore[misc]
    """Averages the trained weights θ over the steps t: a ← d·a + (1 − d)·θ.

    d = min(decay, (1 + t) / (10 + t)), as in TensorFlow's `ExponentialMovingAverage`: a short
    training would otherwise keep to its beginning. Dev is scored, and checkpoints are saved, with
    the average in place of the weights; a checkpoint has the weights themselves in a file of their
    own, from which a resumed training goes on.

    Frozen weights cost nothing; the others one pass over memory a step and twice their size.

    Args:
        decay: At least 0, less than 1.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._weights: dict[str, torch.Tensor] = {}
        self._average: dict[str, torch.Tensor] = {}
        self._swapped = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        trained = kwargs["model"].named_parameters()
        self._weights = {name: p.data for name, p in trained if p.requires_grad}
        self._average = {name: weight.clone() for name, weight in self._weights.items()}
        if state.global_step:
            raw = load_file(_checkpoint(args, state) / RAW)
            for name, weight in self._weights.items():
                weight.copy_(raw[name])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        decay = min(self._decay, (1 + state.global_step) / (10 + state.global_step))
        torch._foreach_lerp_(list(self._average.values()), list(self._weights.values()), 1 - decay)
        self._put_in(args, state, control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._put_in(args, state, control)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not control.should_save:
            self._take_out()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._take_out()

    def _put_in(self, args: Any, state: Any, control: Any) -> None:
        """Put the average in place if a look at dev or a checkpoint comes next."""
        if self._swapped or not (control.should_evaluate or control.should_save):
            return
        if control.should_save and args.should_save:
            # Before the rest of the checkpoint, so that one that looks whole has it.
            folder = _checkpoint(args, state)
            folder.mkdir(parents=True, exist_ok=True)
            save_file(self._weights, folder / RAW)
        self._swap()

    def _take_out(self) -> None:
        if self._swapped:
            self._swap()

    def _swap(self) -> None:
        for name, weight in self._weights.items():
            raw = weight.clone()
            weight.copy_(self._average[name])
            self._average[name].copy_(raw)
        self._swapped = not self._swapped


def _checkpoint(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
