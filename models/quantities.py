"""Units and dates shared by every folder.

Amounts are plain floats with these names: tokens (with a tokenizer recorded beside them), params,
compute_flop. A rate is never called FLOPs.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import NewType

Tokens = NewType("Tokens", float)
Params = NewType("Params", float)
Flop = NewType("Flop", float)
Nats = NewType("Nats", float)

# Training FLOP of a dense transformer per parameter and token: C = 6·N·D (Kaplan et al. 2020).
FLOP_PER_PARAM_TOKEN = 6.0


def decimal_year(day: date) -> float:
    """Date as a fractional year: 1 January 2029 is 2029.0, 2 July 2029 is 2029.4986."""
    days = 366 if calendar.isleap(day.year) else 365
    return day.year + (day.timetuple().tm_yday - 1) / days


def date_of_year(year: float) -> date:
    """Calendar day of a fractional year, the inverse of `decimal_year` to the day."""
    whole = int(year)
    days = 366 if calendar.isleap(whole) else 365
    return date(whole, 1, 1) + timedelta(days=min(round((year - whole) * days), days - 1))
