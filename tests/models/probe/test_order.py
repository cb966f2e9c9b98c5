"""The data order is a function of seed and step, and every epoch reads every window once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import OutsideValidRange
from models.probe.order import DataOrder, cut


@given(
    unique=st.integers(8, 400), batch=st.integers(1, 9), epochs=st.floats(1, 5),
    seed=st.integers(0, 2**32),
)  # fmt: skip
def test_every_epoch_reads_every_window_once(
    unique: int, batch: int, epochs: float, seed: int
) -> None:
    order = DataOrder(unique, 4, min(batch, unique // 4), epochs, seed)
    read = np.concatenate([order.windows_of(step) for step in range(order.steps)])
    assert order.tokens == read.size * 4
    assert order.tokens <= epochs * unique + 1e-6
    for first in range(0, read.size - order.windows + 1, order.windows):
        assert sorted(read[first : first + order.windows]) == list(range(order.windows))
    assert order.unique_read == np.unique(read).size * 4


def test_epochs_differ_and_seeds_differ() -> None:
    first = DataOrder(4000, 4, 1000, 2, 0)
    assert not np.array_equal(first.windows_of(0), first.windows_of(1))
    assert not np.array_equal(first.windows_of(0), DataOrder(4000, 4, 1000, 2, 1).windows_of(0))


def test_windows_carry_their_next_token() -> None:
    windows = cut(np.arange(13, dtype=np.int32), np.array([2, 0]), 4)
    assert windows.tolist() == [[8, 9, 10, 11, 12], [0, 1, 2, 3, 4]]
    assert windows.dtype == np.int64


def test_runs_without_a_step_are_refused() -> None:
    with pytest.raises(OutsideValidRange, match="less than one window"):
        DataOrder(10, 16, 1, 1, 0)
    with pytest.raises(OutsideValidRange, match="fill no batch"):
        DataOrder(64, 16, 8, 1, 0)
