"""Demand paths against their equations, worked by hand and by another method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.demand.paths import log_compute_path, log_dataset_path, tokens_from_compute

one = np.ones(1)


def test_dataset_path_adds_orders_of_magnitude() -> None:
    seen = np.exp(
        log_dataset_path(np.array([6e12, 1e12]), np.array([0.38, 0.5]), np.array([0.0, 2.0]))
    )
    assert seen == pytest.approx(np.array([[6e12, 1e12], [6e12 * 10**0.76, 1e13]]))


def test_compute_follows_its_trend_without_a_ceiling() -> None:
    seen = np.exp(log_compute_path(np.array([5e26]), np.array([4.6]), np.array([-1.0, 0.0, 1.0])))
    assert seen[:, 0] == pytest.approx([5e26 / 4.6, 5e26, 5e26 * 4.6])


def test_a_ceiling_binds_from_the_crossing_on() -> None:
    years = np.arange(2025, 2036, dtype=float)
    seen = np.exp(
        log_compute_path(5e26 * one, 4.6 * one, years - 2025, 2e29 * one, 1.5 * one, years - 2030.0)
    )[:, 0]
    # 5e26·4.6^x = 2e29·1.5^(x − 5) at x = ln(400/1.5^5)/ln(4.6/1.5) = 3.54
    assert seen[:4] == pytest.approx(5e26 * 4.6 ** np.arange(4))
    assert seen[4:] == pytest.approx(2e29 * 1.5 ** np.arange(-1, 6))


@given(
    st.floats(20, 32), st.floats(1, 200), st.floats(-0.1, 0.1), st.floats(0.1, 100),
)  # fmt: skip
def test_tokens_and_parameters_spend_the_compute(
    log_compute: float, ratio: float, drift: float, over: float
) -> None:
    """N = D/t and C = 6·N·D must give the compute back."""
    compute = np.full((1, 1), 10**log_compute)
    tokens = tokens_from_compute(compute, ratio * one, drift * one, 4e25, over * one)[0, 0]
    per_param = ratio * (compute[0, 0] / 4e25) ** drift * over
    assert 6 * tokens / per_param * tokens == pytest.approx(compute[0, 0], rel=1e-9)


def test_twenty_tokens_per_parameter() -> None:
    """4e14 tokens need 4.8e28 FLOP; 3.2e14 at 5× need 6.144e27 (arXiv:2211.04325, section 2)."""
    compute = np.array([[4.8e28], [6.144e27]])
    plain = tokens_from_compute(compute, 20 * one, 0 * one, 4e25, one)
    over = tokens_from_compute(compute, 20 * one, 0 * one, 4e25, 5 * one)
    assert plain[0, 0] == pytest.approx(4e14, rel=1e-12)
    assert over[1, 0] == pytest.approx(3.2e14, rel=1e-12)
