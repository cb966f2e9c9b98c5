"""A whole forecast: quantiles of supply and demand by year, walls, and the register of inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from types import MappingProxyType

import numpy as np

from forecasts.draws import Draws
from forecasts.ensemble import Ensemble, Laws
from forecasts.errors import ScenarioInvalid
from forecasts.net import BLOCK
from forecasts.results import DomainRow, Forecast, InputRow
from forecasts.scenario import (
    ComputePath,
    FlatGain,
    HarmfulRepetition,
    LawRepetition,
    LawSynthetic,
    Scenario,
    copula_groups,
    resolve,
)
from forecasts.simulate import Worlds, ensemble_of
from forecasts.tables import rounded, tabulate
from models.claims import Claim, quantiles
from models.demand.growth import ComputeGrowth, RecordTrend
from models.records import OriginRecord

# Numbers held at once: one per world, date and domain. Two gigabytes at eight bytes.
MOST_NUMBERS = 250_000_000
MEASURED_GROWTH = "measured:training_compute_growth"
RECORD_LEVEL = "measured:record_compute_level"
RECORD_GROWTH = "measured:record_compute_growth"
NO_LAWS: Laws = MappingProxyType({})


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


def record_claims(trend: RecordTrend, known_at: date, origin_id: str) -> dict[str, Claim]:
    """Level and growth of record-setting compute as claims that a scenario may name.

    Together they are the regression line with its uncertainty: independent, since the level stands
    at the runs' mean date.
    """
    growth = trend.growth
    numbers = {
        RECORD_LEVEL: ("flop", trend.level, trend.level_low, trend.level_high, trend.level_on),
        RECORD_GROWTH: ("ratio_per_year", growth.ratio, growth.low, growth.high, None),
    }
    basis = (
        f"log-linear regression of {growth.runs} runs larger than all before them, "
        f"{growth.first_year:.1f} to {growth.last_year:.1f}"
    )
    return {
        name: Claim(
            name=name, unit=unit, shape="lognormal" if low < value < high else "fixed",
            value=value, low=low, high=high, ci_prob=0.9, status="derived", basis=basis,
            valid_on=valid_on, known_at=known_at, origin_id=origin_id,
        )
        for name, (unit, value, low, high, valid_on) in numbers.items()
    }  # fmt: skip


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


def first_year(scenario: Scenario, as_of: date) -> int:
    """First year shown: the scenario's, or that of the day of knowledge."""
    start = as_of.year if scenario.start is None else scenario.start
    if start >= scenario.horizon:
        raise ScenarioInvalid(
            f"scenario {scenario.name}: the first year {start} is not before the horizon "
            f"{scenario.horizon}; choose a later horizon"
        )
    return start


def build_worlds(
    scenario: Scenario,
    placed: Mapping[str, Claim],
    as_of: date,
    worlds: int,
    seed: int,
    laws: Laws = NO_LAWS,
) -> Worlds:
    """Draw every world of a scenario at once; `blocks` needs less memory.

    laws: those that the scenario's demand draws from
    """
    start = first_year(scenario, as_of)
    numbers = worlds * (scenario.horizon - start + 1) * (len(scenario.supply) + 2)
    if numbers > MOST_NUMBERS:
        raise ScenarioInvalid(
            f"scenario {scenario.name}: {worlds} worlds to {scenario.horizon} would fill "
            f"{numbers * 8 / 1e9:.0f} GB of memory, allowed are {MOST_NUMBERS * 8 / 1e9:.0f}; give "
            "fewer worlds or an earlier horizon"
        )
    return Worlds(
        scenario,
        placed,
        start,
        Draws(seed, worlds, placed.values(), groups=copula_groups(scenario, placed)),
        ensemble_of(scenario, placed, laws),
    )


def blocks(
    scenario: Scenario,
    placed: Mapping[str, Claim],
    as_of: date,
    worlds: int,
    seed: int,
    block: int = BLOCK,
    ensemble: Ensemble | None = None,
    dates_per_year: int = 1,
) -> Iterator[Worlds]:
    """All worlds of a scenario, block by block; the same whatever the block's size.

    block: a multiple of BLOCK, so that the first block, which sets the cells that quantiles are
           counted in, holds the same worlds
    """
    start = first_year(scenario, as_of)
    groups = copula_groups(scenario, placed)
    for begin in range(0, worlds, block):
        end = min(begin + block, worlds)
        drawn = Draws(seed, worlds, placed.values(), start=begin, stop=end, groups=groups)
        yield Worlds(scenario, placed, start, drawn, ensemble, dates_per_year)


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
                drawn_p05=rounded(drawn[0]),
                drawn_p50=rounded(drawn[1]),
                drawn_p95=rounded(drawn[2]),
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
    ensemble: Ensemble | None = None,
) -> str:
    """Hash of all that determines a forecast; equal ids mean equal numbers."""
    inputs = {
        "scenario": scenario.model_dump(mode="json"),
        "claims": {place: asdict(claim) for place, claim in sorted(placed.items())},
        "as_of": as_of,
        "worlds": worlds,
        "seed": seed,
        "code_version": code_version,
        "laws": None if ensemble is None else ensemble.fingerprint(),
    }
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _describe(spec: object) -> str:
    if isinstance(spec, LawRepetition):
        return "data-constrained law with an epoch cap"
    if isinstance(spec, HarmfulRepetition):
        return "law in which repetition hurts, within an epoch cap"
    if isinstance(spec, LawSynthetic):
        return "law of verifiability with a limited share"
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
    laws: Laws = NO_LAWS,
    block: int = BLOCK,
) -> Forecast:
    """Forecast one scenario as known on a date.

    claims, origins and the laws its demand draws from are those known at `as_of`; worlds and seed
    default to the scenario's.
    Raises: ScenarioInvalid for an unknown claim, an unusable one, or a horizon in the past.
    """
    worlds = scenario.worlds if worlds is None else worlds
    seed = scenario.seed if seed is None else seed
    placed = place_claims(scenario, claims, measured)
    ensemble = ensemble_of(scenario, placed, laws)
    tables = tabulate(scenario.name, blocks(scenario, placed, as_of, worlds, seed, block, ensemble))
    path = scenario.demand.path
    return Forecast(
        forecast_id=forecast_id(scenario, placed, as_of, worlds, seed, code_version, ensemble),
        scenario=scenario.name,
        title=scenario.title,
        answers=scenario.answers,
        why=scenario.why,
        as_of=as_of,
        worlds=worlds,
        seed=seed,
        start=first_year(scenario, as_of),
        horizon=scenario.horizon,
        code_version=code_version,
        repetition=_describe(scenario.repetition),
        synthetic=_describe(scenario.synthetic),
        demand_path=path.form if ensemble is None else f"{path.form}, ensemble of laws",
        domains=tuple(
            DomainRow(domain, spec.part_of or "", spec.usable_base, spec.why, spec.information)
            for domain, spec in scenario.supply.items()
        ),
        supply=tables.supply,
        demand=tables.demand,
        walls=tables.walls,
        inputs=(
            *_inputs(scenario, placed, origins),
            *(() if ensemble is None else ensemble.rows(origins)),
        ),
    )
