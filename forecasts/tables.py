"""Rows of supply, demand and walls, gathered from worlds that arrive block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from forecasts.errors import ScenarioInvalid
from forecasts.results import (
    LEVELS,
    SUPPLY_STAGES,
    TOTAL,
    DemandRow,
    SupplyRow,
    SupplyStage,
    WallKind,
    WallRow,
)
from forecasts.simulate import NormalPart, Worlds
from models.claims import Array
from models.quantiles import Levels, SmoothLevels
from models.walls import CrossingDates, first_crossing

# A normal factor much narrower than the rest smooths nothing, and its cells would show.
WIDE_ENOUGH = 0.1


def rounded(x: float) -> float:
    """Seven significant digits: far below sampling error, and stable across processors."""
    return float(f"{x:.7g}")


@dataclass(slots=True)
class _Stock:
    """Quantiles of one stock on one date; smooth where a normal factor can be integrated out."""

    levels: Levels | SmoothLevels | None = None

    def add(self, tokens: Array, part: NormalPart | None) -> None:
        if self.levels is None:
            self.levels = _way(tokens, part)
        if isinstance(self.levels, SmoothLevels) and part is not None:
            self.levels.add(np.log(tokens) - part.scores)
        elif isinstance(self.levels, Levels):
            self.levels.add(tokens)


def _way(tokens: Array, part: NormalPart | None) -> Levels | SmoothLevels:
    """How quantiles are taken, decided on the first block."""
    if part is None:
        return Levels(LEVELS)
    rest = np.log(tokens) - part.scores
    if not np.isfinite(rest).all() or part.sd < WIDE_ENOUGH * float(rest.std()):
        return Levels(LEVELS)
    return SmoothLevels(LEVELS, part.mean, part.sd)


@dataclass(slots=True)
class _Tally:
    """All that is kept of one domain, or of the total."""

    supply: dict[tuple[SupplyStage, int], _Stock] = field(default_factory=dict)
    demand: dict[int, Levels] = field(default_factory=dict)
    walls: dict[WallKind, CrossingDates] = field(default_factory=dict)

    @np.errstate(all="ignore")
    def add(self, worlds: Worlds, domain: str, whole: Array, counts: bool) -> None:
        """Date by date, so that the arrays at work stay in the processor's cache.

        counts: whether supply is counted here, or is that of another domain.

        An infinite gap is none or nothing of a domain: it orders.
        """
        part = worlds.normal_part(domain)
        planned = domain in (TOTAL, *worlds.scenario.demand.shares)
        gap = np.empty_like(whole)
        for i, year in enumerate(worlds.years.astype(int).tolist()):
            for stage in SUPPLY_STAGES if counts else ():
                tokens = worlds.supply_on(domain, stage, i)
                self.supply.setdefault((stage, year), _Stock()).add(tokens, part)
            if planned:
                wanted = whole[i] if domain == TOTAL else worlds.share(domain) * whole[i]
                self.demand.setdefault(year, Levels(LEVELS)).add(wanted)
                np.log(wanted / worlds.supply_on(domain, "effective", i), out=gap[i])
        if planned:
            span = (float(worlds.years[0]), float(worlds.years[-1]))
            crossings = self.walls.setdefault("exhaustion", CrossingDates(*span))
            crossings.add(first_crossing(gap, worlds.years))


@dataclass(frozen=True, slots=True)
class Tables:
    """Rows of a forecast."""

    supply: tuple[SupplyRow, ...]
    demand: tuple[DemandRow, ...]
    walls: tuple[WallRow, ...]


def _finite(
    scenario: str, what: str, year: int, levels: Levels | SmoothLevels
) -> tuple[float, ...]:
    values = levels.quantiles().tolist()
    if not all(map(math.isfinite, values)):
        raise ScenarioInvalid(
            f"scenario {scenario}: {what} in {year} is no number of tokens in some worlds; look "
            "for a claim that is divided by and can be 0, or a rate that explodes"
        )
    return tuple(map(rounded, values))


def _wall(domain: str, kind: WallKind, dates: CrossingDates) -> WallRow:
    def at(level: float) -> float | None:
        date = dates.quantile(level)
        return None if date is None else rounded(date)

    return WallRow(
        domain=domain,
        kind=kind,
        p10=at(0.1),
        p50=at(0.5),
        p90=at(0.9),
        probability_by_horizon=rounded(dates.by_last),
        probability_before_start=rounded(dates.before_first),
    )


def _supply_rows(scenario: str, domain: str, tally: _Tally) -> Iterator[SupplyRow]:
    for stage in SUPPLY_STAGES:
        for (kept, year), stock in tally.supply.items():
            if kept == stage and stock.levels is not None:
                levels = _finite(scenario, f"supply of {domain}", year, stock.levels)
                yield SupplyRow(domain, stage, year, levels)


def _demand_rows(scenario: str, domain: str, tally: _Tally) -> Iterator[DemandRow]:
    for year, levels in tally.demand.items():
        yield DemandRow(domain, year, _finite(scenario, f"demand of {domain}", year, levels))


def tabulate(scenario: str, blocks: Iterator[Worlds]) -> Tables:
    """Rows of the total and of every domain over all blocks of worlds.

    NumPy frees the interpreter's lock, so threads share the domains of a block.
    """
    tallies: dict[str, _Tally] = {}
    with ThreadPoolExecutor() as pool:
        for worlds in blocks:
            whole = worlds.demand()
            for domain in (TOTAL, *worlds.scenario.supply):
                tallies.setdefault(domain, _Tally())
            work = [
                pool.submit(tally.add, worlds, d, whole, counts=d != TOTAL or worlds.only is None)
                for d, tally in tallies.items()
            ]
            for part in work:
                part.result()
            if worlds.only is not None:
                tallies[TOTAL].supply = tallies[worlds.only].supply
    parts = tallies.items()
    return Tables(
        tuple(row for domain, t in parts for row in _supply_rows(scenario, domain, t)),
        tuple(row for domain, t in parts for row in _demand_rows(scenario, domain, t)),
        tuple(_wall(domain, kind, w) for domain, t in parts for kind, w in t.walls.items()),
    )
