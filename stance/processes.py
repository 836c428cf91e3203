"""Which of several processes this is, as torchrun and `accelerate launch` tell each."""

from __future__ import annotations

import os


def count() -> int:
    """Return how many processes work at one training; 1 if this one is alone."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def first() -> bool:
    """Return whether this is the process that speaks, writes and logs for all of them."""
    return count() == 1 or int(os.environ.get("RANK") or 0) == 0
