"""What must hold for any forecast: monotone in what it is made of, the same however it is run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecasts import draws, tables
from forecasts.forecast import build_worlds, place_claims, run_forecast
from forecasts.net import BLOCK
from forecasts.results import TOTAL, Forecast
from forecasts.scenario import Scenario, load
from models.walls import first_crossing

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

Make = Callable[[str], Scenario]
WORLDS = 400
# A wall is a date of seven digits, so it is rounded to a thousandth of a year.
ROUNDED = 1e-3
relaxed = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _run(scenario: Scenario, knowledge: Knowledge, **options: object) -> Forecast:
    return run_forecast(
        scenario, knowledge.claims, {}, as_of=knowledge.as_of, code_version="test",
        **{"worlds": WORLDS, **options},  # type: ignore[arg-type]
    )  # fmt: skip


def _no_nearer(before: Forecast, after: Forecast) -> None:
    """No wall of the second lies before that of the first, nor is passed in more worlds."""
    for old, new in zip(before.walls, after.walls, strict=True):
        for label in ("p10", "p50", "p90"):
            earlier, later = getattr(old, label), getattr(new, label)
            assert later is None or (earlier is not None and later >= earlier - ROUNDED)
        assert new.probability_by_horizon <= old.probability_by_horizon
        assert new.probability_before_start <= old.probability_before_start


RATIO = "{{unit: {unit}, value: {value}{about}, source: said by a test}}"


def _estimate(unit: str, value: float, about: str = "") -> str:
    return RATIO.format(unit=unit, value=value, about=about)


@relaxed
@given(slow=st.floats(0.8, 1.3), faster=st.floats(1, 1.5))
def test_more_growth_never_brings_a_wall_nearer(
    make_scenario: Make, knowledge: Knowledge, slow: float, faster: float
) -> None:
    """Of a stock counted before the first year: growth counts from there."""
    before, after = (
        _run(make_scenario(
            f"supply: {{code: {{growth: [{_estimate('ratio_per_year', ratio)}]}}}}"), knowledge)
        for ratio in (slow, slow * faster)
    )  # fmt: skip
    counted = knowledge.claims["inventory:the-stack-v2-dedup.bytes.deduplicated"].valid_on
    assert counted is not None
    assert counted.year < before.start
    _no_nearer(before, after)


@relaxed
@given(closed=st.floats(0, 1), hazard=st.floats(0, 1), opened=st.floats(0, 1))
def test_more_access_never_brings_a_wall_nearer(
    make_scenario: Make, knowledge: Knowledge, closed: float, hazard: float, opened: float
) -> None:
    def access(share: float, rate: float) -> Forecast:
        stated = (
            f"closed: {_estimate('share', share, ', valid_on: 2026-01-01')}, "
            f"hazard: {_estimate('per_year', rate)}, respected: true"
        )
        return _run(make_scenario(f"supply: {{web: {{access: {{{stated}}}}}}}"), knowledge)

    before = access(closed, hazard)
    _no_nearer(before, access(closed * opened, hazard))
    _no_nearer(before, access(closed, hazard * opened))


@relaxed
@given(more=st.floats(1, 100))
def test_more_of_any_stock_never_brings_a_wall_nearer(knowledge: Knowledge, more: float) -> None:
    scenario = load("baseline")
    counts = {f"supply.{domain}.count" for domain in scenario.supply}
    names = {q for place, _, q in scenario.quantities() if place in counts and isinstance(q, str)}
    richer = dict(knowledge.claims)
    for name in names:
        claim = knowledge.claims[name]
        scaled = {key: None if (number := getattr(claim, key)) is None else number * more
                  for key in ("value", "low", "high")}  # fmt: skip
        richer[name] = replace(claim, **scaled)
    before = _run(scenario, knowledge)
    after = run_forecast(
        scenario, richer, {}, as_of=knowledge.as_of, code_version="test", worlds=WORLDS
    )
    _no_nearer(before, after)


@relaxed
@given(more=st.floats(1, 1e4))
def test_more_compute_never_postpones_a_wall(
    make_scenario: Make, knowledge: Knowledge, more: float
) -> None:
    def trained(level: float) -> Forecast:
        stated = _estimate("flop", level, ", valid_on: 2025-02-17")
        return _run(make_scenario(f"demand: {{path: {{level: {stated}}}}}"), knowledge)

    _no_nearer(trained(1e25 * more), trained(1e25))


@pytest.mark.parametrize("processors", [1, 2, 7])
def test_the_number_of_processors_changes_no_digit(
    processors: int, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load("baseline").model_copy(update={"horizon": 2030})
    usual = _run(scenario, knowledge, worlds=2000)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert draws.os is os is tables.os
    assert _run(scenario, knowledge, worlds=2000) == usual


@pytest.mark.parametrize("name", ["baseline", "law-ensemble"])
def test_the_size_of_a_block_changes_no_digit(name: str, knowledge: Knowledge) -> None:
    scenario = load(name).model_copy(update={"horizon": 2028})
    laws = knowledge.laws_of(scenario)
    small, large = (
        _run(scenario, knowledge, worlds=2 * BLOCK + 100, block=size, laws=laws)
        for size in (BLOCK, 3 * BLOCK)
    )
    assert small == large


@pytest.mark.parametrize("name", ["baseline", "epoch-2024-historical", "restricted-access"])
def test_quantiles_rise_with_their_level(name: str, knowledge: Knowledge) -> None:
    forecast = _run(load(name), knowledge)
    for row in (*forecast.supply, *forecast.demand):
        assert list(row.quantiles) == sorted(row.quantiles)
    for wall in forecast.walls:
        dates = [np.inf if date is None else date for date in (wall.p10, wall.p50, wall.p90)]
        assert dates == sorted(dates)


def test_censored_worlds_are_counted(knowledge: Knowledge) -> None:
    """Before the grid, on it and after it: every world once, by a count of its own."""
    scenario = load("baseline").model_copy(update={"horizon": 2032})
    placed = place_claims(scenario, knowledge.claims, None)
    worlds = build_worlds(scenario, placed, knowledge.as_of, WORLDS, scenario.seed)
    forecast = _run(scenario, knowledge)
    for domain in (TOTAL, *scenario.supply):
        share = 1 if domain == TOTAL else worlds.share(domain)
        gap = np.log(share * worlds.demand() / worlds.supply(domain, "effective", worlds.years))
        dates = first_crossing(gap, worlds.years)
        before, after = int(np.isneginf(dates).sum()), int(np.isposinf(dates).sum())
        wall = forecast.wall(domain)
        assert wall.probability_before_start * WORLDS == pytest.approx(before)
        assert (1 - wall.probability_by_horizon) * WORLDS == pytest.approx(after)
        assert (wall.p90 is None) is (after > 0.1 * WORLDS)
        assert (wall.p10 == forecast.start) is (before >= 0.1 * WORLDS)
