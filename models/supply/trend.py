"""Growth of a stock or a flow, estimated from its yearly figures by a robust regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.claims import Array
from models.errors import OutsideValidRange

# With fewer, the interval of Theil and Sen has no end at 90 %: it needs ranks beyond the slopes.
MIN_YEARS = 5
# Older years say how a collection was started, not how it grows.
MOST_YEARS = 10
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Trend:
    """Yearly ratio with its 90 % interval, and the data it rests on."""

    ratio: float
    low: float
    high: float
    points: int
    first_year: float
    last_year: float


def robust_growth(years: Array, amounts: Array) -> Trend:
    """Theil–Sen regression of the logarithm of yearly amounts on time.

    Equation: ln y = a + b·t, b the median of (ln y_j − ln y_i) / (t_j − t_i) over i < j;
              ratio = e^b; the interval takes the slopes whose ranks bound b with probability 0.9
    Shapes:   years and amounts (year,); years fractional, amounts in one unit and above 0
    Valid:    one figure a year, of which the ten newest are used. Figures of a running total that
              lie closer share their errors, and the interval, which takes residuals as independent,
              would be too narrow.
    Raises:   OutsideValidRange with fewer than five years, or an amount of 0
    Source:   Theil 1950; Sen 1968, https://doi.org/10.1080/01621459.1968.10480934
    """
    if years.size < MIN_YEARS or np.unique(years).size < years.size:
        raise OutsideValidRange(
            f"growth needs {MIN_YEARS} years with one figure each; found {np.unique(years).size}"
        )
    if not (amounts > 0).all():
        raise OutsideValidRange("growth of an amount of 0 is undefined; leave that year out")
    from scipy.stats import theilslopes  # noqa: PLC0415  (half a second to load, rarely needed)

    years, amounts = _recent(years, amounts)
    slope, _, low, high = theilslopes(np.log(amounts), years, alpha=LEVEL)
    return Trend(
        float(np.exp(slope)), float(np.exp(low)), float(np.exp(high)), int(years.size),
        float(years.min()), float(years.max()),
    )  # fmt: skip


def _recent(years: Array, amounts: Array) -> tuple[Array, Array]:
    newest = np.argsort(years)[-MOST_YEARS:]
    return years[newest], amounts[newest]


def accumulated(latest: float, years: float, growth: float) -> float:
    """What a flow adds up to over its last years, if it grew at a constant ratio to `latest`.

    Equation: Σ_{k=0}^{n−1} latest · growth^−k = latest · (1 − growth^−n) / (1 − 1/growth)
    Units:    that of latest; growth a ratio per year, 1 for none: latest · n
    """
    if growth == 1:
        return latest * years
    return float(latest * (1 - growth**-years) / (1 - 1 / growth))
