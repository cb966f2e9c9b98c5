"""What restrictions leave: a share at first, then less every year."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.supply.access import open_share
from models.supply.conversion import fading_years

shares = st.floats(0, 1)
rates = st.floats(0, 3)


def test_the_audited_year() -> None:
    """28 % of the best sources newly closed in a year: a hazard of 0.33."""
    left = open_share(np.array([0.0]), np.array([-np.log(1 - 0.28)]), np.array([0.0, 1.0, 2.0]))
    assert left[:, 0] == pytest.approx([1, 0.72, 0.72**2])


@given(shares, rates, st.floats(-5, 30))
def test_between_nothing_and_what_was_open(closed: float, hazard: float, year: float) -> None:
    left = open_share(np.array([closed]), np.array([hazard]), np.array([year, year + 1]))[:, 0]
    assert 0 <= left[1] <= left[0] <= 1 - closed


@given(st.floats(1e-3, 2), st.floats(0, 50))
def test_growth_that_fades_adds_up_to_its_integral(fading: float, years: float) -> None:
    seen = fading_years(np.array([years]), np.array([fading]))[0, 0]
    steps = (np.arange(4000) + 0.5) / 4000 * years
    assert seen == pytest.approx(np.exp(-fading * steps).mean() * years, rel=1e-3, abs=1e-9)
    assert seen <= min(years, 1 / fading) * (1 + 1e-12) + 1e-12


def test_growth_without_fading_is_plain() -> None:
    years = np.array([-3.0, 0.0, 7.0])
    assert fading_years(years, np.zeros(2)).tolist() == [[-3, -3], [0, 0], [7, 7]]
    assert fading_years(years, np.array([0.5]))[0, 0] == -3
