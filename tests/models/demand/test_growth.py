"""Growth of compute: a planted slope comes back, with an interval that is right 9 times in 10."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.demand.growth import (
    MIN_RUNS,
    TOP_AT_RELEASE,
    fit_growth,
    fit_records,
    frontier,
    records,
)
from models.errors import OutsideValidRange
from models.quantities import decimal_year

Array = NDArray[np.float64]


def _history(seed: int, runs: int = 60, ratio: float = 4.6, scatter: float = 0.3) -> Array:
    """Dates and compute on a line in log10 with normal scatter; rows date, FLOP."""
    random = np.random.default_rng(seed)
    years = np.sort(random.uniform(2014, 2025, runs))
    log_compute = 20 + np.log10(ratio) * (years - 2014) + random.normal(0, scatter, runs)
    return np.stack([years, 10**log_compute])


def test_frontier_is_the_ten_largest_at_release() -> None:
    """Second method: count by loops. Same-day releases count, equals do not push each other out."""
    random = np.random.default_rng(5)
    years = np.round(random.uniform(2015, 2020, 80), 1)
    compute = 10 ** np.round(random.normal(22, 1, 80), 1)
    slow = [
        sum(c > own and y <= day for y, c in zip(years, compute, strict=True)) < TOP_AT_RELEASE
        for day, own in zip(years, compute, strict=True)
    ]
    assert frontier(years, compute).tolist() == slow
    assert 10 < sum(slow) < 80


def test_planted_slope_is_recovered() -> None:
    years = np.linspace(2014, 2025, 40)
    fit = fit_growth(years, 1e20 * 4.6 ** (years - 2014))
    assert fit.ratio == pytest.approx(4.6, rel=1e-9)
    assert (fit.runs, fit.first_year, fit.last_year) == (40, 2014, 2025)


def test_against_scipys_regression() -> None:
    years, compute = _history(3, scatter=0.8)
    chosen = frontier(years, compute)
    line = stats.linregress(years[chosen], np.log10(compute[chosen]))
    half = stats.t.ppf(0.95, chosen.sum() - 2) * line.stderr
    fit = fit_growth(years, compute)
    assert [fit.low, fit.ratio, fit.high] == pytest.approx(
        [10 ** (line.slope - half), 10**line.slope, 10 ** (line.slope + half)], rel=1e-9
    )
    assert fit.runs == chosen.sum() < 60


def test_interval_covers_nine_times_in_ten() -> None:
    """400 simulated histories of 22 runs; 2.6 standard errors of the share either side.

    Rising fast with little scatter, every run is a frontier run, so nothing is selected.
    """
    fits = [fit_growth(*_history(seed, runs=22, ratio=10, scatter=0.2)) for seed in range(400)]
    assert min(fit.runs for fit in fits) == 22
    covered = np.mean([fit.low <= 10 <= fit.high for fit in fits])
    assert covered == pytest.approx(0.9, abs=2.6 * np.sqrt(0.09 / 400))


def test_too_few_runs_are_refused() -> None:
    years, compute = _history(1, runs=MIN_RUNS - 1)
    with pytest.raises(OutsideValidRange, match=r"needs 20 frontier runs.*; found 19"):
        fit_growth(years, compute)


def test_runs_of_one_season_are_refused() -> None:
    years = np.linspace(2024, 2024.5, 30)
    with pytest.raises(OutsideValidRange, match="over a year or more"):
        fit_growth(years, 10 ** (25 + years - 2024))


def test_records_are_larger_than_all_before() -> None:
    """Second method: count by loops. Of one day the largest counts."""
    random = np.random.default_rng(6)
    years = np.round(random.uniform(2015, 2020, 80), 1)
    compute = 10 ** (random.normal(22, 1, 80) + (years - 2015))
    slow = [
        all(c < own for y, c in zip(years, compute, strict=True) if y < day)
        and own == max(c for y, c in zip(years, compute, strict=True) if y == day)
        for day, own in zip(years, compute, strict=True)
    ]
    assert records(years, compute).tolist() == slow
    assert 4 < sum(slow) < 40


def test_the_level_of_records_is_that_of_scipys_line() -> None:
    """Standard error of the fitted line at the mean date, s/√n, by another package."""
    years, compute = _history(3, ratio=10)
    chosen = records(years, compute)
    t, log_c = years[chosen], np.log10(compute[chosen])
    trend = fit_records(years, compute)
    line = stats.linregress(t - decimal_year(trend.level_on), log_c)
    half = stats.t.ppf(0.95, t.size - 2) * line.intercept_stderr
    assert [trend.level_low, trend.level, trend.level_high] == pytest.approx(
        [10 ** (line.intercept - half), 10**line.intercept, 10 ** (line.intercept + half)], rel=1e-5
    )
    assert trend.growth.ratio == pytest.approx(10**line.slope)
    assert trend.growth.runs == t.size < 60
    assert abs(decimal_year(trend.level_on) - t.mean()) < 1 / 365


def test_level_and_slope_of_records_cover_nine_times_in_ten() -> None:
    """400 histories in which every run is a record; 2.6 standard errors of the share."""
    seen = []
    for seed in range(400):
        years, compute = _history(seed, runs=22, ratio=1e3, scatter=0.05)
        trend = fit_records(years, compute)
        truth = 10 ** (20 + 3 * (decimal_year(trend.level_on) - 2014))
        seen.append(trend.level_low <= truth <= trend.level_high)
    assert np.mean(seen) == pytest.approx(0.9, abs=2.6 * np.sqrt(0.09 / 400))


def test_too_few_records_are_refused() -> None:
    years = np.linspace(2014, 2024, 40)
    with pytest.raises(OutsideValidRange, match="needs 10 of them over a year or more; found 1"):
        fit_records(years, np.full(40, 1e24))
