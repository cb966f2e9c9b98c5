"""What restrictions leave of a stock, if they are respected."""

from __future__ import annotations

import numpy as np

from models.claims import Array


def open_share(closed: Array, hazard: Array, years: Array) -> Array:
    """Share of a stock that may still be used.

    Equation: (1 − closed)·exp(−hazard·max(years, 0))
    Symbols:  closed is the share closed at first, hazard the rate a year at which the rest closes
    Shapes:   closed, hazard (world,); years since then (date,); result (date, world)
    """
    return np.asarray((1 - closed) * np.exp(-hazard * np.maximum(years, 0)[:, None]))
