"""R_D* and R_N* of planted laws; the published fit is in tests/published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.errors import FitImpossible
from models.fitting.repetition import (
    RepetitionProblem,
    bootstrap_repetition,
    fit_repetition,
)
from models.fitting.runs import Runs
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import DataConstrained

TRUE = np.array(
    [np.log(520.8), np.log(1487.7), np.log(1.8691), 0.3527, 0.3527, np.log(12), np.log(6)]
)
LAW = DataConstrained(Chinchilla(520.8, 1487.7, 1.8691, 0.3527, 0.3527), 12.0, 6.0)


def _runs(noise: float, n: int = 120) -> Runs:
    generator = np.random.default_rng(7)
    params, unique = 10 ** generator.uniform(7, 10, n), 10 ** generator.uniform(8, 10.5, n)
    tokens = unique * 10 ** generator.uniform(-0.3, 2, n)
    losses = LAW.loss(params, tokens, unique) * np.exp(noise * generator.standard_normal(n))
    return Runs(np.arange(1, n + 1), params, tokens, losses, unique)


def test_prediction_is_the_law_s() -> None:
    runs = _runs(0.0)
    residual, _ = RepetitionProblem.of(runs, TRUE, "all", 1e-3).residuals(TRUE[None])
    assert np.abs(residual).max() < 1e-12


def test_gradient_agrees_with_differences() -> None:
    problem = RepetitionProblem.of(_runs(0.02), TRUE, "all", 100.0)
    phi = np.array([[0.1, -0.1, 0.05, 0.02, -0.03, 0.4, -0.3]])
    row = np.array([0])
    _, gradient = problem.gradient(phi, row)
    for i, way in enumerate(np.eye(7) * 1e-6):
        up, down = (problem.gradient(phi + sign * way, row)[0][0] for sign in (1, -1))
        assert gradient[0, i] == pytest.approx((up - down) / 2e-6, rel=1e-4)


@pytest.mark.parametrize("free", ["repetition", "tied", "all"])
def test_planted_constants_are_found(free: str) -> None:
    base = TRUE + np.array([0.2, -0.2, 0.02, 0.01, 0.01, 0.5, 0.5])
    start = TRUE if free == "repetition" else base
    fit = fit_repetition(_runs(0.0), start, free)  # type: ignore[arg-type]
    assert fit.point.theta == pytest.approx(TRUE, rel=1e-4)
    assert fit.proven


def test_interval_of_resamples_holds_the_planted_constants() -> None:
    fit = fit_repetition(_runs(0.003), TRUE)
    cloud = bootstrap_repetition(fit, 60, 1)
    assert cloud.converged.all()
    for name, true in (("r_d_star", 12), ("r_n_star", 6)):
        low, high = cloud.intervals()[name]
        assert low < true < high


def test_more_freedom_never_fits_worse() -> None:
    runs = _runs(0.01)
    alone, tied, every = (
        fit_repetition(runs, TRUE, free).point.objective for free in ("repetition", "tied", "all")
    )
    assert every <= tied * (1 + 1e-9) <= alone * (1 + 2e-9)


def test_runs_that_never_repeat_are_refused() -> None:
    runs = _runs(0.01)
    with pytest.raises(FitImpossible, match="none of 120 runs repeats data"):
        fit_repetition(replace(runs, unique_tokens=runs.tokens), TRUE)


def test_unique_tokens_are_needed() -> None:
    with pytest.raises(FitImpossible, match="--unique-column"):
        fit_repetition(replace(_runs(0.01), unique_tokens=None), TRUE)
