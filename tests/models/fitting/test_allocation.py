"""Approaches 1 and 2 on surfaces whose allocation is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.fitting.allocation import (
    approach_1,
    approach_2,
    lowest_of_parabola,
    variable_projection,
)
from models.fitting.runs import Runs
from models.laws.chinchilla import Chinchilla

HOFFMANN = Chinchilla(406.4, 410.7, 1.69, 0.34, 0.28)
EQUAL = Chinchilla(500.0, 1500.0, 1.8, 0.35, 0.35)


def _isoflop(law: Chinchilla, width: float) -> Runs:
    """Five budgets, 1e17 to 1e21 FLOP, with 15 sizes each, centred on the best one."""
    params, tokens = [], []
    for compute in 10.0 ** np.arange(17, 22):
        sizes = law.optimum(compute).params * np.geomspace(1 / width, width, 15)
        params.append(sizes)
        tokens.append(compute / 6 / sizes)
    n, d = np.concatenate(params), np.concatenate(tokens)
    return Runs(np.arange(1, n.size + 1), n, d, law.loss(n, d))


def _log10_tokens_scale(log_scale: float) -> float:
    """Constant of log10 D* = … + b·log10 C, from that of ln N*, since D* = C/(6·N*)."""
    return float(-np.log10(6) - log_scale / np.log(10))


def test_parabolas_have_the_published_bias() -> None:
    """Open-Athena, arXiv:2603.22339, experiment 11: -0.578092 where the truth is -0.555357."""
    found = approach_2(_isoflop(HOFFMANN, 16))
    assert found.log_scale is not None
    assert _log10_tokens_scale(found.log_scale) == pytest.approx(-0.578092, abs=1e-6)
    true = np.log10(HOFFMANN.optimum(1e20).tokens) - 20 * HOFFMANN.tokens_exponent
    assert true == pytest.approx(-0.555357, abs=1e-6)
    assert found.a == pytest.approx(float(HOFFMANN.params_exponent), abs=1e-9)


def test_parabolas_are_exact_for_equal_exponents() -> None:
    found = approach_2(_isoflop(EQUAL, 8))
    assert found.tokens_per_param(1e22) == pytest.approx(
        float(EQUAL.optimum(1e22).tokens_per_param), rel=1e-6
    )


def test_best_runs_lie_near_the_optimum() -> None:
    found = approach_1(_isoflop(EQUAL, 8))
    assert found.budgets == 5
    assert found.a == pytest.approx(0.5, abs=0.01)


def test_projection_finds_the_surface() -> None:
    found = variable_projection(_isoflop(HOFFMANN, 8))
    assert found.a == pytest.approx(float(HOFFMANN.params_exponent), abs=0.01)


def test_runs_without_budgets_have_a_reason_instead() -> None:
    runs = _isoflop(EQUAL, 8)
    few = runs.keep(np.arange(len(runs)) % 15 == 7)
    assert approach_2(few).a is None
    assert "3 are needed" in approach_2(few).missing
    assert approach_2(few).tokens_per_param(1e22) is None


def test_a_parabola_without_a_lowest_point_among_the_runs_counts_for_nothing() -> None:
    x = np.linspace(0, 1, 7)
    assert lowest_of_parabola(x, -((x - 0.5) ** 2)) is None
    assert lowest_of_parabola(x, (x - 3) ** 2) is None
    assert lowest_of_parabola(x, (x - 0.4) ** 2) == pytest.approx(0.4)
