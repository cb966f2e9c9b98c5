"""Diagnostics: true on easy runs, and speaking up on hard ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fitting_sets import RunSet, planted

from models.fitting.bootstrap import bootstrap
from models.fitting.chinchilla import ChinchillaFit, fit_chinchilla
from models.fitting.diagnostics import diagnose, runs_for_width
from models.fitting.runs import Runs


def _runs(runs: RunSet) -> Runs:
    return Runs(np.arange(1, len(runs.losses) + 1), runs.params, runs.tokens, runs.losses)


@pytest.fixture(scope="module")
def fit() -> ChinchillaFit:
    return fit_chinchilla(_runs(planted(3, "isoflop", noise=0.003)))


def test_leverages_sum_to_the_constants(fit: ChinchillaFit) -> None:
    found = diagnose(fit, None)
    assert found.leverage.sum() == pytest.approx(5, rel=1e-6)
    assert (found.leverage >= 0).all()
    assert (found.leverage <= 1 + 1e-9).all()


def test_sandwich_is_about_the_bootstrap(fit: ChinchillaFit) -> None:
    cloud = bootstrap(fit, 300, 1)
    found = diagnose(fit, cloud)
    assert found.sandwich is not None
    for name in ("alpha", "beta"):
        assert 0.5 < found.sandwich[name] / cloud.standard_errors()[name] < 2
    assert not [w for w in found.warnings if "narrow" in w]


def test_an_implausibly_narrow_cloud_is_named(fit: ChinchillaFit) -> None:
    cloud = bootstrap(fit, 100, 1)
    squeezed = {n: v.mean() + (v - v.mean()) / 50 for n, v in cloud.draws.items()}
    said = diagnose(fit, replace(cloud, draws=squeezed)).warnings
    assert len([w for w in said if "implausibly narrow" in w]) == 2


def test_printed_interval_would_take_600000_runs() -> None:
    """Besiroglu et al. 2024: a width of 0.001 needs over 600,000 runs; 240 give 0.051."""
    assert runs_for_width(240, 0.051, 0.001) == pytest.approx(624_240)


def test_runs_of_one_ratio_are_named_as_such() -> None:
    fit = fit_chinchilla(_runs(planted(4, "one ratio", noise=0.01)))
    assert any("go together" in warning for warning in diagnose(fit, None).warnings)


def test_a_run_on_its_own_is_named() -> None:
    """One size far below all others: it alone says how loss falls with parameters."""
    generator = np.random.default_rng(0)
    params = np.append(np.full(30, 1e10) * 10 ** generator.normal(0, 0.01, 30), 1e6)
    tokens = 10 ** generator.uniform(9, 11, 31)
    losses = 1.8 + 500 * params**-0.35 + 2000 * tokens**-0.37
    losses *= np.exp(0.002 * generator.standard_normal(31))
    fit = fit_chinchilla(Runs(np.arange(1, 32), params, tokens, losses))
    assert any("rows 31 " in warning for warning in diagnose(fit, None).warnings)


def test_a_law_without_a_floor_is_named() -> None:
    generator = np.random.default_rng(0)
    params, tokens = 10 ** generator.uniform(7, 11, 80), 10 ** generator.uniform(8, 12, 80)
    losses = 300 * params**-0.3 + 400 * tokens**-0.3
    fit = fit_chinchilla(Runs(np.arange(1, 81), params, tokens, losses))
    assert any(warning.startswith("E is below") for warning in diagnose(fit, None).warnings)
