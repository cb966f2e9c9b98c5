"""Bars: signs, order and censoring."""

from __future__ import annotations

import numpy as np
import pytest

from forecasts.draws import uniforms
from forecasts.tornado import tornado

WORLDS = 10_000


def test_longest_bar_first_and_on_its_side() -> None:
    supply, demand, idle = (uniforms(name, 1, WORLDS) for name in ("supply", "demand", "idle"))
    dates = 2030 + 4 * supply - 8 * demand
    bars = tornado(dates, {"supply": supply, "demand": demand, "idle": idle}, 2020, 2050)
    assert [bar.name for bar in bars] == ["demand", "supply", "idle"]
    assert bars[1].low is not None and bars[1].high is not None
    # The middle of the lowest tenth is 0.05, of the highest 0.95; demand's own median is 0.5.
    assert bars[1].high - bars[1].low == pytest.approx(4 * 0.9, abs=0.3)
    assert bars[0].reach == pytest.approx(8 * 0.9, abs=0.3)
    assert bars[2].reach < 0.3


def test_beyond_the_horizon_is_none_and_as_far_as_the_horizon() -> None:
    supply = uniforms("supply", 1, WORLDS)
    dates = np.where(supply > 0.5, np.inf, 2030.0)
    (bar,) = tornado(dates, {"supply": supply}, 2026, 2045)
    assert (bar.low, bar.high, bar.reach) == (2030.0, None, 15.0)


def test_a_wall_already_past_stands_at_the_start() -> None:
    supply = uniforms("supply", 1, WORLDS)
    dates = np.where(supply < 0.5, -np.inf, 2030.0)
    (bar,) = tornado(dates, {"supply": supply}, 2026, 2045)
    assert (bar.low, bar.high) == (2026, 2030.0)
