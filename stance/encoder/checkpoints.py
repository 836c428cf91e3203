"""Checkpoints of a training: when they are made, which of them are whole, where it goes on."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerState
from transformers.trainer_callback import TrainerControl
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from stance import artifact
from stance.encoder import team

STATE = "trainer_state.json"
"""File of a checkpoint with the step, the history and what the callbacks remember."""


def latest(folder: Path) -> Path | None:
    """Return the last whole checkpoint in a folder, and remove what a kill left half-written."""
    found = sorted(folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=step)
    whole = [path for path in found if artifact.is_sealed(path)]
    for path in found:
        if path not in whole:
            artifact.discard(path)
    return whole[-1] if whole else None


def step(checkpoint: Path) -> int:
    """Return how many steps were done at a checkpoint."""
    return int(checkpoint.name.rpartition("-")[2])


def place(folder: Path) -> str:
    """Say where a training with checkpoints in this folder goes on."""
    last = latest(folder)
    return f"from step {step(last)}" if last else "from the start: there was no checkpoint yet"


def ended(state: TrainerState) -> bool:
    """Return whether training had come to its end, the last step or an early stop."""
    control = state.stateful_callbacks[TrainerControl.__name__]["args"]
    return bool(control["should_training_stop"]) or state.global_step >= state.max_steps


class Checkpoints(TrainerCallback):  # type: ignore[misc]
    """Makes a checkpoint from time to time, seals each, and keeps the last one and the best.

    That is besides the one after each epoch. Only where the loss is logged, so that what is logged
    later does not depend on when it was; never at the end of an epoch, where the one with its
    figures is about to be made.

    Args:
        minutes: Least time between two.
        stop: Whether training is to stop: then a last one is made, and KeyboardInterrupt raised.
    """

    def __init__(self, minutes: float, stop: StopRequest) -> None:
        self._seconds = 60 * minutes
        self._stop = stop
        self._last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= state.max_steps or float(state.epoch).is_integer():
            return
        if args.world_size > 1 and not control.should_log:
            return  # several processes must agree, and not at every step
        due = control.should_log and time.monotonic() - self._last >= self._seconds
        due, self._stop.signal = map(int, team.most(due and args.should_save, self._stop.signal))
        if due or self._stop.signal:
            control.should_log = control.should_save = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_log = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        (number,) = team.most(self._stop.signal)  # by now every process has written its part
        self._stop.signal = int(number)
        if args.should_save:
            self._keep(Path(args.output_dir), state)
        self._last = time.monotonic()
        self._stop.obey()

    def _keep(self, folder: Path, state: Any) -> None:
        new = folder / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        artifact.seal(new)
        best = state.best_model_checkpoint
        kept = {new, Path(best) if best else new}
        for old in set(folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*")) - kept:
            artifact.discard(old)


class StopRequest:
    """A request to stop, by SIGINT or SIGTERM, that waits until a checkpoint was made.

    Attributes:
        signal: Which signal it was; 0 if there was none.
    """

    IMPATIENT = 2.0
    """Seconds after which another Ctrl-C stops at once; earlier it is the same one, heard twice."""

    def __init__(self) -> None:
        self.signal = 0
        self._when = 0.0

    def obey(self) -> None:
        """Raise KeyboardInterrupt, or SystemExit after SIGTERM, if there was a request."""
        if self.signal == signal.SIGTERM:
            raise SystemExit(128 + self.signal)
        if self.signal:
            raise KeyboardInterrupt

    def __call__(self, number: int, frame: Any) -> None:
        """Take note of a signal."""
        now = time.monotonic()
        if not self.signal:
            self.signal, self._when = number, now
        elif number == signal.SIGINT and now - self._when > self.IMPATIENT:
            raise KeyboardInterrupt


@contextmanager
def stopping() -> Iterator[StopRequest]:
    """Listen for SIGINT and SIGTERM while the block runs, if this is the main thread.

    A signal that is ignored, as in a job of a script that runs on in the background, stays so.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, request)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
