"""Counts to tokens, and tokens through time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.supply.conversion import log_growth, raw_tokens, steady_growth

amounts = st.floats(1e-3, 1e3)


@given(amounts, st.lists(amounts, max_size=4), st.lists(amounts, max_size=4))
def test_conversion_adds_logarithms(count: float, times: list[float], per: list[float]) -> None:
    """Second method: sums of logarithms."""
    seen = raw_tokens(np.array([count]), map(np.array, times), map(np.array, per))
    expected = np.exp(np.log(count) + np.sum(np.log(times)) - np.sum(np.log(per)))
    assert seen[0] == pytest.approx(expected, rel=1e-12)


def test_a_count_of_whole_numbers_becomes_tokens() -> None:
    pages = np.array([250_000_000_000])
    seen = raw_tokens(pages, [np.array([7000.0])], [np.array([4.0])])
    assert seen.tolist() == [437_500_000_000_000.0]


def test_growth_goes_both_ways() -> None:
    rate = np.log([1.05, 0.9])
    seen = np.exp(log_growth(rate, np.array([-1.0, 0.0, 2.0])))
    assert seen == pytest.approx(np.array([[1 / 1.05, 1 / 0.9], [1, 1], [1.1025, 0.81]]))


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=5), st.floats(-3, 3), st.integers(1, 60),
    st.sampled_from([1.0, 1 / 12]),
)  # fmt: skip
def test_steady_growth_is_growth(rates: list[float], first: float, count: int, step: float) -> None:
    rate = np.array(rates)
    years = first + step * np.arange(count)
    seen = np.array(list(steady_growth(rate, first, step, count)))
    assert seen == pytest.approx(np.exp(log_growth(rate, years)), rel=1e-11)
