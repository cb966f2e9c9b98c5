"""Totals of a flow."""

from __future__ import annotations

import pytest

from models.supply.accumulation import accumulated


def test_a_century_of_papers() -> None:
    # The essay multiplies 4 million by 100; at 4 % a year the same latest year gives a quarter.
    assert accumulated(4e6, 100, 1) == 4e8
    by_year = sum(4e6 * 1.04**-k for k in range(100))
    assert (
        accumulated(4e6, 100, 1.04) == pytest.approx(by_year) == pytest.approx(1.0194e8, rel=1e-4)
    )
