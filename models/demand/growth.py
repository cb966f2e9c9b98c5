"""Growth and level of training compute, measured on past runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from models.claims import Array
from models.errors import OutsideValidRange
from models.quantities import date_of_year, decimal_year
from models.special import stdtrit

TOP_AT_RELEASE = 10
MIN_RUNS = 20
MIN_RECORDS = 10
LEVEL = 0.95


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


@dataclass(frozen=True, slots=True)
class RecordTrend:
    """The line through record-setting runs: growth, and level on a date near their mean.

    level: FLOP on `level_on`, the day of the runs' mean date, with its 90 % credible interval.
    There the errors of level and growth are uncorrelated, so the two may be drawn apart.
    """

    growth: ComputeGrowth
    level: float
    level_low: float
    level_high: float
    level_on: date


@dataclass(frozen=True, slots=True)
class _Line:
    """Log-linear regression: log10 C = level + slope·(t − mean), its standard errors and runs."""

    mean: float
    level: float
    slope: float
    level_error: float
    slope_error: float
    runs: int

    @property
    def quantile(self) -> float:
        """Of the t-distribution at 95 %, n − 2 degrees of freedom."""
        return float(stdtrit(self.runs - 2, LEVEL))

    def growth(self, years: Array) -> ComputeGrowth:
        """The slope as a yearly ratio with its 90 % interval."""
        half = self.quantile * self.slope_error
        ends = (10**self.slope, 10 ** (self.slope - half), 10 ** (self.slope + half))
        return ComputeGrowth(*ends, self.runs, float(years.min()), float(years.max()))


def _line(t: Array, log_c: Array) -> _Line:
    centred = t - t.mean()
    squares = float(centred @ centred)
    slope = float(centred @ log_c / squares)
    residual = log_c - log_c.mean() - slope * centred
    scatter = float(np.sqrt(residual @ residual / (t.size - 2)))
    level_error, slope_error = scatter / np.sqrt(t.size), scatter / np.sqrt(squares)
    return _Line(
        float(t.mean()), float(log_c.mean()), slope, float(level_error), float(slope_error), t.size
    )


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
    return _line(t, log_c).growth(t)


def records(years: Array, compute_flop: Array) -> Array:
    """Mask of the runs that were larger than every earlier one, and the largest of their day.

    Shapes: years and compute_flop (run,); result (run,) bool
    """
    order = np.lexsort((-compute_flop, years))
    before = np.maximum.accumulate(np.concatenate([[-np.inf], compute_flop[order][:-1]]))
    found = np.zeros(years.size, dtype=bool)
    found[order] = compute_flop[order] > before
    return found


def fit_records(years: Array, compute_flop: Array) -> RecordTrend:
    """Log-linear regression through the record-setting runs, with the error of its level.

    Equation: log10 C = a + b·(t − t̄);  standard errors s/√n of a and s/√Σ(t − t̄)² of b, which are
              uncorrelated;  90 % intervals from the t-distribution, n − 2 degrees of freedom
    Units:    years fractional, FLOP
    The scatter of single runs about the line is not in the interval: it is that of the line.
    Raises:   OutsideValidRange with fewer than 10 records or no spread of dates
    """
    chosen = records(years, compute_flop)
    t, log_c = years[chosen], np.log10(compute_flop[chosen])
    if t.size < MIN_RECORDS or np.ptp(t) < 1:
        raise OutsideValidRange(
            f"a trend of records needs {MIN_RECORDS} of them over a year or more; found {t.size}"
        )
    line = _line(t, log_c)
    day = date_of_year(line.mean)
    level = line.level + line.slope * (decimal_year(day) - line.mean)
    half = line.quantile * line.level_error
    return RecordTrend(line.growth(t), 10**level, 10 ** (level - half), 10 ** (level + half), day)
