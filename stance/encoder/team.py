"""Several processes at one training: how they meet, agree, and end together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import distributed
from torch._C._distributed_c10d import TCPStore

from stance import processes
from stance.schema import TeamError

PATIENCE = timedelta(days=1)
"""How long a process waits for the others: the first saves and logs while they do. One that ends is
noticed at once, by its closed connections."""


@contextmanager
def joined() -> Iterator[None]:
    """Meet the other processes of this training; alone, do nothing.

    Raises:
        TeamError: If another of them ends before the block does.
    """
    if processes.count() == 1:
        yield
        return
    if not distributed.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK") or 0))
        distributed.init_process_group(timeout=PATIENCE)  # gloo, and nccl where there are GPUs
    try:
        yield
    except RuntimeError as error:
        if not _is_loss(error):
            raise
        raise TeamError(
            "another process of this training has ended, and so does this one; once what ended "
            "it is mended, give the same command again: it goes on from the last checkpoint"
        ) from error


def from_first(value: Any = None) -> Any:
    """Return what the first process passes, in every process."""
    if processes.count() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def most(*numbers: float) -> list[float]:
    """Return the largest that any process passes of each number. None goes on before all came."""
    if processes.count() == 1:
        return list(numbers)
    box = torch.tensor(numbers, dtype=torch.float64)
    distributed.all_reduce(box, op=distributed.ReduceOp.MAX)
    found: list[float] = box.tolist()
    return found


def speaks() -> bool:
    """Return whether this process is the first to have something to say of the end of all."""
    if processes.count() == 1:
        return True
    try:
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = TCPStore(*place, is_master=False, timeout=timedelta(seconds=5))
        return int(store.add(f"stance/{attempt}/ends", 1)) == 1
    except (KeyError, RuntimeError):  # nobody left to ask
        return processes.first()


def _is_loss(error: RuntimeError) -> bool:
    """Return whether an error says that another process is gone."""
    lost = ("gloo/transport", "Connection closed by peer", "Connection reset by peer")
    return isinstance(error, distributed.DistError) or any(each in str(error) for each in lost)
