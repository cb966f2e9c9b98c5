"""The fit of a repetition study: planted constants come back, wrong forms are named."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from models.errors import OutsideValidRange
from models.laws.data_constrained import saturating
from models.probe.design import repetition_study
from models.probe.repetition import Measured, fit_repetition

UNIQUE, R_STAR = 1e8, 15.4
Law = Callable[[float, float], float]


def _law(r_star: float = R_STAR) -> Law:
    return lambda unique, tokens: (
        2.5 + 2085 * (unique * float(saturating(tokens / unique, r_star))) ** -0.3658
    )


def _penalised(unique: float, tokens: float) -> float:
    """The additive form of Lovelace et al., with one network."""
    return 2.5 + 2085 * tokens**-0.3658 + 0.02 * (tokens / unique - 1) ** 1.2


def _study(law: Law, noise: float = 0.0, seed: int = 0) -> list[Measured]:
    chance = np.random.default_rng(seed)
    runs = ((r.unique_tokens, r.unique_tokens * r.epochs) for r in repetition_study(int(UNIQUE)))
    return [Measured(u, d, law(u, d) + noise * chance.normal(), max(noise, 1e-6)) for u, d in runs]


def test_the_study_has_nine_runs_with_controls_and_one_over_repeated() -> None:
    runs = repetition_study(1000, 64)
    assert sorted(r.epochs for r in runs if r.unique_tokens == 1000) == [1, 2, 4, 8, 16, 64]
    assert sorted(r.unique_tokens for r in runs if r.epochs == 1) == [1000, 2000, 4000, 8000]
    assert len({r.name for r in runs}) == len(runs) == 9
    with pytest.raises(OutsideValidRange, match="at least 32"):
        repetition_study(1000, 16)


@pytest.mark.parametrize("r_star", [2.0, 5.3, 15.387756, 60.0])
def test_planted_constants_come_back(r_star: float) -> None:
    fit = fit_repetition(_study(_law(r_star)))
    assert fit.r_d_star == pytest.approx(r_star, rel=1e-6)
    assert fit.beta == pytest.approx(0.3658, rel=1e-6)
    assert fit.irreducible == pytest.approx(2.5, rel=1e-6)
    assert fit.scale == pytest.approx(2085, rel=1e-5)
    assert fit.low <= r_star * (1 + 1e-6)
    assert fit.high >= r_star * (1 - 1e-6)
    assert fit.rejected == ""


@pytest.mark.campaign
@pytest.mark.release
@pytest.mark.parametrize("known", [True, False], ids=["noise known", "noise from residuals"])
def test_the_interval_covers_as_often_as_it_says(known: bool) -> None:
    fits = [
        fit_repetition(_study(_law(), 0.01, seed), noise_nats=0.01 if known else None)
        for seed in range(20)
    ]
    covered = sum(fit.low <= R_STAR <= fit.high for fit in fits)
    # 90 % of 20 is 18; below 15 the chance is 1 %. docs/probe.md has the share of 200.
    assert covered >= 15
    assert all(fit.low < fit.r_d_star < fit.high for fit in fits)
    assert sum(bool(fit.rejected) for fit in fits) <= 2
    # Published: 13.6 to 17.4 with the other constants held; here they are fitted too.
    assert 8 < np.median([fit.low for fit in fits]) < 14
    assert 17 < np.median([fit.high for fit in fits]) < 30


def test_harm_rejects_the_form() -> None:
    for seed in range(5):
        fit = fit_repetition(_study(_penalised, 0.003, seed))
        assert "repetition harms here" in fit.rejected
        assert fit.penalty_rms_nats < fit.rms_nats / 3
    exact = fit_repetition(_study(_penalised))
    assert exact.penalty == pytest.approx(0.02, rel=0.1)
    assert exact.penalty_exponent == pytest.approx(1.2, abs=0.06)


def test_a_lack_of_fit_needs_noise_to_be_seen() -> None:
    def stepped(unique: float, tokens: float) -> float:
        return _law()(unique, tokens) + (0.05 if tokens / unique in (2, 8) else 0.0)

    assert (
        "too large for noise of 0.003"
        in fit_repetition(_study(stepped, 0.003), noise_nats=0.003).rejected
    )
    assert fit_repetition(_study(stepped, 0.003)).rejected == ""


def test_runs_that_set_no_bound_say_so() -> None:
    as_fresh = fit_repetition(_study(_law(1e6), 0.003))
    assert as_fresh.high == math.inf
    assert as_fresh.low > 10
    worthless = fit_repetition(_study(lambda unique, _: _law()(unique, unique), 0.003))
    assert worthless.low == 0
    assert worthless.high < 1


def test_too_few_runs_are_refused() -> None:
    runs = _study(_law())
    for few in (runs[:4], runs[:6], [r for r in runs if r.tokens <= 2 * r.unique_tokens]):
        with pytest.raises(OutsideValidRange, match="cannot settle R"):
            fit_repetition(few)
