"""The first day from which something holds, in steps of a month."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from itertools import count, takewhile

MONTHS = 12


def months_after(day: date, months: int) -> date:
    """The same day of another month, or its last day if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def first_passing(start: date, horizon: int, passes: Callable[[date], bool]) -> date | None:
    """First day from start to 1 January of the horizon on which something passes, or None.

    Years are tried first, then the months before the first year that passes are halved: what is
    asked of a forecast changes steadily within a year. The month found passes, the one before it
    does not.
    """
    if passes(start):
        return start
    end = date(horizon, 1, 1)
    years = takewhile(lambda day: day < end, (months_after(start, MONTHS * i) for i in count(1)))
    late = next((day for day in (*years, end) if passes(day)), None)
    if late is None or late <= start:
        return None
    months = [months_after(late, -step) for step in range(MONTHS - 1, -1, -1)]
    place = bisect_left(months, True, hi=MONTHS - 1, key=lambda day: day > start and passes(day))
    return months[place]
