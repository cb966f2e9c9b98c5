"""The fit finds the planted law, the global minimum, and refuses what holds no law."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from fitting_sets import DELTA, DESIGNS, RunSet, independent_best, objective, planted

from models.errors import FitImpossible
from models.fitting.chinchilla import fit_chinchilla, fit_from
from models.fitting.newton import minimise
from models.fitting.runs import Runs
from models.fitting.surface import Surface

NOISES = (0.0, 1e-3, 1e-2, 0.1)
# Below this an objective is rounding: a root mean square residual of 1e-8.
EXACT = 1e-14


def _runs(runs: RunSet) -> Runs:
    return Runs(np.arange(1, len(runs.losses) + 1), runs.params, runs.tokens, runs.losses)


def _compare(seed: int, starts: int) -> None:
    generator = np.random.default_rng(seed)
    runs = planted(
        seed,
        design=DESIGNS[seed % len(DESIGNS)],
        noise=NOISES[seed // len(DESIGNS) % len(NOISES)],
        outliers=float(generator.choice([0, 0.08])),
        unit=float(generator.choice([1, 1 / np.log(2), 100, 0.01])),
    )
    found = fit_chinchilla(_runs(runs))
    best = independent_best(runs, seed, starts)
    assert found.point.objective <= best * 1.001 + EXACT
    assert found.converged


@pytest.mark.parametrize("seed", range(6, 10))
def test_no_worse_than_random_starts_of_another_optimiser(seed: int) -> None:
    _compare(seed, starts=3)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 100 + int(os.environ.get("FIT_SETS", "1"))))
def test_no_worse_than_two_hundred_random_starts(seed: int) -> None:
    _compare(seed, starts=200)


@pytest.mark.parametrize("design", ["spread", "isoflop", "few sizes"])
def test_planted_law_is_found_in_its_own_units(design: str) -> None:
    runs = planted(5, design, noise=0.0, unit=100.0)
    point = fit_chinchilla(_runs(runs)).point
    seen = (point.A, point.B, point.E, point.alpha, point.beta)
    assert seen == pytest.approx(runs.constants, rel=1e-5)
    assert point.objective < EXACT


def test_scale_of_the_loss_changes_only_the_amounts() -> None:
    runs = planted(3, "isoflop", noise=0.01)
    nats = fit_chinchilla(_runs(runs)).point
    bits = fit_chinchilla(
        _runs(RunSet(runs.params, runs.tokens, runs.losses / np.log(2), runs.constants))
    ).point
    assert bits.objective == pytest.approx(nats.objective, rel=1e-9)
    assert (bits.alpha, bits.beta) == pytest.approx((nats.alpha, nats.beta), rel=1e-6)
    assert np.array([bits.A, bits.B, bits.E]) * np.log(2) == pytest.approx(
        [nats.A, nats.B, nats.E], rel=1e-6
    )


def test_order_of_the_runs_does_not_matter() -> None:
    runs = _runs(planted(4, "spread", noise=0.02))
    mixed = np.random.default_rng(0).permutation(len(runs))
    again = Runs(runs.rows[mixed], runs.params[mixed], runs.tokens[mixed], runs.losses[mixed])
    first, second = (fit_chinchilla(r).point for r in (runs, again))
    assert second.objective == pytest.approx(first.objective, rel=1e-9)


def test_derivatives_agree_with_differences() -> None:
    runs = planted(1, "spread", noise=0.0)
    # A wide δ keeps every residual on the square's side, where second differences exist.
    surface = Surface.of(runs.params, runs.tokens, runs.losses, delta=100.0)
    theta = np.array([[0.3, -0.2, 0.1, 0.5, 0.7]])
    rows = np.array([0])
    _, gradient, hessian = surface.derivatives(theta, rows)
    step = 1e-5
    for i, way in enumerate(np.eye(5)):
        up, down = (surface.derivatives(theta + sign * step * way, rows) for sign in (1, -1))
        assert gradient[0, i] == pytest.approx((up[0] - down[0])[0] / (2 * step), rel=1e-6)
        assert hessian[0, i] == pytest.approx((up[1] - down[1])[0] / (2 * step), rel=1e-5, abs=1e-6)


def test_objective_is_the_independent_one() -> None:
    runs = planted(2, "isoflop", noise=0.05)
    surface = Surface.of(runs.params, runs.tokens, runs.losses, DELTA)
    theta = np.array([0.3, -0.2, 0.1, 0.5, 0.7])
    inside = theta * [1, 1, 1, *surface.spread]
    seen, _, _ = surface.derivatives(inside[None], np.array([0]))
    assert 1e6 * seen[0] == pytest.approx(objective(runs)(theta)[0], rel=1e-12)


def test_no_step_makes_a_row_worse() -> None:
    runs = planted(6, "narrow", noise=0.1, outliers=0.1)
    surface = Surface.of(runs.params, runs.tokens, runs.losses, DELTA)
    start = np.random.default_rng(0).normal(0, 3, (40, 5))
    before = surface.derivatives(start, np.arange(40))[0]
    after = minimise(surface.derivatives, start, 30)
    assert (after.objective <= before).all()
    again = surface.derivatives(after.theta, np.arange(40))[0]
    assert after.objective == pytest.approx(again, rel=1e-12)


def test_one_start_reaches_what_many_reach() -> None:
    runs = _runs(planted(3, "isoflop", noise=0.01))
    best = fit_chinchilla(runs)
    assert best.proven
    assert fit_from(runs, best.point).point.objective <= best.point.objective * (1 + 1e-12)


def test_leaving_out_the_highest_losses_names_them() -> None:
    runs = _runs(planted(3, "isoflop", noise=0.01))
    kept, left_out = runs.without_highest(3)
    assert len(kept) == len(runs) - 3
    assert left_out.losses.min() >= kept.losses.max()
    assert not set(kept.rows) & set(left_out.rows)


def _alike(**changes: float) -> Runs:
    runs = _runs(planted(3, "isoflop", noise=0.01))
    parts = {"params": runs.params, "tokens": runs.tokens, "losses": runs.losses}
    parts |= {name: np.full(len(runs), value) for name, value in changes.items()}
    return Runs(runs.rows, **parts)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (_alike(losses=2.0), "all .* runs have losses 2"),
        (_alike(params=1e9), "all .* runs have params 1e\\+09"),
        (_alike(tokens=1e9), "all .* runs have tokens 1e\\+09"),
        (_runs(planted(3, "isoflop", 0.01)).without_highest(246)[0], "3 usable runs"),
    ],
)
def test_runs_that_hold_no_law_are_refused(runs: Runs, said: str) -> None:
    with warnings.catch_warnings(), pytest.raises(FitImpossible, match=said):
        warnings.simplefilter("error")
        fit_chinchilla(runs)


def test_a_fit_is_silent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(5):
            fit_chinchilla(_runs(planted(seed, "narrow", noise=0.1, outliers=0.1)))
