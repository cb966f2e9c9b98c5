"""The Chinchilla surface against published numbers, a second method, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from models.errors import OutsideValidRange, RecordInvalid
from models.laws.chinchilla import Chinchilla, rule_of_thumb_penalty
from models.laws.entropy import bits_per_token

BESIROGLU = Chinchilla(A=482.01, B=2085.43, E=1.8172, alpha=0.3478, beta=0.3658)
SOURCE = "Besiroglu et al. 2024, arXiv:2404.10102, coefficients of Table 1"

laws = st.builds(
    Chinchilla,
    A=st.floats(100, 1000),
    B=st.floats(300, 5000),
    E=st.floats(1.0, 2.5),
    alpha=st.floats(0.2, 0.5),
    beta=st.floats(0.2, 0.5),
)
computes = st.floats(19, 32).map(lambda exponent: 10.0**exponent)


@pytest.mark.parametrize(
    ("compute", "params", "tokens", "loss"),
    [
        (5.76e23, 7.2248703e10, 1.3287436e12, 1.9744411),
        (1e27, 3.3073238e12, 5.0393212e13, 1.8587904),
        (5e28, 2.4569103e13, 3.3917939e14, 1.8379057),
    ],
    ids=["chinchilla-budget", "1e27", "5e28"],
)
def test_optimum_published(compute: float, params: float, tokens: float, loss: float) -> None:
    """Closed form of arXiv:2404.10102's law at three budgets, checked numerically elsewhere."""
    best = BESIROGLU.optimum(compute)
    assert best.params == pytest.approx(params, rel=1e-6), SOURCE
    assert best.tokens == pytest.approx(tokens, rel=1e-6), SOURCE
    assert best.loss_nats == pytest.approx(loss, rel=1e-7), SOURCE


def test_exponents_published() -> None:
    """a = 0.513 in the abstract's table; arXiv:2404.10102."""
    assert BESIROGLU.params_exponent == pytest.approx(0.513, abs=5e-4)
    assert BESIROGLU.tokens_exponent == pytest.approx(0.487, abs=5e-4)


@pytest.mark.parametrize(
    ("params", "tokens", "loss"), [(280e9, 300e9, 1.9996077), (405e9, 15.6e12, 1.8925851)]
)
def test_loss_of_known_models(params: float, tokens: float, loss: float) -> None:
    """Gopher and Llama 3.1 405B on the surface of arXiv:2404.10102."""
    assert BESIROGLU.loss(params, tokens) == pytest.approx(loss, rel=1e-7)


@pytest.mark.parametrize(
    ("law", "tokens_per_param"),
    [
        (Chinchilla(A=406.4, B=410.7, E=1.69, alpha=0.34, beta=0.28), 92.6),
        (
            Chinchilla(
                A=np.exp(6.0073404),
                B=np.exp(6.0179186),
                E=np.exp(0.5267228),
                alpha=0.33917084,
                beta=0.2849083,
            ),
            58.9,
        ),
    ],
    ids=["printed", "unrounded"],
)
def test_rounding_of_hoffmann(law: Chinchilla, tokens_per_param: float) -> None:
    """Hoffmann et al. 2022, eq. 10 as printed, and unrounded in Besiroglu et al.'s notebook."""
    assert law.optimum(5.76e23).tokens_per_param == pytest.approx(tokens_per_param, rel=1e-3)


def test_irreducible_loss_is_nats() -> None:
    """1.8172 nats are 2.622 bits per token; the founding essay reads 1.82 as bits."""
    assert bits_per_token(1.8172) == pytest.approx(2.6216654, rel=1e-7)


@pytest.mark.parametrize(("k", "penalty"), [(2, 1.0435822), (10, 1.5795822), (1 / 30, 2.674)])
def test_overtraining_penalty_published(k: float, penalty: float) -> None:
    """Compute lost at k times the optimal ratio on the surface of arXiv:2404.10102."""
    assert BESIROGLU.overtraining_penalty(k, 1e25) == pytest.approx(penalty, rel=2e-4)


def test_rule_of_thumb_is_no_law() -> None:
    """k^(1/3) of the founding comments overstates k = 2 and understates k = 100."""
    assert rule_of_thumb_penalty(100) == pytest.approx(4.6415888, rel=1e-7)
    assert rule_of_thumb_penalty(2) - 1 > 5 * (BESIROGLU.overtraining_penalty(2, 1e25) - 1)
    assert rule_of_thumb_penalty(100) < BESIROGLU.overtraining_penalty(100, 1e25)


@given(law=laws, compute=computes)
def test_optimum_spends_the_budget(law: Chinchilla, compute: float) -> None:
    best = law.optimum(compute)
    assert 6 * best.params * best.tokens == pytest.approx(compute, rel=1e-12)
    assert best.tokens_per_param == pytest.approx(best.tokens / best.params, rel=1e-12)
    assert best.epochs == 1
    assert not best.clamped


@given(law=laws, compute=computes)
def test_first_order_condition(law: Chinchilla, compute: float) -> None:
    best = law.optimum(compute)
    gain_params = law.alpha * law.A * best.params**-law.alpha
    gain_tokens = law.beta * law.B * best.tokens**-law.beta
    assert gain_params == pytest.approx(gain_tokens, rel=1e-9)


@given(law=laws, compute=computes)
def test_optimum_agrees_with_direct_search(law: Chinchilla, compute: float) -> None:
    """Second method: bounded search over ln N, knowing nothing of the closed form."""

    def loss(log_params: float) -> float:
        params = np.exp(log_params)
        return float(law.loss(params, compute / 6 / params))

    found = minimize_scalar(
        loss, bounds=(0.0, np.log(compute / 6)), method="bounded", options={"xatol": 1e-9}
    )
    best = law.optimum(compute)
    assert float(best.loss_nats) == pytest.approx(found.fun, rel=1e-12)
    # The minimum is flat: rounding in the loss hides a relative 1e-8/curvature of N.
    assert float(np.log(best.params)) == pytest.approx(found.x, abs=1e-4)


@given(law=laws, compute=computes)
def test_compute_for_loss_inverts_optimum(law: Chinchilla, compute: float) -> None:
    assert law.compute_for_loss(law.optimum(compute).loss_nats) == pytest.approx(compute, rel=1e-8)


@given(law=laws, compute=computes)
def test_params_for_tokens_inverts_optimum(law: Chinchilla, compute: float) -> None:
    best = law.optimum(compute)
    assert law.params_for_tokens(best.tokens) == pytest.approx(best.params, rel=1e-9)


@given(law=laws, params=st.floats(6, 15), tokens=st.floats(6, 18))
def test_no_model_beats_the_optimum(law: Chinchilla, params: float, tokens: float) -> None:
    spent = 6 * 10**params * 10**tokens
    assert law.compute_equivalent(10**params, 10**tokens) <= spent * (1 + 1e-8)


@given(law=laws, compute=computes, log_k=st.floats(-6, 6))
def test_penalty_is_scale_free(law: Chinchilla, compute: float, log_k: float) -> None:
    """Second method: ((β·k^(α/2) + α·k^(−β/2))/(α+β))^(1/α+1/β), from the first-order condition."""
    k, alpha, beta = np.exp(log_k), law.alpha, law.beta
    mean = (beta * k ** (alpha / 2) + alpha * k ** (-beta / 2)) / (alpha + beta)
    expected = mean ** (1 / alpha + 1 / beta)
    assert law.overtraining_penalty(k, compute) == pytest.approx(expected, rel=1e-7)


def test_clouds_broadcast_over_computes() -> None:
    """A cloud of shape (draw, 1) against budgets of shape (year,) gives (draw, year)."""
    cloud = Chinchilla(
        A=np.array([[482.01], [400.0]]),
        B=np.array([[2085.43], [2500.0]]),
        E=np.array([[1.8172], [1.8]]),
        alpha=np.array([[0.3478], [0.34]]),
        beta=np.array([[0.3658], [0.38]]),
    )
    years = np.array([1e25, 1e26, 1e27])
    best = cloud.optimum(years)
    assert best.params.shape == best.clamped.shape == (2, 3)
    assert best.params[0] == pytest.approx(BESIROGLU.optimum(years).params)
    second = Chinchilla(A=400.0, B=2500.0, E=1.8, alpha=0.34, beta=0.38)
    assert best.loss_nats[1, 2] == pytest.approx(second.optimum(1e27).loss_nats)


def test_from_fit_takes_its_keys() -> None:
    fit = {"A": 482.01, "B": 2085.43, "E": 1.8172, "alpha": 0.3478, "beta": 0.3658, "r_d_star": 15}
    law = Chinchilla.from_fit(fit, range_flop=(6e18, 1.3e22))
    assert law.loss(1e9, 1e10) == BESIROGLU.loss(1e9, 1e10)
    assert law.range_flop == (6e18, 1.3e22)


def test_from_fit_names_missing_keys() -> None:
    with pytest.raises(RecordInvalid, match="not E, beta"):
        Chinchilla.from_fit({"A": 1.0, "B": 1.0, "alpha": 0.3})


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_impossible_coefficient_is_refused(bad: float) -> None:
    with pytest.raises(OutsideValidRange, match="coefficient alpha"):
        Chinchilla(A=482.01, B=2085.43, E=1.8172, alpha=bad, beta=0.3658)


@pytest.mark.parametrize("bad", [0.0, -1e24, np.nan, np.inf])
def test_impossible_compute_is_refused(bad: float) -> None:
    with pytest.raises(OutsideValidRange, match="compute_flop is"):
        BESIROGLU.optimum(np.array([1e24, bad]))


def test_loss_at_the_floor_is_refused() -> None:
    with pytest.raises(OutsideValidRange, match="irreducible"):
        BESIROGLU.compute_for_loss(1.8172)


def test_check_range() -> None:
    law = Chinchilla(482.01, 2085.43, 1.8172, 0.3478, 0.3658, range_flop=(6e18, 1.3e22))
    assert not law.check_range(np.array([6e18, 1.3e22])).any()
    assert law.check_range(np.array([1e18, 1e20, 1e27]), extrapolate=True).tolist() == [
        True,
        False,
        True,
    ]
    with pytest.raises(OutsideValidRange, match=r"1e\+27 FLOP.*6e\+18 to 1\.3e\+22.*extrapolate"):
        law.check_range(np.array([1e20, 1e27]))


def test_unknown_range_contains_nothing() -> None:
    assert BESIROGLU.outside_range(1e20)
    with pytest.raises(OutsideValidRange, match="unknown range"):
        BESIROGLU.check_range(1e20)
