"""Rows of supply, demand and walls, gathered from worlds that arrive block by block."""

from __future__ import annotations

import math
import os
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
from models.quantiles import FIRST, Levels, SmoothLevels
from models.walls import CrossingDates, first_crossing

# A normal factor much narrower than the rest smooths nothing, and its cells would show.
WIDE_ENOUGH = 0.1
PENALTIES: dict[WallKind, float] = {"penalty_0.9": 0.9, "penalty_0.5": 0.5}


def rounded(x: float) -> float:
    """Seven significant digits: far below sampling error, and stable across processors."""
    return float(f"{x:.7g}")


@dataclass(slots=True)
class _Stock:
    """Quantiles of one stock on one date; smooth where a normal factor can be integrated out."""

    levels: Levels | SmoothLevels | None = None
    found: tuple[float, ...] = ()

    def add(self, tokens: Array, part: NormalPart | None, alone: bool) -> None:
        rest = None if part is None else np.log(tokens) - part.scores
        if self.levels is None:
            self.levels = _way(rest, part, alone)
        if isinstance(self.levels, SmoothLevels) and rest is not None:
            self.levels.add(rest)
        elif isinstance(self.levels, Levels):
            self.levels.add(tokens)


def _way(rest: Array | None, part: NormalPart | None, alone: bool) -> Levels | SmoothLevels:
    """How quantiles are taken, decided on the first block."""
    if part is None or rest is None or not np.isfinite(rest).all():
        return Levels(LEVELS, alone=alone)
    if part.sd < WIDE_ENOUGH * float(rest.std()):
        return Levels(LEVELS, alone=alone)
    return SmoothLevels(LEVELS, part.mean, part.sd)


@dataclass(slots=True)
class _Tally:
    """All that is kept of one domain, or of the total."""

    supply: dict[tuple[SupplyStage, int], _Stock] = field(default_factory=dict)
    demand: dict[int, Levels] = field(default_factory=dict)
    walls: dict[WallKind, CrossingDates] = field(default_factory=dict)
    binds: int = 0

    @np.errstate(all="ignore")
    def add(self, worlds: Worlds, domain: str, whole: Array, counts: bool) -> Array | None:
        """Take in a block; returns what orders the domains of a world by who runs out first.

        Date by date, so that the arrays at work stay in the processor's cache.

        counts: whether supply is counted here, or is that of another domain.

        An infinite gap is none or nothing of a domain: it orders.
        """
        part = worlds.normal_part(domain)
        alone = worlds.holds_all and whole.shape[1] <= FIRST
        planned = domain in (TOTAL, *worlds.scenario.demand.shares)
        gap = np.empty_like(whole)
        dates = worlds.years.astype(int).tolist()
        for i, year in enumerate(dates):
            for stage in SUPPLY_STAGES if counts else ():
                same = worlds.same_as(domain, stage, i)
                if same is not None:
                    self.supply[stage, year] = self.supply[same[0], dates[same[1]]]
                    continue
                tokens = worlds.supply_on(domain, stage, i)
                self.supply.setdefault((stage, year), _Stock()).add(tokens, part, alone)
            if planned:
                wanted = whole[i] if domain == TOTAL else worlds.share(domain) * whole[i]
                self.demand.setdefault(year, Levels(LEVELS, alone=alone)).add(wanted)
                np.log(wanted / worlds.supply_on(domain, "effective", i), out=gap[i])
        if planned:
            walls = self._cross("exhaustion", gap, worlds)
            if domain == TOTAL and worlds.scenario.severity is not None:
                self._penalties(worlds, whole)
            # Of domains past their wall at the start, the one that lacks most comes first.
            return np.where(np.isneginf(walls), -1e6 - gap[0], walls)
        return None

    def _cross(self, kind: WallKind, gap: Array, worlds: Worlds) -> Array:
        span = (float(worlds.years[0]), float(worlds.years[-1]))
        dates = first_crossing(gap, worlds.years)
        self.walls.setdefault(kind, CrossingDates(*span)).add(dates)
        return dates

    def _penalties(self, worlds: Worlds, whole: Array) -> None:
        shortage = np.stack([worlds.log_shortage(i, demand) for i, demand in enumerate(whole)])
        for kind, ratio in PENALTIES.items():
            self._cross(kind, shortage - worlds.log_shortage_limit(ratio), worlds)


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


def _wall(domain: str, kind: WallKind, dates: CrossingDates, binds: float | None) -> WallRow:
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
        binds=None if binds is None else rounded(binds),
    )


def _supply_rows(scenario: str, domain: str, tally: _Tally) -> Iterator[SupplyRow]:
    for stage in SUPPLY_STAGES:
        for (kept, year), stock in tally.supply.items():
            if kept == stage and stock.levels is not None:
                stock.found = stock.found or _finite(
                    scenario, f"supply of {domain}", year, stock.levels
                )
                yield SupplyRow(domain, stage, year, stock.found)


def _demand_rows(scenario: str, domain: str, tally: _Tally) -> Iterator[DemandRow]:
    for year, levels in tally.demand.items():
        yield DemandRow(domain, year, _finite(scenario, f"demand of {domain}", year, levels))


def _count_binding(tallies: dict[str, _Tally], orders: dict[str, Array | None]) -> None:
    """Add the worlds in which each domain is the first to run out; none where none ever does."""
    planned = {domain: order for domain, order in orders.items() if order is not None}
    if not planned:
        return
    table = np.stack(list(planned.values()))
    first = np.where(np.isposinf(table.min(axis=0)), -1, table.argmin(axis=0))
    for i, domain in enumerate(planned):
        tallies[domain].binds += int((first == i).sum())


def tabulate(scenario: str, blocks: Iterator[Worlds]) -> Tables:
    """Rows of the total and of every domain over all blocks of worlds.

    NumPy frees the interpreter's lock, so threads share the domains of a block.
    """
    tallies: dict[str, _Tally] = {}
    size = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for worlds in blocks:
            whole = worlds.demand()
            for domain in (TOTAL, *worlds.scenario.supply):
                tallies.setdefault(domain, _Tally())
            work = {
                d: pool.submit(
                    tally.add, worlds, d, whole, counts=d != TOTAL or worlds.only is None
                )
                for d, tally in tallies.items()
            }
            _count_binding(tallies, {d: part.result() for d, part in work.items() if d != TOTAL})
            work[TOTAL].result()
            size += whole.shape[1]
            if worlds.only is not None:
                tallies[TOTAL].supply = tallies[worlds.only].supply
    parts = tallies.items()
    return Tables(
        tuple(row for domain, t in parts for row in _supply_rows(scenario, domain, t)),
        tuple(row for domain, t in parts for row in _demand_rows(scenario, domain, t)),
        tuple(
            _wall(domain, kind, w, None if domain == TOTAL else t.binds / size)
            for domain, t in parts
            for kind, w in t.walls.items()
        ),
    )
