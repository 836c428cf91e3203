"""The moving average of the weights: its formula, and when it stands in for the weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from stance.encoder.averaging import RAW, WeightAverage


class Course:
    """A training of one weight that is set by hand, with the calls that `Trainer` makes."""

    def __init__(self, decay: float, *, step: int = 0, weight: float = 0.0) -> None:
        self.model = torch.nn.Linear(1, 1)
        self.model.bias.requires_grad_(False)
        torch.nn.init.constant_(self.model.weight, weight)
        self.average = WeightAverage(decay)
        self.state = SimpleNamespace(global_step=step)
        self.control = SimpleNamespace(should_evaluate=False, should_save=False)
        self.args = SimpleNamespace(output_dir="scratch", should_save=True)
        self._call("on_train_begin")

    def _call(self, name: str) -> None:
        getattr(self.average, name)(self.args, self.state, self.control, model=self.model)

    def step(self, weight: float) -> None:
        torch.nn.init.constant_(self.model.weight, weight)
        self.state.global_step += 1
        self._call("on_step_end")

    def end_epoch(self, *, save: bool) -> float:
        """Evaluate and perhaps save as `Trainer` does; return the weight that dev sees."""
        self.control.should_evaluate, self.control.should_save = True, save
        self._call("on_epoch_end")
        seen = self.model.weight.item()
        self.control.should_evaluate = False
        self._call("on_evaluate")
        if save:
            assert self.model.weight.item() == seen  # the checkpoint has the average
            self.control.should_save = False
            self._call("on_save")
        return seen


WEIGHTS = (1.0, -2.0, 4.0)


def formula(decay: float, weights: tuple[float, ...], start: float = 0.0) -> float:
    average = start
    for t, weight in enumerate(weights, start=1):
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * weight
    return average


@pytest.mark.parametrize("decay", [0.0, 0.2, 0.999])
@pytest.mark.parametrize("save", [True, False])
def test_dev_sees_the_average_and_training_goes_on_from_the_weights(
    decay: float, save: bool
) -> None:
    course = Course(decay)
    for weight in WEIGHTS:
        course.step(weight)
        assert course.model.weight.item() == weight
    assert course.end_epoch(save=save) == pytest.approx(formula(decay, WEIGHTS))
    assert course.model.weight.item() == WEIGHTS[-1]
    course.step(7.0)
    assert course.end_epoch(save=save) == pytest.approx(formula(decay, (*WEIGHTS, 7.0)))


def test_a_resumed_training_goes_on_as_if_not_interrupted() -> None:
    course = Course(0.5)
    for weight in WEIGHTS:
        course.step(weight)
    saved = course.end_epoch(save=True)
    raw = load_file(Path("scratch/checkpoint-3") / RAW)
    assert list(raw) == ["weight"]  # frozen ones are not averaged
    resumed = Course(0.5, step=3, weight=saved)
    assert resumed.model.weight.item() == WEIGHTS[-1]
    for going_on in (course, resumed):
        going_on.step(7.0)
    assert resumed.end_epoch(save=False) == course.end_epoch(save=False)


def test_only_the_first_process_writes() -> None:
    course = Course(0.5)
    course.args.should_save = False
    course.step(1.0)
    course.end_epoch(save=True)
    assert not Path("scratch").exists()


def test_a_look_at_dev_between_epochs_sees_the_average_too() -> None:
    course = Course(0.5)
    course.control.should_evaluate = True
    course.step(1.0)
    assert course.model.weight.item() == pytest.approx(formula(0.5, (1.0,)))
    course.control.should_evaluate = False
    course._call("on_evaluate")
    assert course.model.weight.item() == 1.0


def test_frozen_weights_are_left_alone() -> None:
    course = Course(0.5)
    bias: Any = course.model.bias
    before = bias.item()
    course.step(1.0)
    course.end_epoch(save=False)
    assert bias.item() == before
