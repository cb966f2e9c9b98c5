"""Claims to distributions: stated quantiles, conditioning, and what is no claim at all."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.claims import Claim, Shape, median, quantiles
from models.errors import ClaimInvalid

levels = st.floats(0.2, 0.99)
INTERVAL: dict[str, Any] = {"low": 0.2, "high": 0.6, "ci_prob": 0.9}


def _claim(shape: Shape, **numbers: Any) -> Claim:
    return Claim("factor:x", numbers.pop("unit", "ratio"), shape, **numbers)


def _at(claim: Claim, *ranks: float) -> list[float]:
    values: list[float] = quantiles(claim, np.array(ranks)).tolist()
    return values


def _ends(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


@st.composite
def intervals(draw: st.DrawFn, floor: float = 1e-3, ceiling: float = 1e6) -> tuple[float, float]:
    low = draw(st.floats(floor, ceiling / 1.01))
    return low, draw(st.floats(low * 1.01, ceiling))


@given(intervals(), levels)
def test_lognormal_has_its_stated_quantiles(ends: tuple[float, float], level: float) -> None:
    low, high = ends
    seen = _at(_claim("lognormal", low=low, high=high, ci_prob=level), *_ends(level), 0.5)
    assert seen == pytest.approx([low, high, math.sqrt(low * high)], rel=1e-9)


@given(intervals(), levels, st.floats(0.01, 0.99))
def test_two_piece_shapes_honour_their_median(
    ends: tuple[float, float], level: float, share: float
) -> None:
    low, high = ends
    middle = low + share * (high - low)
    for shape in ("normal", "lognormal"):
        claim = _claim(shape, unit="exponent", value=middle, low=low, high=high, ci_prob=level)
        seen = _at(claim, *_ends(level), 0.5)
        assert seen == pytest.approx([low, high, middle], rel=1e-9, abs=1e-12 * high)


@given(st.floats(-50, 49), st.floats(0.01, 50), levels)
def test_signed_quantities_keep_their_negative_tail(low: float, width: float, level: float) -> None:
    numbers: dict[str, Any] = {"low": low, "high": low + width, "ci_prob": level}
    for shape in ("normal", "uniform"):
        seen = _at(_claim(shape, unit="oom_per_year", **numbers), *_ends(level))
        assert seen == pytest.approx([low, low + width], rel=1e-9, abs=1e-9)


def test_uniform_is_widened_by_its_level() -> None:
    """90 % of a flat range is [2, 3.8]: the whole is [1.9, 3.9]."""
    claim = _claim("uniform", low=2.0, high=3.8, ci_prob=0.9)
    assert _at(claim, 1e-15, 1 - 1e-15) == pytest.approx([1.9, 3.9])
    whole = _claim("uniform", low=1.0, high=1.86, ci_prob=1.0)
    assert _at(whole, 1e-15, 1 - 1e-15) == pytest.approx([1.0, 1.86])


@given(st.floats(0.001, 0.98), st.floats(0.05, 0.95), st.floats(0.5, 0.95))
def test_beta_has_both_ends_exact(low: float, share: float, level: float) -> None:
    high = low + share * (0.999 - low)
    claim = _claim("beta", unit="share", low=low, high=high, ci_prob=level)
    assert _at(claim, *_ends(level)) == pytest.approx([low, high], rel=1e-6)


def test_beta_against_scipy() -> None:
    """Take Beta(2.5, 7)'s own 90 % interval: the solver must find that law again."""
    law = stats.beta(2.5, 7)
    low, high = law.ppf([0.05, 0.95])
    ranks = (0.001, 0.2, 0.5, 0.8, 0.999)
    seen = _at(_claim("beta", unit="share", low=low, high=high, ci_prob=0.9), *ranks)
    assert seen == pytest.approx(law.ppf(ranks).tolist(), rel=1e-6)


def test_lognormal_against_scipy() -> None:
    law = stats.lognorm(s=0.4, scale=3.0)
    low, high = law.ppf([0.025, 0.975])
    ranks = (0.001, 0.3, 0.5, 0.999)
    seen = _at(_claim("lognormal", low=low, high=high, ci_prob=0.95), *ranks)
    assert seen == pytest.approx(law.ppf(ranks).tolist(), rel=1e-9)


def test_empirical_is_numpys_quantile() -> None:
    samples = (4.0, 1.0, 2.0, 8.0, 3.0)
    ranks = (0.1, 0.5, 0.77)
    assert _at(_claim("empirical", samples=samples), *ranks) == np.quantile(samples, ranks).tolist()


def test_fixed_is_itself_and_a_real_number() -> None:
    values = quantiles(_claim("fixed", value=3), np.array([0.1, 0.9]))
    assert values.tolist() == [3, 3]
    assert values.dtype == float


def _bytes_per_token() -> Claim:
    """Epoch's bytes per token, https://github.com/epoch-research/data-stock: 6 − LogN(1–4)."""
    return _claim(
        "lognormal", unit="bytes_per_token", low=2.0, high=5.0, ci_prob=0.95, reflect_at=6.0
    )


def test_reflected_lognormal_loses_its_negative_tail() -> None:
    """Second method, scipy: P(LogN > 6) = 0.095 % is removed and the rest shared out."""
    scale = math.log(4) / 2 / stats.norm.ppf(0.975)
    mirrored = stats.lognorm(s=scale, scale=2.0)
    removed = mirrored.sf(6.0)
    assert removed == pytest.approx(0.00095, rel=0.02)
    ranks = np.array([0.025, 0.5, 0.975])
    expected = 6 - mirrored.ppf(1 - (removed + ranks * (1 - removed)))
    seen = quantiles(_bytes_per_token(), ranks)
    assert seen == pytest.approx(expected, rel=1e-9)
    # The stated 2–5 becomes 2.022–5.000.
    assert seen[[0, 2]] == pytest.approx([2.0219, 5.0001], abs=1e-4)
    assert 0 <= quantiles(_bytes_per_token(), np.array([2.0**-53]))[0] < 0.01


def test_reflected_lognormal_honours_its_median() -> None:
    claim = replace(_bytes_per_token(), value=4.4, minimum=1e-9)
    assert median(claim) == pytest.approx(4.4, rel=1e-3)


def test_bounds_condition_and_do_not_pile_up() -> None:
    """Second method: a normal conditioned to [0, 1] is scipy's truncnorm."""
    claim = _claim("normal", unit="share", **INTERVAL, minimum=0.0, maximum=0.5)
    scale = 0.2 / stats.norm.ppf(0.95)
    law = stats.truncnorm((0 - 0.4) / scale, (0.5 - 0.4) / scale, loc=0.4, scale=scale)
    ranks = np.linspace(0.001, 0.999, 101)
    seen = quantiles(claim, ranks)
    assert seen == pytest.approx(law.ppf(ranks), rel=1e-9)
    assert np.unique(seen).size == seen.size


@pytest.mark.parametrize("shape", ["normal", "uniform"])
def test_amounts_have_no_negative_worlds(shape: Shape) -> None:
    claim = _claim(shape, unit="tokens", low=0.1, high=3.0, ci_prob=0.5)
    seen = quantiles(claim, np.linspace(1e-9, 1 - 1e-9, 1001))
    assert seen.min() >= 0
    assert np.diff(seen).min() > 0


SHAPED = {
    "normal": _claim("normal", unit="exponent", value=0.3, **INTERVAL),
    "lognormal": _claim("lognormal", value=0.3, **INTERVAL),
    "reflected": _bytes_per_token(),
    "truncated": _claim("lognormal", value=0.3, **INTERVAL, minimum=0.1, maximum=0.9),
    "uniform": _claim("uniform", **INTERVAL),
    "beta": _claim("beta", unit="share", **INTERVAL),
    "empirical": _claim("empirical", samples=(3.0, 1.0, 2.0)),
}


@pytest.mark.parametrize("claim", SHAPED.values(), ids=SHAPED)
@given(ranks=st.lists(st.floats(2.0**-53, 1 - 2.0**-53), min_size=2, max_size=20))
def test_quantiles_rise_and_stay_inside_their_bounds(claim: Claim, ranks: list[float]) -> None:
    values = quantiles(claim, np.sort(ranks))
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()
    if claim.minimum is not None and claim.maximum is not None:
        assert claim.minimum <= values[0]
        assert values[-1] <= claim.maximum


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "unknown shape": ({"shape": "cauchy", **INTERVAL}, "shape is 'cauchy'; allowed: fixed"),
    "unknown status": ({"value": 1.0, "status": "sure"}, "status is 'sure'; allowed: published"),
    "no value": ({"shape": "fixed"}, "has no value; give value"),
    "no interval": ({"shape": "normal", "value": 1.0}, "without an interval; give low, high"),
    "no level": ({"shape": "normal", "low": 1.0, "high": 2.0}, "without an interval"),
    "negative": ({"shape": "normal", **INTERVAL, "low": -1.0}, "low is -1 ratio; it cannot be neg"),
    "negative value": ({"value": -3.0}, "value is -3 ratio; it cannot be negative"),
    "reversed": ({"shape": "normal", **INTERVAL, "low": 2.0}, "low 2 is above high 0.6; low must"),
    "reversed, fixed": ({"value": 1.0, "low": 2.0, "high": 1.0}, "low 2 is above high 1"),
    "no width": ({"shape": "normal", **INTERVAL, "low": 0.6}, "both 0.6; use shape fixed"),
    "level 0": ({"shape": "normal", **INTERVAL, "ci_prob": 0.0}, "ci_prob is 0; it is a prob"),
    "level 90": ({"shape": "normal", **INTERVAL, "ci_prob": 90.0}, "ci_prob is 90; it is a prob"),
    "level 1": ({"shape": "normal", **INTERVAL, "ci_prob": 1.0}, "ci_prob is 1; it is a prob"),
    "level tiny": ({"shape": "normal", **INTERVAL, "ci_prob": 1e-300}, "ci_prob is 1e-300"),
    "level below 0": ({"shape": "normal", **INTERVAL, "ci_prob": -0.9}, "ci_prob is -0.9"),
    "value outside": ({"shape": "normal", **INTERVAL, "value": 0.7}, "0.7 is outside [0.2, 0.6]"),
    "value at an end": ({"shape": "normal", **INTERVAL, "value": 0.6}, "0.6 is an end of its int"),
    "uniform value": ({"shape": "uniform", **INTERVAL, "value": 0.3}, "leave value out"),
    "beta value": ({"shape": "beta", **INTERVAL, "value": 0.3}, "leave value out"),
    "beta above 1": ({"shape": "beta", **INTERVAL, "high": 1.0}, "beta on [0.2, 1]; both ends"),
    "lognormal at 0": ({"shape": "lognormal", **INTERVAL, "low": 0.0}, "low must be above 0"),
    "mirror inside": ({"shape": "lognormal", **INTERVAL, "reflect_at": 0.5}, "reflect_at is 0.5"),
    "mirrored normal": ({"shape": "normal", **INTERVAL, "reflect_at": 5.0}, "only lognormal"),
    "one sample": ({"shape": "empirical", "samples": (1.0,)}, "1 samples; at least 2 finite"),
    "sample nan": ({"shape": "empirical", "samples": (1.0, math.nan)}, "at least 2 finite samples"),
    "sample negative": ({"shape": "empirical", "samples": (1.0, -2.0)}, "-2 is below the minimum"),
    "fixed below minimum": ({"value": 1.0, "minimum": 2.0}, "1 is below the minimum 2"),
    "fixed above maximum": ({"value": 3.0, "maximum": 2.0}, "3 is above the maximum 2"),
} | {
    f"{field} {number}": ({"shape": "normal", **INTERVAL, field: number}, f"{field} is {number}; a")
    for field in ("value", "low", "high", "ci_prob", "minimum", "maximum")
    for number in (math.nan, math.inf, -math.inf)
}  # fmt: skip


@pytest.mark.parametrize(("numbers", "sentence"), INVALID.values(), ids=INVALID)
def test_no_claim(numbers: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClaimInvalid) as error:
        Claim("factor:x", "ratio", **({"shape": "fixed"} | numbers))
    message = str(error.value)
    assert message.startswith("claim 'factor:x': ")
    assert sentence in message
    assert "\n" not in message


def test_bounds_that_leave_nothing_are_refused() -> None:
    claim = _claim("uniform", **INTERVAL, minimum=7.0, maximum=8.0)
    with pytest.raises(ClaimInvalid, match="no probability between minimum and maximum; widen"):
        quantiles(claim, np.array([0.5]))


def test_tail_beyond_all_numbers_is_refused() -> None:
    claim = _claim("lognormal", low=1e-100, high=1e100, ci_prob=0.02)
    with pytest.raises(ClaimInvalid, match="exceeds all numbers"):
        quantiles(claim, np.array([0.999]))


def test_a_share_never_passes_one() -> None:
    wide = Claim("s", "share", "lognormal", low=0.3, high=0.9, ci_prob=0.5)
    drawn = quantiles(wide, np.linspace(0.001, 0.999, 999))
    assert drawn.max() <= 1
    ratio = Claim("s", "ratio", "lognormal", low=0.3, high=0.9, ci_prob=0.5)
    assert quantiles(ratio, np.linspace(0.001, 0.999, 999)).max() > 1
