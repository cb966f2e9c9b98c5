"""Shapley shares: exact where the answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from forecasts.draws import uniforms
from forecasts.shapley import MOST_TOGETHER, shapley_shares
from models.claims import Array
from models.errors import OutsideValidRange

WORLDS = 65_536


def _normal(name: str) -> Array:
    return np.asarray(ndtri(uniforms(name, 1, WORLDS)))


def test_independent_inputs_divide_a_sum_by_their_variances() -> None:
    x = {name: _normal(name) for name in ("one", "two", "idle")}
    shares = shapley_shares(3 * x["one"] + 4 * x["two"], x)
    assert list(shares) == ["two", "one", "idle"]
    assert list(shares.values()) == pytest.approx([0.64, 0.36, 0], abs=0.005)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.5, 0.9])
def test_two_correlated_inputs(rho: float) -> None:
    """Y = a·X1 + b·X2: share of X1 = (a² + a·b·ρ + ρ²·(b² − a²)/2)/Var Y (Owen 2014, sec. 4)."""
    a, b = 1.0, 2.0
    one, other = _normal("one"), _normal("other")
    two = rho * one + np.sqrt(1 - rho**2) * other
    whole = a * a + b * b + 2 * rho * a * b
    shares = shapley_shares(a * one + b * two, {"one": one, "two": two}, [("one", "two")])
    first = (a * a + a * b * rho + rho**2 * (b * b - a * a) / 2) / whole
    assert shares["one"] == pytest.approx(first, abs=0.01)
    assert sum(shares.values()) == pytest.approx(1, abs=0.005)


def test_an_idle_twin_shares_what_its_partner_says() -> None:
    """A copy of an input that acts says as much as the input itself."""
    one = _normal("one")
    shares = shapley_shares(one, {"one": one, "twin": one.copy()}, [("one", "twin")])
    assert list(shares.values()) == pytest.approx([0.5, 0.5], abs=0.01)


def test_what_is_not_additive_is_left_over() -> None:
    one, two = _normal("one"), _normal("two")
    assert sum(shapley_shares(one * two, {"one": one, "two": two}).values()) < 0.01


def test_no_variance_has_no_shares() -> None:
    assert shapley_shares(np.ones(100), {"one": np.arange(100.0)}) == {"one": 0.0}


def test_a_group_too_large_is_refused() -> None:
    names = [str(i) for i in range(MOST_TOGETHER + 1)]
    inputs = {name: _normal(name)[:100] for name in names}
    with pytest.raises(OutsideValidRange, match="split the group"):
        shapley_shares(inputs["0"], inputs, [names])
