"""In what order rows are learned from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

POOL = 50
"""Most batches' worth of rows that are sorted by length together: more pad less, fewer mix better.
There are four pools at least, or the batches of a small corpus would be the same in each epoch."""


class LengthGrouped(torch.utils.data.Sampler[int]):
    """Rows in random order, those of a batch of about the same length, the longest batch first.

    The order is a function of the seed and the epoch alone: a training that goes on in the middle
    of an epoch, or in another number of processes, sees the same rows in the same steps.

    Args:
        lengths: Tokens of each row.
        batch_size: Rows of a step, over all processes and accumulated batches.
        seed: Of the order.
        epoch: Says which epoch it is, when its order is asked for. Told it by `set_epoch`, a
            sampler of several processes that go on within an epoch would not hear of it.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, seed: int, epoch: Callable[[], int]
    ) -> None:
        self._lengths = lengths
        self._size = batch_size
        self._seed = seed
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self._seed + 1_000_003 * self._epoch())
        rows = torch.randperm(len(self), generator=draw).tolist()
        size = self._size * min(POOL, max(1, len(self) // (4 * self._size)))
        pools = [rows[i : i + size] for i in range(0, len(self), size)]
        # Shortest last, so that a batch that is not full costs least.
        rows = [row for pool in pools for row in sorted(pool, key=self._length, reverse=True)]
        batches = [rows[i : i + self._size] for i in range(0, len(self), self._size)]
        full = len(self) // self._size
        order = torch.randperm(full, generator=draw).tolist()
        # The longest first, so that too little memory shows at once.
        order.sort(key=lambda batch: self._length(batches[batch][0]) < max(self._lengths))
        yield from (row for batch in order for row in batches[batch])
        yield from (row for batch in batches[full:] for row in batch)

    def _length(self, row: int) -> int:
        return self._lengths[row]
