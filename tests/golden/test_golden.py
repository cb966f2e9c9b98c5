"""Forecasts that stay as they are until somebody means to change them.

`pytest tests/golden --update-golden` rewrites the files; the commit says why the numbers moved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from forecasts.forecast import run_forecast
from forecasts.results import TOTAL, Forecast
from forecasts.scenario import load, names

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

FOLDER = Path(__file__).parent
WORLDS, SEED = 1000, 20240604
YEARS = (2026, 2030, 2040)
SHOWN = ("p05", "p50", "p95")


def _document(forecast: Forecast) -> dict[str, Any]:
    walls = {
        f"{row.domain} {row.kind}": [row.p10, row.p50, row.p90, row.probability_by_horizon]
        for row in forecast.walls
    }
    years = [year for year in YEARS if forecast.start <= year <= forecast.horizon]
    supply = {
        f"{stage} {year}": [forecast.supply_at(TOTAL, stage, year).at(p) for p in SHOWN]
        for stage in ("raw", "unique", "effective")
        for year in years
    }
    demand = {str(year): [forecast.demand_at(TOTAL, year).at(p) for p in SHOWN] for year in years}
    return {"as_of": str(forecast.as_of), "walls": walls, "supply": supply, "demand": demand}


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, inner in items for k, v in _flat(inner, f"{place}/{key}").items()}
    return {place: value}


@pytest.mark.parametrize("name", names())
def test_forecast_is_unchanged(
    name: str, knowledge: Knowledge, request: pytest.FixtureRequest
) -> None:
    forecast = run_forecast(
        load(name), knowledge.claims, knowledge.origins, as_of=knowledge.as_of,
        code_version="golden", worlds=WORLDS, seed=SEED,
        laws=knowledge.laws_of(load(name)),
    )  # fmt: skip
    path = FOLDER / f"{name}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(json.dumps(_document(forecast), indent=2) + "\n", "utf-8")
        return
    seen, kept = _flat(_document(forecast)), _flat(json.loads(path.read_text("utf-8")))
    assert seen.keys() == kept.keys()
    moved = [
        f"{key}: {kept[key]} → {value}"
        for key, value in seen.items()
        # Processors differ in the last digits of exp and log.
        if value != (kept[key] if isinstance(value, str | None) else pytest.approx(kept[key]))
    ]
    assert not moved


def test_every_golden_file_has_its_scenario() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == names()
