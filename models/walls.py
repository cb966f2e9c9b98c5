"""When demand first exceeds supply, world by world."""

from __future__ import annotations

import numpy as np

from models.claims import Array
from models.quantiles import FIRST

BINS_PER_YEAR = 1024


class Crossing:
    """First date in each world where demand exceeds supply, as dates arrive one by one.

    Equation: log-linear between grid dates: t = t_i + (t_{i+1} − t_i)·r_i/(r_i − r_{i+1}),
              r = gap = ln(demand/supply), at the first i with r_i ≤ 0 < r_{i+1}
    Censored: −inf where demand exceeds supply at the first date already, +inf where it never does
              on the grid
    `dates` has shape (world,). A gap that is no number, nothing wanted of nothing, crosses nothing.
    """

    def __init__(self, worlds: int) -> None:
        self.dates: Array = np.full(worlds, np.inf)
        self._open = np.ones(worlds, dtype=bool)
        self._before: Array = np.empty(0)
        self._year = 0.0

    def add(self, gap: Array, year: float) -> None:
        """Take in the next date's gap, shape (world,), which is kept until the next."""
        above = gap > 0
        above &= self._open
        new = np.flatnonzero(above)
        if self._before.size == 0:
            self.dates[new] = -np.inf
        elif new.size:
            r0, r1 = self._before[new], gap[new]
            # A gap that was infinitely low closes at the later date, one that explodes at once.
            with np.errstate(invalid="ignore"):
                share = np.where(np.isneginf(r0), 1.0, r0 / (r0 - r1))
            self.dates[new] = self._year + share * (year - self._year)
        self._open[new] = False
        self._before, self._year = gap, year


def first_crossing(gap: Array, years: Array) -> Array:
    """`Crossing` of a whole grid. Shapes: gap (date, world); years (date,); result (world,)."""
    crossing = Crossing(gap.shape[1])
    for at, year in zip(gap, years.tolist(), strict=True):
        crossing.add(at, year)
    return crossing.dates


class CrossingDates:
    """Crossing dates of all worlds, counted block by block; respects censoring on both sides.

    The first worlds alone give their own order statistics. With more, dates are counted in bins of
    1/1024 year (nine hours), and a quantile is the middle of its bin.
    """

    def __init__(self, first: float, last: float, worlds: int = FIRST) -> None:
        self._first = first
        self._worlds = worlds
        self._bins = np.zeros(round((last - first) * BINS_PER_YEAR) + 1, dtype=np.int64)
        self._before = 0
        self._size = 0
        self._only: Array | None = None

    def add(self, dates: Array) -> None:
        """Take in a block of `first_crossing`, shape (world,)."""
        inside = dates[np.isfinite(dates)]
        bins = ((inside - self._first) * BINS_PER_YEAR).astype(np.int64)
        self._bins += np.bincount(bins, minlength=self._bins.size)
        self._before += int(np.isneginf(dates).sum())
        self._size += dates.size
        alone = self._size == dates.size <= self._worlds
        self._only = np.sort(dates) if alone else None

    @property
    def by_last(self) -> float:
        """Share of worlds that cross before the last date."""
        return (self._before + int(self._bins.sum())) / self._size

    @property
    def before_first(self) -> float:
        """Share of worlds that had crossed at the first date."""
        return self._before / self._size

    def quantile(self, level: float) -> float | None:
        """Order statistic at ⌈level·n⌉; never an interpolation towards an infinite date.

        The first date where that world had crossed before it, None where it crosses after the last.
        """
        rank = min(max(int(np.ceil(level * self._size)), 1), self._size)
        if self._only is not None:
            date = float(self._only[rank - 1])
            return None if np.isposinf(date) else max(date, self._first)
        if rank <= self._before:
            return self._first
        place = int(np.searchsorted(np.cumsum(self._bins), rank - self._before))
        if place == self._bins.size:
            return None
        return self._first + (place + 0.5) / BINS_PER_YEAR
