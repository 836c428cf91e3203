"""The order of rows: random, by length within a batch, and the same whenever it is asked for."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from stance.encoder.batches import LengthGrouped

LENGTHS = [random.Random(row).randint(5, 60) for row in range(1003)]


def batches(sampler: LengthGrouped, size: int) -> list[list[int]]:
    rows = list(sampler)
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def epoch(number: int, *, seed: int = 1, size: int = 8, rows: int = 1003) -> list[list[int]]:
    return batches(LengthGrouped(LENGTHS[:rows], size, seed, lambda: number), size)


def test_each_epoch_has_every_row_once() -> None:
    for number in range(3):
        assert sorted(row for batch in epoch(number) for row in batch) == list(range(1003))


def test_order_depends_on_seed_and_epoch_alone() -> None:
    numbers = iter((0, 2))
    sampler = LengthGrouped(LENGTHS, 8, 1, lambda: next(numbers))
    list(sampler)
    assert batches(sampler, 8) == epoch(2)
    assert len({str(epoch(n, seed=s)) for n in range(3) for s in range(3)}) == 9


def test_little_is_padded_and_the_longest_batch_is_first() -> None:
    found = epoch(0)
    real = sum(LENGTHS)
    padded = sum(len(batch) * max(LENGTHS[row] for row in batch) for batch in found)
    unsorted = [list(range(1003))[i : i + 8] for i in range(0, 1003, 8)]
    blind = sum(len(batch) * max(LENGTHS[row] for row in batch) for batch in unsorted)
    assert padded < 1.06 * real < 1.5 * real < blind
    assert max(LENGTHS[row] for row in found[0]) == max(LENGTHS)


def test_long_and_short_batches_come_mixed() -> None:
    means = [sum(LENGTHS[row] for row in batch) / len(batch) for batch in epoch(0)]
    rising = sum(a < b for a, b in pairwise(means))
    assert 0.4 < rising / len(means) < 0.6


@pytest.mark.parametrize("rows", [1, 7, 8, 20])
def test_batches_of_a_small_corpus_differ_between_epochs(rows: int) -> None:
    compositions = set()
    for number in range(8):
        found = epoch(number, size=4, rows=rows)
        assert sorted(row for batch in found for row in batch) == list(range(rows))
        compositions.add(str(sorted(sorted(batch) for batch in found)))
    assert len(compositions) > 1 or rows == 1
