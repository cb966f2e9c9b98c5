"""Growth of training compute, measured on past runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from models.claims import Array
from models.errors import OutsideValidRange

TOP_AT_RELEASE = 10
MIN_RUNS = 20


@dataclass(frozen=True, slots=True)
class ComputeGrowth:
    """Yearly ratio of frontier training compute with its 90 % credible interval, and the data."""

    ratio: float
    low: float
    high: float
    runs: int
    first_year: float
    last_year: float


def frontier(years: Array, compute_flop: Array, top: int = TOP_AT_RELEASE) -> Array:
    """Mask of the runs among the `top` largest at their own release.

    Shapes: years and compute_flop (run,); result (run,) bool. Ties and same-day releases count
    all runs up to and including that day.
    Source: Epoch AI's definition of frontier models, https://epoch.ai/data-insights
    """
    larger = compute_flop[None, :] > compute_flop[:, None]
    earlier = years[None, :] <= years[:, None]
    return np.asarray((larger & earlier).sum(axis=1) < top)


def fit_growth(years: Array, compute_flop: Array) -> ComputeGrowth:
    """Log-linear regression of frontier compute on release date.

    Equation: log10 C = a + b·t;  ratio = 10^b;  90 % interval from the t-distribution of b's
              standard error (n − 2 degrees of freedom). With a flat prior it is also the posterior.
    Units:    years fractional, FLOP; ratio per year
    Raises:   OutsideValidRange with fewer than 20 frontier runs or no spread of dates
    """
    chosen = frontier(years, compute_flop)
    t, log_c = years[chosen], np.log10(compute_flop[chosen])
    if t.size < MIN_RUNS or np.ptp(t) < 1:
        raise OutsideValidRange(
            f"compute growth needs {MIN_RUNS} frontier runs over a year or more; found {t.size}"
        )
    centred = t - t.mean()
    slope = float(centred @ log_c / (centred @ centred))
    residual = log_c - log_c.mean() - slope * centred
    error = float(np.sqrt(residual @ residual / (t.size - 2) / (centred @ centred)))
    half = float(stdtrit(t.size - 2, 0.95)) * error
    low, high = 10 ** (slope - half), 10 ** (slope + half)
    return ComputeGrowth(10**slope, low, high, int(t.size), float(t.min()), float(t.max()))
