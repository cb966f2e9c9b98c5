"""Dates as fractional years, and back."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.quantities import date_of_year, decimal_year


def test_fractional_years() -> None:
    assert decimal_year(date(2029, 1, 1)) == 2029.0
    assert decimal_year(date(2029, 7, 2)) == pytest.approx(2029 + 182 / 365)
    assert decimal_year(date(2028, 12, 31)) == pytest.approx(2028 + 365 / 366)


@given(st.dates(date(1900, 1, 1), date(2200, 12, 31)))
def test_a_day_survives_the_round_trip(day: date) -> None:
    assert date_of_year(decimal_year(day)) == day
