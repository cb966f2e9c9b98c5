"""The law of generated text, and the other levers, at their stated values and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.supply.levers import (
    accepted_tokens,
    selection_bits,
    self_play_tokens,
    trace_tokens,
)
from models.supply.synthetic import floor_rise, generated_share, share_limit, synthetic_gain

shares = st.floats(0, 1)
amounts = st.floats(0, 100)


def _gain(generated: float, v: float, m0: float = 1.0, m1: float = 10.0, eta: float = 0.6) -> float:
    return float(synthetic_gain(*(np.array([x]) for x in (generated, v, m0, m1, eta)))[0])


def test_central_values() -> None:
    """With v = 0: 1.45 at one generated token per unique one, 2 at many; the high end reaches 5."""
    assert _gain(1, 0) == pytest.approx(1.4512, abs=1e-4)
    assert _gain(1e6, 0) == pytest.approx(2)
    assert _gain(1e6, 0, m0=4) == pytest.approx(5)
    assert _gain(0, 0.5) == _gain(5, 0, m0=0) == 1


@given(amounts, shares, amounts, amounts, shares)
def test_more_text_and_more_verification_never_hurt(
    generated: float, v: float, m0: float, extra: float, eta: float
) -> None:
    here = _gain(generated, v, m0, m0 + extra, eta)
    assert 1 <= here <= 1 + m0 + extra + 1e-9
    assert here <= _gain(generated + 1, v, m0, m0 + extra, eta) + 1e-9
    assert here <= _gain(generated, min(v + 0.1, 1), m0, m0 + extra, eta) + 1e-9
    assert here <= 1 + generated * (1 + 1e-9)


def test_the_share_of_generated_text_is_limited() -> None:
    """30 % of training is 0.43 generated tokens per real one; all of it where all is verified."""
    limit = share_limit(np.array([0.3, 0.3, 0.0]), np.array([0.0, 1.0, 0.0]), np.ones(3))
    assert limit[0] == pytest.approx(0.4286, abs=1e-4)
    assert limit.tolist()[1:] == [np.inf, 0]


@given(st.floats(0, 0.99), shares, st.floats(1, 100))
def test_the_limit_is_the_share_it_was_made_of(x0: float, v: float, epochs: float) -> None:
    """Second way round: read up to its limit, generated text makes up x0 + (1 − x0)·v."""
    share, verifiability, passes = (np.array([x]) for x in (x0, v, epochs))
    most = share_limit(share, verifiability, passes)
    assert generated_share(most, passes)[0] == pytest.approx(x0 + (1 - x0) * v, abs=1e-9)


def test_the_floor_rises_by_what_is_generated_and_not_verified() -> None:
    """0.05 nats if all is generated; a quarter at half; none where all is verified, or none is."""
    share, v = np.array([1.0, 0.5, 0.5, 1.0, 0.0]), np.array([0.0, 0.0, 0.5, 1.0, 0.0])
    risen = floor_rise(np.full(5, 0.05), share, v)
    assert risen.tolist() == pytest.approx([0.05, 0.0125, 0.00625, 0, 0])


amounts = st.just(0.0) | st.floats(1, 1e15)


@given(amounts, amounts, shares)
def test_levers_stay_within_their_limits(tokens: float, most: float, share: float) -> None:
    t, m, s = (np.array([x]) for x in (tokens, most, share))
    assert trace_tokens(t, s)[0] <= tokens
    assert accepted_tokens(t, s)[0] <= tokens
    assert 0 <= self_play_tokens(t, m)[0] <= min(tokens, most) * (1 + 1e-9)


def test_choosing_adds_bits() -> None:
    assert selection_bits(np.array([0.5, 0.25, 1.0, 0.0])).tolist() == [1, 2, 0, np.inf]
