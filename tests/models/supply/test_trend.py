"""Robust growth against a second method, by property, and on simulated truth; totals of a flow."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import OutsideValidRange
from models.supply.trend import MOST_YEARS, accumulated, robust_growth

YEARS = np.arange(2015.0, 2025.0)


def test_is_the_median_of_pairwise_slopes() -> None:
    amounts = np.array([3.0, 4.1, 4.0, 6.2, 7.5, 7.1, 11.0, 13.9, 13.0, 40.0])
    slopes = [
        (np.log(amounts[j]) - np.log(amounts[i])) / (YEARS[j] - YEARS[i])
        for i, j in combinations(range(10), 2)
    ]
    assert robust_growth(YEARS, amounts).ratio == pytest.approx(np.exp(np.median(slopes)))


def test_interval_is_that_of_sen() -> None:
    # Sen 1968, the paper's own example, section 6: seven points of which t = 4 ranks are cut off
    # at a level of 93 %; its interval for the slope is (3.71, 4.75) at b = 4.0.
    t = np.array([1.0, 2, 3, 4, 10, 12, 18])
    x = np.array([9.0, 15, 19, 20, 45, 55, 78])
    slopes = sorted((x[j] - x[i]) / (t[j] - t[i]) for i, j in combinations(range(7), 2))
    assert np.median(slopes) == pytest.approx(4.0)
    trend = robust_growth(t, np.exp(x))
    assert np.log(trend.ratio) == pytest.approx(4.0)
    assert {round(float(np.log(end)), 6) for end in (trend.low, trend.high)} <= {
        round(float(slope), 6) for slope in slopes
    }


def test_one_year_out_of_line_moves_little() -> None:
    amounts = 1.2 ** (YEARS - 2015)
    broken = amounts.copy()
    broken[4] *= 50
    assert robust_growth(YEARS, broken).ratio == pytest.approx(1.2, rel=0.01)


@given(growth=st.floats(0.5, 3), scale=st.floats(1e-3, 1e15), shift=st.floats(-50, 50))
def test_exact_growth_is_found_whatever_the_unit(growth: float, scale: float, shift: float) -> None:
    trend = robust_growth(YEARS + shift, scale * growth ** (YEARS - 2015))
    assert trend.ratio == pytest.approx(growth, rel=1e-6)
    assert trend.low <= trend.ratio * (1 + 1e-9)
    assert trend.high >= trend.ratio * (1 - 1e-9)


def test_nine_of_ten_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(7)
    noise = random.normal(0, 0.1, (600, YEARS.size))
    held = 0
    for errors in noise:
        trend = robust_growth(YEARS, np.exp(0.15 * (YEARS - 2015) + errors))
        held += trend.low <= np.exp(0.15) <= trend.high
    # Ranks are whole, so the level is kept or passed; three standard errors are 0.037.
    assert 0.863 <= held / 600 <= 0.99


def test_only_the_ten_newest_years_count() -> None:
    years = np.arange(2000.0, 2025.0)
    amounts = np.where(years < 2015, 5.0 ** (years - 2015), 1.1 ** (years - 2015))
    trend = robust_growth(years, amounts)
    assert (trend.points, trend.first_year) == (MOST_YEARS, 2015)
    assert trend.ratio == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("years", "amounts", "said"),
    [
        (YEARS[:4], np.ones(4), "needs 5 years"),
        (np.full(6, 2020.0), np.ones(6), "found 1"),
        (YEARS, np.zeros(10), "amount of 0"),
    ],
)
def test_what_has_no_trend(years: np.ndarray, amounts: np.ndarray, said: str) -> None:
    with pytest.raises(OutsideValidRange, match=said):
        robust_growth(years, amounts)


def test_a_century_of_papers() -> None:
    # The essay multiplies 4 million by 100; at 4 % a year the same latest year gives a quarter.
    assert accumulated(4e6, 100, 1) == 4e8
    by_year = sum(4e6 * 1.04**-k for k in range(100))
    assert (
        accumulated(4e6, 100, 1.04) == pytest.approx(by_year) == pytest.approx(1.0194e8, rel=1e-4)
    )
