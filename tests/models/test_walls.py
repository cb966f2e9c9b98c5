"""Crossings: exact on exponential paths, censored on both sides, monotone in supply and demand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.walls import BINS_PER_YEAR, CrossingDates, first_crossing

YEARS = np.arange(2026, 2046, dtype=float)
gaps = arrays(np.float64, (YEARS.size, 3), elements=st.floats(-5, 5))


@given(st.floats(-5, 0), st.floats(0.05, 3))
def test_exponential_paths_cross_exactly(gap: float, rate: float) -> None:
    """ln(demand/supply) = gap + rate·(t − 2026) is zero at 2026 − gap/rate."""
    crossing = 2026 - gap / rate
    seen = first_crossing((gap + rate * (YEARS - 2026))[:, None], YEARS)[0]
    if crossing < YEARS[-1] - 1e-6:
        assert seen == pytest.approx(crossing, abs=1e-8)
    elif crossing > YEARS[-1] + 1e-6:
        assert seen == np.inf


def test_censoring_on_both_sides() -> None:
    gap = np.stack([np.full(20, 1.0), np.full(20, -1.0), YEARS - 2030.5], axis=1)
    assert first_crossing(gap, YEARS).tolist() == [-np.inf, np.inf, 2030.5]


def test_equality_is_no_shortage() -> None:
    gap = np.zeros((20, 1))
    assert first_crossing(gap, YEARS)[0] == np.inf
    gap[3:] = 1
    assert first_crossing(gap, YEARS)[0] == 2028


def test_only_the_first_crossing_counts() -> None:
    gap = np.where((YEARS > 2030) & (YEARS < 2033), 1.0, -1.0)[:, None]
    assert first_crossing(gap, YEARS)[0] == 2030.5


@given(gaps, st.floats(0, 4))
def test_supply_and_demand_move_the_wall_their_way(gap: np.ndarray, change: float) -> None:
    """More supply lowers the gap, more demand raises it, at every date."""
    wall = first_crossing(gap, YEARS)
    assert (first_crossing(gap - change, YEARS) >= wall - 1e-9).all()
    assert (first_crossing(gap + change, YEARS) <= wall + 1e-9).all()


def _counted(*blocks: list[float]) -> CrossingDates:
    dates = CrossingDates(2026.0, 2046.0)
    for block in blocks:
        dates.add(np.array(block))
    return dates


CENSORED = [np.inf, 2030.0, -np.inf, 2028.0, np.inf, 2040.0, 2035.0, 2033.0, 2029.0, 2031]


def test_quantiles_respect_censoring() -> None:
    dates = _counted(CENSORED)
    expected = {0.1: 2026.0, 0.2: 2028.0, 0.5: 2031.0, 0.8: 2040.0, 0.9: None}
    assert {level: dates.quantile(level) for level in expected} == expected
    assert (dates.before_first, dates.by_last) == (0.1, 0.8)


@pytest.mark.parametrize("cut", range(1, 9))
def test_blocks_count_as_one(cut: int) -> None:
    whole, parts = _counted(CENSORED), _counted(CENSORED[:cut], CENSORED[cut:])
    for level in np.arange(0.05, 1, 0.1):
        exact, counted = whole.quantile(level), parts.quantile(level)
        if exact is None or exact == 2026.0:
            assert counted == exact
        else:
            assert counted == pytest.approx(exact, abs=1 / BINS_PER_YEAR)
    assert (parts.before_first, parts.by_last) == (whole.before_first, whole.by_last)


@given(arrays(np.float64, 37, elements=st.floats(2026, 2046)), st.floats(0.01, 0.99))
def test_a_quantile_has_its_share_of_worlds_below(dates: np.ndarray, level: float) -> None:
    seen = _counted(dates.tolist()).quantile(level)
    assert seen is not None
    assert np.mean(dates <= seen) >= level - 1e-12
    assert np.mean(dates < seen) <= level + 1e-12
