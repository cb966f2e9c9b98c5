"""Sensitivity: which inputs, and which laws, a forecast's wall hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from flows.errors import UsageError
from flows.steps.forecast import Knowledge, Options, know, load_scenario, worlds_of
from flows.steps.laws import fits
from flows.workspace import Workspace
from forecasts.disagreement import Disagreement, disagreement
from forecasts.forecast import place_claims
from forecasts.results import TOTAL
from forecasts.scenario import ComputePath, Scenario
from forecasts.sensitivity import variance_shares
from forecasts.shapley import shapley_shares
from forecasts.simulate import Worlds
from forecasts.tornado import tornado
from models.claims import Array
from models.laws import registry
from models.walls import first_crossing
from warehouse.errors import NotFound

# Enough for shares good to a point; every input is sorted once more than a forecast needs.
WORLDS = 16_384


def sensitivity(
    workspace: Workspace, spec: str, domain: str, year: int | None, as_of: date
) -> dict[str, Any]:
    """Variance shares of ln(demand/supply) in a year, bars of the wall's date, and the law map.

    The year is the median wall's, or the middle of the grid, if none is given.
    Raises: NotFound for a domain without demand, UsageError for a year off the grid
    """
    scenario = load_scenario(spec, Options(worlds=WORLDS))
    knowledge = know(workspace, as_of)
    worlds = worlds_of(scenario, knowledge)
    gap = _gap(worlds, domain)
    dates = first_crossing(gap, worlds.years)
    chosen = _year(worlds, dates, year)
    outcome = gap[chosen - worlds.start]
    inputs = worlds.inputs()
    return {
        "scenario": scenario.name,
        "as_of": as_of,
        "worlds": scenario.worlds,
        "domain": domain,
        "year": chosen,
        "shares": _shares(scenario, knowledge, outcome, inputs),
        "tornado": [
            asdict(bar) for bar in tornado(dates, inputs, float(worlds.start), scenario.horizon)
        ],
        "laws": [asdict(row) for row in _laws(workspace, worlds, scenario, chosen)],
    }


def _gap(worlds: Worlds, domain: str) -> Array:
    """ln(demand/supply) by date and world."""
    whole = worlds.demand()
    if domain == TOTAL:
        wanted = whole
    elif domain in worlds.scenario.demand.shares:
        wanted = whole * worlds.share(domain)
    else:
        planned = ", ".join((TOTAL, *map(str, worlds.scenario.demand.shares)))
        raise NotFound(
            f"scenario {worlds.scenario.name} has no demand of {domain!r}; choose one of {planned}"
        )
    with np.errstate(divide="ignore"):
        gap: Array = np.log(wanted / worlds.supply(domain, "effective", worlds.years))
    return gap


def _year(worlds: Worlds, dates: Array, year: int | None) -> int:
    last = worlds.scenario.horizon
    if year is not None:
        if not worlds.start <= year <= last:
            raise UsageError(f"--year is {year}; give one from {worlds.start} to {last}")
        return year
    middle = float(np.sort(dates)[dates.size // 2])
    if not np.isfinite(middle):
        return worlds.start if middle < 0 else last
    return round(middle)


def _shares(
    scenario: Scenario, knowledge: Knowledge, outcome: Array, inputs: dict[str, Array]
) -> list[dict[str, Any]]:
    placed = place_claims(scenario, knowledge.claims, knowledge.measured)
    groups = [
        tuple(dict.fromkeys(placed[place].name for place in group.quantities))
        for group in scenario.correlations
    ]
    first = variance_shares(outcome, inputs)
    fair = shapley_shares(outcome, inputs, groups)
    return [
        {"name": name, "first_order": share, "shapley": fair[name]} for name, share in first.items()
    ]


def _laws(
    workspace: Workspace, worlds: Worlds, scenario: Scenario, year: int
) -> Sequence[Disagreement]:
    """The map in the year and every fifth one; empty where demand does not follow compute."""
    if not isinstance(scenario.demand.path, ComputePath):
        return ()
    known = fits(workspace)
    laws = {name: registry.law(name, known) for name in registry.DEMAND}
    grid = sorted({year, *range(worlds.start, scenario.horizon + 1, 5)})
    return disagreement(worlds, laws, grid)
