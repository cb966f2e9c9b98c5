"""Forecast: claims as known on a date to stored quantiles and walls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from pydantic import ValidationError
from sqlalchemy import Connection

from flows.rows import forecast_from_rows, forecast_rows
from flows.steps.prepare import ready, writing
from flows.version import code_version
from flows.workspace import Workspace
from forecasts import scenario as scenarios
from forecasts.ensemble import Laws
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import (
    build_worlds,
    forecast_id,
    measured_growth_claim,
    place_claims,
    record_claims,
    run_forecast,
)
from forecasts.results import Forecast
from forecasts.scenario import LawChoice, Scenario
from forecasts.simulate import Worlds, ensemble_of
from models.claims import Array, Claim
from models.demand.growth import fit_growth, fit_records
from models.errors import OutsideValidRange
from models.quantities import decimal_year
from models.records import OriginRecord
from warehouse import catalogue
from warehouse.claims import FrontierRuns, read_claims, read_frontier_runs, read_origins
from warehouse.connection import reader
from warehouse.store import has_forecast, last_total_walls, read_forecast, save_forecast


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the warehouse knew on a date: the only input of a forecast besides its scenario."""

    as_of: date
    claims: dict[str, Claim]
    origins: dict[str, OriginRecord]
    measured: Claim | None
    # Reads the laws that a scenario draws from; few scenarios do, and reading takes a query.
    laws_of: Callable[[Scenario], Laws]


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may override of a scenario."""

    worlds: int | None = None
    seed: int | None = None
    horizon: int | None = None


def default_as_of(now: datetime) -> date:
    """Today, or the newest claim of the catalogue if this machine's clock is behind it.

    A forecast as of an earlier day would lack claims of the very package that makes it.
    """
    return max(now.date(), catalogue.extent(date.max)[0])


def know(workspace: Workspace, as_of: date) -> Knowledge:
    """Read claims and past runs as known on a date from the published copy."""
    with ready(workspace, as_of) as connection:
        return _knowledge(connection, workspace, as_of)


def _knowledge(connection: Connection, workspace: Workspace, as_of: date) -> Knowledge:
    runs = read_frontier_runs(connection)
    return Knowledge(
        as_of=as_of,
        claims=read_claims(connection) | _records(runs),
        origins=read_origins(connection),
        measured=None if runs is None else _measured(runs),
        laws_of=partial(_laws_of, workspace, as_of, {}),
    )


def _laws_of(
    workspace: Workspace, as_of: date, read: dict[tuple[LawChoice, ...], Laws], scenario: Scenario
) -> Laws:
    """The laws that a scenario's demand draws from, read once; their reader loads where one does.

    read: those read so far, which are added to
    """
    choices = getattr(scenario.demand.path, "laws", ())
    if choices and choices not in read:
        from flows.steps.demand_laws import laws_of

        read[choices] = laws_of(workspace, as_of, scenario.name, choices)
    return read.get(choices, {})


def _measured(runs: FrontierRuns) -> Claim | None:
    """Growth of compute measured on past runs; None where they are too few to tell."""
    try:
        growth = fit_growth(*_dated(runs))
    except OutsideValidRange:
        # The scenario then draws from its catalogue claim, which the register of inputs shows.
        return None
    return measured_growth_claim(growth, runs.known_at, runs.origin_id)


def _records(runs: FrontierRuns | None) -> dict[str, Claim]:
    """Level and growth of record-setting compute; none where the records are too few to tell."""
    if runs is None:
        return {}
    try:
        trend = fit_records(*_dated(runs))
    except OutsideValidRange:
        # A scenario that names them is told that they are not known.
        return {}
    return record_claims(trend, runs.known_at, runs.origin_id)


def _dated(runs: FrontierRuns) -> tuple[Array, Array]:
    """Fractional years and FLOP of past runs, both (run,)."""
    import numpy as np

    years = np.array([decimal_year(day) for day in runs.published_on])
    return years, np.array(runs.compute_flop)


def load_scenario(spec: str, options: Options) -> Scenario:
    """A scenario by name or file, with the caller's overrides checked like its own keys."""
    scenario = scenarios.load(spec)
    changes = {
        key: value
        for key, value in (
            ("worlds", options.worlds), ("seed", options.seed), ("horizon", options.horizon),
        )
        if value is not None
    }  # fmt: skip
    if not changes:
        return scenario
    try:
        return Scenario.model_validate(scenario.model_dump() | changes)
    except ValidationError as error:
        raise ScenarioInvalid(scenarios.explain(error, f"scenario {spec} as changed")) from error


def forecast(
    workspace: Workspace, specs: Sequence[str], as_of: date, options: Options, now: datetime
) -> list[Forecast]:
    """Forecast every scenario, store the results and publish them.

    A forecast that is stored already is read: its id hashes all that determines its numbers.
    """
    chosen = [load_scenario(spec, options) for spec in specs]
    with ready(workspace, as_of) as connection:
        knowledge = _knowledge(connection, workspace, as_of)
        ids = [_id(scenario, knowledge) for scenario in chosen]
        known = _stored(connection, ids)
    results = [known.get(i) or compute(s, knowledge) for i, s in zip(ids, chosen, strict=True)]
    new = [result for result in results if result.forecast_id not in known]
    if new:
        _save(workspace, new, now)
    return results


def _id(scenario: Scenario, knowledge: Knowledge) -> str:
    placed = place_claims(scenario, knowledge.claims, knowledge.measured)
    return forecast_id(
        scenario,
        placed,
        knowledge.as_of,
        scenario.worlds,
        scenario.seed,
        code_version(),
        ensemble_of(scenario, placed, knowledge.laws_of(scenario)),
    )


def _stored(connection: Connection, ids: Sequence[str]) -> dict[str, Forecast]:
    return {
        name: forecast_from_rows(*read_forecast(connection, name))
        for name in ids
        if has_forecast(connection, name)
    }


def compute(scenario: Scenario, knowledge: Knowledge) -> Forecast:
    """Forecast one scenario from what was known; stores nothing."""
    return run_forecast(
        scenario,
        knowledge.claims,
        knowledge.origins,
        as_of=knowledge.as_of,
        code_version=code_version(),
        measured=knowledge.measured,
        laws=knowledge.laws_of(scenario),
    )


def store(workspace: Workspace, results: Sequence[Forecast], now: datetime) -> None:
    """Store forecasts that are not stored yet, and publish them."""
    with reader(workspace.published) as connection:
        new = [f for f in results if not has_forecast(connection, f.forecast_id)]
    if new:
        _save(workspace, new, now)


def _save(workspace: Workspace, results: Sequence[Forecast], now: datetime) -> None:
    with writing(workspace) as connection:
        for result in results:
            head, parts = forecast_rows(result)
            save_forecast(connection, head, parts, now)


def worlds_of(scenario: Scenario, knowledge: Knowledge) -> Worlds:
    """The worlds of a scenario, for decisions on runs."""
    placed = place_claims(scenario, knowledge.claims, knowledge.measured)
    laws = knowledge.laws_of(scenario)
    return build_worlds(scenario, placed, knowledge.as_of, scenario.worlds, scenario.seed, laws)


def last_walls(workspace: Workspace) -> dict[str, float]:
    """Median of the total exhaustion wall of the newest forecast of every scenario."""
    with ready(workspace) as connection:
        return last_total_walls(connection)
