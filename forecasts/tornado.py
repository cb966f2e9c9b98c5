"""How far an outcome moves when one input is low or high, read off the draws that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.claims import Array

TAIL = 0.1


@dataclass(frozen=True, slots=True)
class Bar:
    """Median wall where an input lies in its lowest and its highest tenth; None beyond the horizon.

    Units: fractional years. `reach` is their distance, the horizon standing for none.
    """

    name: str
    low: float | None
    high: float | None
    reach: float


def tornado(
    dates: Array, inputs: Mapping[str, Array], start: float, horizon: float, tail: float = TAIL
) -> list[Bar]:
    """Bars of every input, the longest first.

    Equation: median of the wall's date over worlds with the input in its lowest, highest `tail`
    Shapes:   dates (world,), ±inf where censored; every input (world,)
    """
    count = max(int(dates.size * tail), 1)
    bars = []
    for name, values in inputs.items():
        order = np.argsort(values, kind="stable")
        low, high = (_median(dates[part], start) for part in (order[:count], order[-count:]))
        ends = [horizon if end is None else end for end in (low, high)]
        bars.append(Bar(name, low, high, abs(ends[1] - ends[0])))
    return sorted(bars, key=lambda bar: -bar.reach)


def _median(dates: Array, start: float) -> float | None:
    """Order statistic at ⌈n/2⌉: the start if that world had crossed, None if it never does."""
    date = float(np.sort(dates)[(dates.size - 1) // 2])
    return None if np.isposinf(date) else max(date, start)
