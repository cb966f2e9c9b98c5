"""Repetition and synthetic gain: the law, its limits, and the cap on both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from models.errors import OutsideValidRange
from models.supply.multipliers import capped_product, harmful_repetition, law_repetition

epochs = st.floats(1, 1e4)
constants = st.floats(0.5, 100)


@given(epochs, constants)
def test_repetition_is_the_sum_of_decaying_passes(passes: float, r_star: float) -> None:
    """Second method: each further pass is worth e^(−r/R*), integrated."""
    worth, _ = quad(lambda r: np.exp(-r / r_star), 0, min(passes - 1, 60 * r_star), limit=200)
    seen = law_repetition(np.array([passes]), np.array([r_star]))[0]
    assert seen == pytest.approx(1 + worth, rel=1e-7)
    assert 1 <= seen <= min(passes, 1 + r_star) * (1 + 1e-12)


def test_repetition_below_one_pass_is_one() -> None:
    seen = law_repetition(np.array([0.2, 1.0]), np.array([15.387756, 15.387756]))
    assert seen.tolist() == [1.0, 1.0]


def test_four_epochs_are_nearly_fresh() -> None:
    """Muennighoff et al. 2023, arXiv:2305.16264: R* = 15.387756."""
    passes = np.array([2, 4, 8, 16, 40])
    seen = law_repetition(passes, np.full(5, 15.387756))
    assert seen == pytest.approx([1.9683, 3.7255, 6.6236, 10.5817, 15.1675], rel=1e-3)


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0.1, 100))
def test_cap_bounds_both_together(repetition: float, synthetic: float, cap: float) -> None:
    seen = capped_product(np.array([repetition]), np.array([synthetic]), cap)[0]
    assert seen == (repetition * synthetic if repetition * synthetic < cap else cap)


@given(
    st.floats(1, 100), st.floats(0.05, 1), st.floats(0, 1), st.floats(1, 3)
)  # fmt: skip
def test_repetition_that_hurts_against_a_search(
    epochs: float, exponent: float, harm: float, power: float
) -> None:
    """Second method: the best of many numbers of passes, by the equation."""
    # Close together near one pass, where harm that sets in at once has the best of them.
    passes = 1 + (epochs - 1) * np.linspace(0, 1, 4001) ** 3
    worth = (passes**-exponent + harm * (passes - 1) ** power) ** (-1 / exponent)
    (seen,) = harmful_repetition(*(np.array([x]) for x in (epochs, exponent, harm, power)))
    assert seen == pytest.approx(worth.max(), rel=1e-3)
    assert seen >= worth.max() * (1 - 1e-9)
    assert 1 - 1e-9 <= seen <= epochs * (1 + 1e-9)


def test_harm_without_bound_is_refused() -> None:
    one = np.ones(1)
    with pytest.raises(OutsideValidRange, match=r"power of harmful repetition is 0\.5"):
        harmful_repetition(4 * one, 0.35 * one, one, 0.5 * one)
