"""Claims: a value with a credible interval, and its quantile function.

A claim's interval [low, high] holds with probability ci_prob, its mass outside split evenly. A
shape turns it into a distribution:

  fixed      the value itself
  uniform    flat; the whole range is the interval widened by 1/ci_prob
  normal     two-piece normal with median `value` (the interval's middle if no value is given)
  lognormal  the same in ln x; median defaults to the geometric middle. `reflect_at` = r makes
             r − x lognormal instead (Epoch's bytes per token: 6 − LogN)
  beta       on [0, 1], both interval ends exact
  empirical  equally likely samples, linear between them (numpy's default quantile)

`minimum` and `maximum` condition the distribution: impossible values get no probability rather
than a pile at the bound. An amount, share or ratio has the minimum 0 unless it states another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.errors import ClaimInvalid
from models.records import STATUSES, Status
from models.special import betainc, betaincinv, expit, ndtr, ndtri

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]
Shape = Literal["fixed", "uniform", "normal", "lognormal", "beta", "empirical"]
SHAPES: tuple[str, ...] = get_args(Shape)

# Quantities for which a negative number means something; all others are amounts, shares or ratios.
SIGNED_UNITS = ("oom_per_year", "exponent")
# A narrower level says next to nothing of the tails, and its quantiles overflow.
LOWEST_LEVEL = 0.01
TINY = float(np.finfo(float).tiny)
# Beyond this normal score lie no draws: the outermost of ten million is at 5.3.
MOST_SCORE, BETA_NODES = 9.0, 1025


@dataclass(frozen=True, slots=True)
class Claim:
    """One number as somebody states it. `name` is also the name of its draws."""

    name: str
    unit: str
    shape: Shape
    value: float | None = None
    low: float | None = None
    high: float | None = None
    ci_prob: float | None = None
    reflect_at: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    samples: tuple[float, ...] = ()
    status: Status = "published"
    basis: str = ""
    valid_on: date | None = None
    known_at: date | None = None
    origin_id: str = ""

    def __post_init__(self) -> None:
        _check(self)


def _fail(claim: Claim, what: str, allowed: str) -> ClaimInvalid:
    return ClaimInvalid(f"claim {claim.name!r}: {what}; {allowed}")


def _check(claim: Claim) -> None:
    if claim.shape not in SHAPES:
        raise _fail(claim, f"shape is {claim.shape!r}", f"allowed: {', '.join(SHAPES)}")
    if claim.status not in STATUSES:
        raise _fail(claim, f"status is {claim.status!r}", f"allowed: {', '.join(STATUSES)}")
    _check_numbers(claim)
    if claim.shape == "fixed":
        if claim.value is None:
            raise _fail(claim, "a fixed claim has no value", "give value, or low, high and shape")
        _check_bounds(claim, (claim.value,))
    elif claim.shape == "empirical":
        if len(claim.samples) < 2 or not all(map(math.isfinite, claim.samples)):
            raise _fail(claim, f"{len(claim.samples)} samples", "at least 2 finite samples")
        _check_bounds(claim, claim.samples)
    else:
        _check_interval(claim)


def _check_numbers(claim: Claim) -> None:
    for field in ("value", "low", "high", "ci_prob", "reflect_at", "minimum", "maximum"):
        number = getattr(claim, field)
        if number is None:
            continue
        if not math.isfinite(number):
            raise _fail(claim, f"{field} is {number}", "a finite number is needed")
        if number < 0 and claim.unit not in SIGNED_UNITS and field != "ci_prob":
            raise _fail(claim, f"{field} is {number:g} {claim.unit}", "it cannot be negative")
    if claim.low is not None and claim.high is not None and claim.low > claim.high:
        raise _fail(
            claim, f"low {claim.low:g} is above high {claim.high:g}", "low must be below high"
        )


def _check_bounds(claim: Claim, values: Sequence[float]) -> None:
    floor, ceiling = _floor(claim), claim.maximum
    if floor is not None and min(values) < floor:
        raise _fail(claim, f"{min(values):g} is below the minimum {floor:g}", "it must not be")
    if ceiling is not None and max(values) > ceiling:
        raise _fail(claim, f"{max(values):g} is above the maximum {ceiling:g}", "it must not be")


def _check_interval(claim: Claim) -> None:
    low, high, level = claim.low, claim.high, claim.ci_prob
    if low is None or high is None or level is None:
        raise _fail(claim, f"shape {claim.shape} without an interval", "give low, high and ci_prob")
    if low == high:
        raise _fail(claim, f"low and high are both {low:g}", "use shape fixed with a value")
    if not LOWEST_LEVEL <= level <= (1 if claim.shape == "uniform" else 1 - 1e-9):
        raise _fail(
            claim, f"ci_prob is {level:g}", "it is a probability between 0.01 and 1, such as 0.9"
        )
    _check_median(claim, low, high)
    _check_reach(claim, low, high)


def _check_median(claim: Claim, low: float, high: float) -> None:
    if claim.value is None:
        return
    if not low <= claim.value <= high:
        raise _fail(
            claim, f"value {claim.value:g} is outside [{low:g}, {high:g}]", "it must lie inside"
        )
    if claim.shape in ("uniform", "beta"):
        raise _fail(
            claim, f"shape {claim.shape} with a value", "its interval says all; leave value out"
        )
    if claim.value in (low, high):
        raise _fail(
            claim, f"value {claim.value:g} is an end of its interval", "a median lies between them"
        )


def _check_reach(claim: Claim, low: float, high: float) -> None:
    if claim.shape == "lognormal" and claim.reflect_at is None and low <= 0:
        raise _fail(claim, f"lognormal with low {low:g}", "low must be above 0")
    if claim.reflect_at is not None and (claim.shape != "lognormal" or high >= claim.reflect_at):
        raise _fail(claim, f"reflect_at is {claim.reflect_at:g}", "only lognormal, and above high")
    if claim.shape == "beta" and not (low > 0 and high < 1):
        raise _fail(claim, f"beta on [{low:g}, {high:g}]", "both ends must lie inside 0 and 1")


def _floor(claim: Claim) -> float | None:
    """Lowest possible value: the stated one, or 0 for what cannot be negative."""
    if claim.minimum is not None or claim.unit in SIGNED_UNITS:
        return claim.minimum
    return 0.0


def _two_piece(median: float, low: float, high: float, ci_prob: float) -> tuple[Curve, Curve]:
    """Quantile and distribution function of a two-piece normal through three quantiles."""
    z = float(ndtri(0.5 + ci_prob / 2))
    below, above = (median - low) / z, (high - median) / z

    def ppf(u: Array) -> Array:
        score = ndtri(u)
        return np.asarray(median + np.where(score < 0, below, above) * score)

    def cdf(x: Array) -> Array:
        gap = x - median
        scale = np.where(gap < 0, below, above)
        return np.asarray(ndtr(gap / scale))

    return ppf, cdf


def _exp_of(log_ppf: Curve, log_cdf: Curve) -> tuple[Curve, Curve]:
    """Curves of x from those of ln x."""

    def cdf(x: Array) -> Array:
        positive = np.maximum(x, TINY)
        return np.where(x > 0, log_cdf(np.log(positive)), 0.0)

    return lambda u: np.exp(log_ppf(u)), cdf


def _lognormal(claim: Claim, low: float, high: float, ci_prob: float) -> tuple[Curve, Curve]:
    mirror, value = claim.reflect_at, claim.value
    if mirror is not None:
        low, high = mirror - high, mirror - low
        value = None if value is None else mirror - value
    middle = (math.log(low) + math.log(high)) / 2 if value is None else math.log(value)
    ppf, cdf = _exp_of(*_two_piece(middle, math.log(low), math.log(high), ci_prob))
    if mirror is None:
        return ppf, cdf
    return lambda u: mirror - ppf(1 - u), lambda x: 1 - cdf(mirror - x)


def _uniform(low: float, high: float, ci_prob: float) -> tuple[Curve, Curve]:
    middle, half = (low + high) / 2, (high - low) / 2 / ci_prob
    return (
        lambda u: middle - half + 2 * half * u,
        lambda x: np.clip((x - middle + half) / (2 * half), 0, 1),
    )


def _cubic(score: Array, table: Array) -> Array:
    """A table over evenly spaced normal scores, by the cubic through the four nearest nodes."""
    place = (np.clip(score, -MOST_SCORE, MOST_SCORE) + MOST_SCORE) * (
        (table.size - 1) / (2 * MOST_SCORE)
    )
    node = np.clip(place.astype(np.int64), 1, table.size - 3)
    t = place - node
    return np.asarray(
        -t * (t - 1) * (t - 2) / 6 * table[node - 1]
        + (t + 1) * (t - 1) * (t - 2) / 2 * table[node]
        - (t + 1) * t * (t - 2) / 2 * table[node + 1]
        + (t + 1) * t * (t - 1) / 6 * table[node + 2]
    )


@lru_cache(maxsize=256)
def _beta(low: float, high: float, ci_prob: float) -> tuple[Curve, Curve]:
    """Beta(a, b) with both interval ends exact: two equations solved in (ln a, ln b).

    Its quantiles are read off a table: logit x is smooth in the normal score of u, and cubic
    between 1,025 nodes P(X ≤ x) is u within 1e-9, in a fiftieth of the time.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415  (0.2 s to load, rarely needed)

    tail = (1 - ci_prob) / 2

    def miss(log_shape: Array) -> Array:
        a, b = np.exp(log_shape)
        return np.array([betainc(a, b, low) - tail, betainc(a, b, high) - (1 - tail)])

    middle = (low + high) / 2
    spread = (high - low) / (2 * float(ndtri(1 - tail)))
    total = max(middle * (1 - middle) / spread**2 - 1, 0.1)
    start = np.log([middle * total, (1 - middle) * total])
    a, b = np.exp(least_squares(miss, start, xtol=1e-14, ftol=1e-14, gtol=1e-14).x)
    scores = np.linspace(-MOST_SCORE, MOST_SCORE, BETA_NODES)
    below = np.asarray(betaincinv(a, b, ndtr(scores)), dtype=float)
    # Above the middle, what is left to 1 is found by itself: next to 1 a difference has no digits.
    above = np.asarray(betaincinv(b, a, ndtr(-scores)), dtype=float)
    logits = np.log(np.maximum(below, TINY)) - np.log(np.maximum(above, TINY))
    return (
        lambda u: np.asarray(expit(_cubic(ndtri(u), logits))),
        lambda x: np.asarray(betainc(a, b, x), dtype=float),
    )


def _ceiling(claim: Claim) -> float | None:
    """Highest possible value: a share cannot pass 1, whatever its interval's shape."""
    return 1.0 if claim.maximum is None and claim.unit == "share" else claim.maximum


def _curves(claim: Claim) -> tuple[Curve, Curve]:
    low, high, ci_prob = claim.low, claim.high, claim.ci_prob
    if low is None or high is None or ci_prob is None:
        raise _fail(claim, "no interval", "give low, high and ci_prob")
    if claim.shape == "normal":
        median = (low + high) / 2 if claim.value is None else claim.value
        return _two_piece(median, low, high, ci_prob)
    if claim.shape == "lognormal":
        return _lognormal(claim, low, high, ci_prob)
    if claim.shape == "beta":
        return _beta(low, high, ci_prob)
    return _uniform(low, high, ci_prob)


def log_moments(claim: Claim) -> tuple[float, float] | None:
    """Mean and standard deviation of ln x where that is exactly normal; None elsewhere."""
    plain = claim.shape == "lognormal" and claim.reflect_at is None and _ceiling(claim) is None
    low, high, ci_prob = claim.low, claim.high, claim.ci_prob
    if not plain or claim.minimum or low is None or high is None or ci_prob is None:
        return None
    mean = (math.log(low) + math.log(high)) / 2
    if claim.value is not None and not math.isclose(math.log(claim.value), mean, rel_tol=1e-12):
        return None
    return mean, (math.log(high) - math.log(low)) / 2 / float(ndtri(0.5 + ci_prob / 2))


def quantiles(claim: Claim, u: Array) -> Array:
    """Values of the claim at probabilities u.

    Equation: x = F⁻¹(F(minimum) + u·(F(maximum) − F(minimum)))
    Shapes:   u any shape, strictly inside (0, 1); result the same shape, in claim.unit
    Raises:   ClaimInvalid when the bounds leave no probability, or a tail exceeds all numbers
    """
    if claim.shape == "fixed":
        return np.full(np.shape(u), claim.value, dtype=float)
    if claim.shape == "empirical":
        return np.asarray(np.quantile(np.asarray(claim.samples, dtype=float), u))
    ppf, cdf = _curves(claim)
    minimum, maximum = _floor(claim), _ceiling(claim)
    floor = 0.0 if minimum is None else float(cdf(np.asarray(minimum)))
    ceiling = 1.0 if maximum is None else float(cdf(np.asarray(maximum)))
    if ceiling - floor <= 0:
        raise _fail(claim, "no probability between minimum and maximum", "widen the bounds")
    with np.errstate(over="ignore"):
        # Rounding must carry neither a probability to 0 or 1 nor a value past its bound.
        rank = np.clip(floor + u * (ceiling - floor), TINY, 1 - 2.0**-53)
        values = np.clip(ppf(rank), minimum, maximum)
    if not np.isfinite(values).all():
        raise _fail(claim, "its tail exceeds all numbers", "narrow the interval or set a maximum")
    return np.asarray(values)


def median(claim: Claim) -> float:
    """The claim's median, in its unit."""
    return float(quantiles(claim, np.array([0.5]))[0])
