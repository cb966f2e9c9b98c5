"""When demand first exceeds supply, world by world."""

from __future__ import annotations

import numpy as np

from models.claims import Array


def first_crossing(gap: Array, years: Array) -> Array:
    """First date in each world where demand exceeds supply.

    Equation: log-linear between grid dates: t = t_i + (t_{i+1} − t_i)·r_i/(r_i − r_{i+1}),
              r = gap = ln(demand/supply), at the first i with r_i ≤ 0 < r_{i+1}
    Shapes:   gap (date, world); years (date,); result (world,)
    Censored: −inf where demand exceeds supply at the first date already, +inf where it never does
              on the grid
    """
    above = gap > 0
    crossed = above.any(axis=0)
    after = above.argmax(axis=0)
    before = np.maximum(after - 1, 0)
    worlds = np.arange(gap.shape[1])
    r0, r1 = gap[before, worlds], gap[after, worlds]
    inner = crossed & (after > 0)
    share = np.divide(r0, r0 - r1, out=np.zeros_like(r0), where=inner)
    date = years[before] + share * (years[after] - years[before])
    return np.where(~crossed, np.inf, np.where(after == 0, -np.inf, date))


def censored_quantile(dates: Array, level: float, start: float) -> float | None:
    """Quantile of crossing dates that respects censoring on both sides.

    Takes the order statistic at ⌈level·n⌉ (no interpolation towards an infinite date). Returns
    `start` when that world had crossed before the grid, None when it crosses beyond the horizon.
    """
    ordered = np.sort(dates)
    index = min(max(int(np.ceil(level * ordered.size)) - 1, 0), ordered.size - 1)
    date = float(ordered[index])
    if np.isposinf(date):
        return None
    return start if np.isneginf(date) else date
