"""A whole forecast: quantiles of supply and demand by year, walls, and the register of inputs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from forecasts.draws import Draws
from forecasts.errors import ScenarioInvalid
from forecasts.results import (
    LEVELS,
    SUPPLY_STAGES,
    TOTAL,
    DemandRow,
    DomainRow,
    Forecast,
    InputRow,
    SupplyRow,
    SupplyStage,
    WallRow,
)
from forecasts.scenario import ComputePath, FlatGain, LawRepetition, Scenario, resolve
from forecasts.simulate import Worlds
from models.claims import Array, Claim, quantiles
from models.demand.growth import ComputeGrowth
from models.records import OriginRecord
from models.walls import censored_quantile, first_crossing

# Numbers held at once: one per world, date and domain. Two gigabytes at eight bytes.
MOST_NUMBERS = 250_000_000
MEASURED_GROWTH = "measured:training_compute_growth"


def measured_growth_claim(growth: ComputeGrowth, known_at: date, origin_id: str) -> Claim:
    """The growth regression on ingested runs, as a claim; fixed if the runs lie on one line."""
    scattered = growth.low < growth.ratio < growth.high
    return Claim(
        name=MEASURED_GROWTH,
        unit="ratio_per_year",
        shape="lognormal" if scattered else "fixed",
        value=growth.ratio,
        low=growth.low,
        high=growth.high,
        ci_prob=0.9,
        status="derived",
        basis=(
            f"log-linear regression of {growth.runs} runs among the ten largest at release, "
            f"{growth.first_year:.1f} to {growth.last_year:.1f}"
        ),
        known_at=known_at,
        origin_id=origin_id,
    )


def place_claims(
    scenario: Scenario, claims: Mapping[str, Claim], measured: Claim | None
) -> dict[str, Claim]:
    """Claim of every place, with the measured growth in its place where the scenario asks for it.

    The measured claim has draws of its own name, so it stays comparable from vintage to vintage and
    changes no other draw.
    """
    placed = resolve(scenario, claims)
    path = scenario.demand.path
    if isinstance(path, ComputePath) and path.growth_from_runs and measured is not None:
        placed["demand.path.growth"] = measured
    return placed


def build_worlds(
    scenario: Scenario, placed: Mapping[str, Claim], as_of: date, worlds: int, seed: int
) -> Worlds:
    """Draw every world of a scenario."""
    start = as_of.year if scenario.start is None else scenario.start
    if start >= scenario.horizon:
        raise ScenarioInvalid(
            f"scenario {scenario.name}: the first year {start} is not before the horizon "
            f"{scenario.horizon}; choose a later horizon"
        )
    numbers = worlds * (scenario.horizon - start + 1) * (len(scenario.supply) + 2)
    if numbers > MOST_NUMBERS:
        raise ScenarioInvalid(
            f"scenario {scenario.name}: {worlds} worlds to {scenario.horizon} would fill "
            f"{numbers * 8 / 1e9:.0f} GB of memory, allowed are {MOST_NUMBERS * 8 / 1e9:.0f}; give "
            "fewer worlds or an earlier horizon"
        )
    return Worlds(scenario, placed, start, Draws(seed, worlds, placed.values()))


_RANKS = np.asarray(LEVELS)


def _quantiles(tokens: Array) -> tuple[float, ...]:
    """Quantiles over worlds; tokens has shape (world,).

    Linear between order statistics, as numpy's default; one sort serves all levels. Single
    precision (seven digits) sorts twice as fast and is far finer than the sampling error.
    """
    ordered = np.sort(tokens.astype(np.float32))
    place = _RANKS * (tokens.size - 1)
    below = np.floor(place).astype(int)
    low = ordered[below].astype(float)
    high = ordered[np.minimum(below + 1, tokens.size - 1)].astype(float)
    return tuple(map(_rounded, (low + (place - below) * (high - low)).tolist()))


def _rounded(x: float) -> float:
    """Seven significant digits: far below sampling error, and stable across processors."""
    return float(f"{x:.7g}")


def _finite(worlds: Worlds, what: str, year: int, tokens: Array) -> tuple[float, ...]:
    levels = _quantiles(tokens)
    if not all(map(math.isfinite, levels)):
        raise ScenarioInvalid(
            f"scenario {worlds.scenario.name}: {what} in {year} is no number of tokens in some "
            "worlds; look for a claim that is divided by and can be 0, or a rate that explodes"
        )
    return levels


def _wall(domain: str, worlds: Worlds, gap: Array) -> WallRow:
    dates = first_crossing(gap, worlds.years)
    start = float(worlds.start)

    def at(level: float) -> float | None:
        quantile = censored_quantile(dates, level, start)
        return None if quantile is None else _rounded(quantile)

    return WallRow(
        domain=domain,
        kind="exhaustion",
        p10=at(0.1),
        p50=at(0.5),
        p90=at(0.9),
        probability_by_horizon=_rounded(float(np.mean(~np.isposinf(dates)))),
        probability_before_start=_rounded(float(np.mean(np.isneginf(dates)))),
    )


@dataclass(frozen=True, slots=True)
class _DomainTables:
    """Rows of one domain or the total."""

    supply: list[SupplyRow]
    demand: list[DemandRow]
    walls: list[WallRow]


@np.errstate(all="ignore")
def _domain_tables(worlds: Worlds, domain: str, whole: Array) -> _DomainTables:
    """Date by date, so that the arrays at work stay in the processor's cache.

    Quantiles are checked to be finite. An infinite gap is none or nothing of a domain: it orders.
    """
    supply: dict[SupplyStage, list[SupplyRow]] = {stage: [] for stage in SUPPLY_STAGES}
    demand: list[DemandRow] = []
    gap = np.empty_like(whole)
    planned = domain in (TOTAL, *worlds.scenario.demand.shares)
    for i, year in enumerate(worlds.years.astype(int).tolist()):
        for stage, rows in supply.items():
            tokens = worlds.supply_on(domain, stage, i)
            levels = _finite(worlds, f"supply of {domain}", year, tokens)
            rows.append(SupplyRow(domain, stage, year, levels))
        if planned:
            wanted = whole[i] if domain == TOTAL else worlds.share(domain) * whole[i]
            levels = _finite(worlds, f"demand of {domain}", year, wanted)
            demand.append(DemandRow(domain, year, levels))
            np.log(wanted / tokens, out=gap[i])
    walls = [_wall(domain, worlds, gap)] if planned else []
    return _DomainTables([row for rows in supply.values() for row in rows], demand, walls)


def _tables(worlds: Worlds) -> list[_DomainTables]:
    """Tables of the total and of every domain; NumPy frees the lock, so threads share the work."""
    whole = worlds.demand()
    with ThreadPoolExecutor() as pool:
        return list(
            pool.map(
                lambda domain: _domain_tables(worlds, domain, whole),
                (TOTAL, *worlds.scenario.supply),
            )
        )


def _inputs(
    scenario: Scenario,
    placed: Mapping[str, Claim],
    origins: Mapping[str, OriginRecord],
) -> tuple[InputRow, ...]:
    users: dict[str, list[str]] = {}
    first_place: dict[str, str] = {}
    for place, user, _ in scenario.quantities():
        name = placed[place].name
        first_place.setdefault(name, place)
        if user not in users.setdefault(name, []):
            users[name].append(user)
    rows = []
    for name, place in first_place.items():
        claim = placed[place]
        drawn = quantiles(claim, np.array([0.05, 0.5, 0.95])).tolist()
        origin = origins.get(claim.origin_id)
        rows.append(
            InputRow(
                name=name,
                used_by=", ".join(users[name]),
                shape=claim.shape,
                unit=claim.unit,
                value=claim.value,
                low=claim.low,
                high=claim.high,
                ci_prob=claim.ci_prob,
                drawn_p05=_rounded(drawn[0]),
                drawn_p50=_rounded(drawn[1]),
                drawn_p95=_rounded(drawn[2]),
                status=claim.status,
                basis=claim.basis,
                valid_on=claim.valid_on,
                known_at=claim.known_at,
                origin_id=claim.origin_id,
                publisher="this scenario" if origin is None else origin.publisher,
                title=claim.basis if origin is None else origin.title,
                url="" if origin is None else origin.url,
            )
        )
    return tuple(rows)


def forecast_id(
    scenario: Scenario,
    placed: Mapping[str, Claim],
    as_of: date,
    worlds: int,
    seed: int,
    code_version: str,
) -> str:
    """Hash of all that determines a forecast; equal ids mean equal numbers."""
    inputs = {
        "scenario": scenario.model_dump(mode="json"),
        "claims": {place: asdict(claim) for place, claim in sorted(placed.items())},
        "as_of": as_of,
        "worlds": worlds,
        "seed": seed,
        "code_version": code_version,
    }
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _describe(spec: object) -> str:
    if isinstance(spec, LawRepetition):
        return "data-constrained law with an epoch cap"
    return "flat factor" if isinstance(spec, FlatGain) else "none"


def run_forecast(
    scenario: Scenario,
    claims: Mapping[str, Claim],
    origins: Mapping[str, OriginRecord],
    *,
    as_of: date,
    code_version: str,
    worlds: int | None = None,
    seed: int | None = None,
    measured: Claim | None = None,
) -> Forecast:
    """Forecast one scenario as known on a date.

    claims and origins are those known at `as_of`; worlds and seed default to the scenario's.
    Raises: ScenarioInvalid for an unknown claim, an unusable one, or a horizon in the past.
    """
    worlds = scenario.worlds if worlds is None else worlds
    seed = scenario.seed if seed is None else seed
    placed = place_claims(scenario, claims, measured)
    drawn = build_worlds(scenario, placed, as_of, worlds, seed)
    tables = _tables(drawn)
    path = scenario.demand.path
    return Forecast(
        forecast_id=forecast_id(scenario, placed, as_of, worlds, seed, code_version),
        scenario=scenario.name,
        title=scenario.title,
        answers=scenario.answers,
        why=scenario.why,
        as_of=as_of,
        worlds=worlds,
        seed=seed,
        start=drawn.start,
        horizon=scenario.horizon,
        code_version=code_version,
        repetition=_describe(scenario.repetition),
        synthetic=_describe(scenario.synthetic),
        demand_path=path.form,
        domains=tuple(
            DomainRow(domain, spec.part_of or "", spec.usable_base, spec.why)
            for domain, spec in scenario.supply.items()
        ),
        supply=tuple(row for part in tables for row in part.supply),
        demand=tuple(row for part in tables for row in part.demand),
        walls=tuple(row for part in tables for row in part.walls),
        inputs=_inputs(scenario, placed, origins),
    )
