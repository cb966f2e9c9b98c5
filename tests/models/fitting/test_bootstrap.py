"""Resamples: the published draws, each fitted to convergence, reproducible by seed."""

from __future__ import annotations

import numpy as np
import pytest
from fitting_sets import RunSet, independent_best, planted

from models.errors import FitImpossible
from models.fitting.bootstrap import bootstrap, cloud_of, resampled_counts
from models.fitting.chinchilla import ChinchillaFit, fit_chinchilla
from models.fitting.newton import Minima
from models.fitting.runs import Runs


@pytest.fixture(scope="module")
def fit() -> ChinchillaFit:
    runs = planted(3, "isoflop", noise=0.01)
    return fit_chinchilla(
        Runs(np.arange(1, len(runs.losses) + 1), runs.params, runs.tokens, runs.losses)
    )


def test_draws_are_those_of_the_legacy_generator() -> None:
    counts = resampled_counts(7, 3, 42)
    state = np.random.RandomState(42)
    for row in counts:
        drawn = state.choice(np.arange(7), size=7, replace=True)
        assert (row == [np.sum(drawn == run) for run in range(7)]).all()


def test_seed_decides_the_cloud(fit: ChinchillaFit) -> None:
    first, again, other = bootstrap(fit, 40, 1), bootstrap(fit, 40, 1), bootstrap(fit, 40, 2)
    assert all((first.draws[name] == again.draws[name]).all() for name in first.draws)
    assert (first.draws["A"] != other.draws["A"]).any()
    assert first.converged.all()


def test_a_longer_cloud_begins_with_the_shorter_one(fit: ChinchillaFit) -> None:
    short, longer = bootstrap(fit, 30, 1), bootstrap(fit, 100, 1)
    assert longer.draws["E"][:30] == pytest.approx(short.draws["E"], rel=1e-9)


def test_each_resample_is_as_good_as_another_optimiser_s(fit: ChinchillaFit) -> None:
    cloud = bootstrap(fit, 3, 5)
    for counts, seen in zip(resampled_counts(len(fit.runs), 3, 5), cloud.objective, strict=True):
        drawn = np.repeat(np.arange(len(fit.runs)), counts.astype(int))
        runs = RunSet(
            fit.runs.params[drawn], fit.runs.tokens[drawn], fit.runs.losses[drawn], (0.0,) * 5
        )
        assert seen <= independent_best(runs, 1, starts=1) * (1 + 1e-6)


def test_interval_covers_the_planted_constants_about_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(10):
        runs = planted(seed, "isoflop", noise=0.01)
        fitted = fit_chinchilla(
            Runs(np.arange(1, len(runs.losses) + 1), runs.params, runs.tokens, runs.losses)
        )
        low, high = bootstrap(fitted, 100, 1).intervals()["alpha"]
        inside += low <= runs.constants[3] <= high
    # Fewer than 7 of 10 at 95 % would happen by chance once in a thousand.
    assert inside >= 7


@pytest.mark.parametrize(("resamples", "seed"), [(1, 0), (10, -1), (10, 2**32)])
def test_meaningless_requests_are_refused(fit: ChinchillaFit, resamples: int, seed: int) -> None:
    with pytest.raises(FitImpossible):
        bootstrap(fit, resamples, seed)


def _minima(rows: int) -> Minima:
    return Minima(np.zeros((rows, 5)), np.ones(rows), np.ones(rows, dtype=bool), np.ones(rows, int))


def test_a_resample_that_overflows_is_counted_and_left_out() -> None:
    values = np.arange(1.0, 101.0)
    values[[3, 50]] = np.inf
    cloud = cloud_of({"A": values, "B": np.ones(100)}, _minima(100), 1)
    assert (len(cloud), cloud.overflowed, len(cloud.draws["B"])) == (98, 2, 98)
    assert np.isfinite(cloud.intervals()["A"]).all()


def test_more_overflow_than_lies_beyond_the_interval_is_refused() -> None:
    values = np.ones(100)
    values[:3] = np.inf
    with pytest.raises(FitImpossible, match="3 of 100 resamples overflow"):
        cloud_of({"A": values}, _minima(100), 1)
