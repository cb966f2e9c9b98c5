"""The reverse question undoes the forward one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.demand.support import gpu_hours, shortage_at_epochs, supported
from models.errors import OutsideValidRange
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import DataConstrained

# Muennighoff et al. 2023, arXiv:2305.16264; digits from huggingface/datablations.
LAW = DataConstrained(
    Chinchilla(np.exp(6.255414), np.exp(7.3049974), np.exp(0.6254804), 0.3526596, 0.3526596),
    15.387756,
    5.309743,
)


@pytest.mark.parametrize(
    ("epochs", "shortage"), [(1.5783969, 1.5), (2.1815194, 2), (6.1909163, 5), (13.81593, 10)]
)
def test_shortage_is_that_of_the_published_optimum(epochs: float, shortage: float) -> None:
    """Optimal epochs by shortage, derived from arXiv:2305.16264 with two solvers."""
    assert shortage_at_epochs(LAW, epochs) == pytest.approx(shortage, rel=5e-3)


def test_one_epoch_supports_the_budget_for_which_tokens_just_suffice() -> None:
    found = supported(LAW, 1e13, 1.0)
    free = LAW.base.optimum(float(found.compute_flop))
    assert free.tokens == pytest.approx(1e13)
    assert found.optimum.epochs == pytest.approx(1)


@given(
    unique=st.floats(9, 15).map(lambda x: 10.0**x),
    epochs=st.floats(1.01, 60),
)
def test_the_best_split_of_the_supported_budget_reads_that_often(
    unique: float, epochs: float
) -> None:
    found = supported(LAW, unique, epochs)
    assert found.optimum.epochs == pytest.approx(epochs, rel=1e-6)
    assert found.optimum.tokens == pytest.approx(unique * epochs, rel=1e-6)
    assert 6 * found.optimum.params * found.optimum.tokens == pytest.approx(found.compute_flop)


@given(unique=st.floats(9, 15).map(lambda x: 10.0**x), more=st.floats(1, 10))
def test_more_tokens_support_more_compute(unique: float, more: float) -> None:
    less, richer = (supported(LAW, u, 4.0).compute_flop for u in (unique, unique * more))
    assert richer >= less * (1 - 1e-12)


def test_gpu_hours_by_hand() -> None:
    """3.8e25 FLOP at 38 to 43 % of 989.4e12 FLOP/s, the utilisation arXiv:2407.21783 reports."""
    hours = gpu_hours(3.8e25, 989.4e12, np.array([0.38, 0.43]))
    assert hours == pytest.approx([28.1e6, 24.8e6], rel=5e-3)


def test_nothing_supports_nothing() -> None:
    with pytest.raises(OutsideValidRange, match="unique is 0"):
        supported(LAW, 0.0, 4.0)
