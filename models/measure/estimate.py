"""Estimates of a corpus from what was counted: a value, its credible interval, its unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.claims import Shape
from models.errors import OutsideValidRange
from models.special import betaincinv, stdtrit

Array = NDArray[np.float64]

CI_PROB = 0.9


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure. Without low and high it was counted, not estimated."""

    name: str
    value: float
    unit: str
    basis: str
    low: float | None = None
    high: float | None = None

    @property
    def ci_prob(self) -> float | None:
        """Probability of the interval; None where there is none."""
        return None if self.low is None else CI_PROB

    @property
    def shape(self) -> Shape:
        """Distribution that a forecast draws from."""
        if self.low is None or self.high is None:
            return "fixed"
        if not self.low < self.value < self.high:
            return "uniform"
        return "normal" if self.unit == "share" else "lognormal"


def half_width(standard_error: float, replicates: int) -> float:
    """Half of the interval of a mean of independent replicates: t·s.e., t with n − 1 degrees."""
    return float(stdtrit(replicates - 1, (1 + CI_PROB) / 2)) * standard_error


def clipped_share(value: float, half: float) -> tuple[float, float, float]:
    """Value, low and high of a share; what lies beyond 0 and 1 is cut off."""
    value = min(max(value, 0.0), 1.0)
    return value, max(value - half, 0.0), min(value + half, 1.0)


def ratio(over: Array, under: Array, sampled_share: float) -> tuple[float, float, float]:
    """Ratio of two totals from random groups of a sample, with its interval.

    Equation: R = ΣY/ΣX;  s.e.² = (1 − f)·G/(G − 1)·Σ(Y_g − R·X_g)² / (ΣX)²;
              interval R·exp(±t·s.e./R)
    Shapes:   over, under (group,); f is the share of all that was sampled
    Source:   random groups, Wolter, Introduction to Variance Estimation, ch. 2
    Raises:   OutsideValidRange where fewer than two groups hold anything
    """
    used = under > 0
    groups, total = int(used.sum()), float(under.sum())
    value = float(over.sum()) / total if total else 0.0
    if sampled_share >= 1 and total:
        return value, value, value
    if groups < 2 or value <= 0:
        raise OutsideValidRange(
            f"the sample holds {groups} of the 2 groups of documents that an interval needs; "
            "raise --sample"
        )
    misses = over[used] - value * under[used]
    variance = (1 - sampled_share) * groups / (groups - 1) * float((misses**2).sum()) / total**2
    factor = float(np.exp(half_width(float(np.sqrt(variance)), groups) / value))
    return value, value / factor, value * factor


def share_of_sample(hits: float, size: float) -> tuple[float, float]:
    """Interval of a share seen `hits` times in a random sample of (effective) size.

    Equation: quantiles of Beta(hits + ½, size − hits + ½), the posterior under Jeffreys' prior; an
    end is 0 or 1 where nothing or everything was hit
    """
    tail = (1 - CI_PROB) / 2
    a, b = hits + 0.5, size - hits + 0.5
    low = 0.0 if hits <= 0 else float(betaincinv(a, b, tail))
    high = 1.0 if hits >= size else float(betaincinv(a, b, 1 - tail))
    return low, high
