"""Rows of supply, demand and walls, gathered from worlds that arrive block by block."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
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
from models.walls import Crossing, CrossingDates

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

    def add(self, amount: Array, part: NormalPart | None, alone: bool) -> None:
        """Take in a block: tokens, or the logarithm of what is left of them without the part."""
        if self.levels is None:
            self.levels = _way(amount, part, alone)
            if isinstance(self.levels, SmoothLevels):
                return
        if isinstance(self.levels, SmoothLevels):
            self.levels.add(amount)
        else:
            self.levels.add(amount if part is None else np.exp(amount + part.scores))


def _way(amount: Array, part: NormalPart | None, alone: bool) -> Levels | SmoothLevels:
    """How quantiles are taken, decided on the first block, which smooth levels take in at once."""
    # Infinities and what is no number show in the sum.
    if part is not None and np.isfinite(amount.sum()):
        smooth = SmoothLevels(LEVELS, part.mean, part.sd)
        smooth.add(amount)
        if part.sd >= WIDE_ENOUGH * smooth.spread:
            return smooth
    return Levels(LEVELS, alone=alone)


# A date's amount by stage: tokens, or ln of what is left of them without the normal part.
Amounts = Callable[[SupplyStage], Array]


def _amounts(worlds: Worlds, domain: str, part: NormalPart | None) -> Iterator[Amounts]:
    """Stages of a domain, or of the total, by date."""
    # The total has a normal part where it is one domain.
    one = worlds.only if domain == TOTAL and worlds.only else domain
    dates = worlds.stocks(domain) if part is None else worlds.log_rests(one, part)
    return (stocks.at for stocks in dates)


def _gap(log_demand: Array, amount: Array, part: NormalPart | None, apart: Array | float) -> Array:
    """ln(demand/supply) of a domain on a date, shape (world,).

    apart: ln of the domain's share of demand, less the normal part that the amount leaves out
    """
    gap = log_demand - (np.log(amount) if part is None else amount)
    gap += apart
    return gap


@dataclass(slots=True)
class _Tally:
    """All that is kept of one domain, or of the total; dates by their place in the grid."""

    supply: dict[tuple[SupplyStage, int], _Stock] = field(default_factory=dict)
    demand: dict[int, Levels] = field(default_factory=dict)
    walls: dict[WallKind, CrossingDates] = field(default_factory=dict)
    binds: int = 0

    @np.errstate(all="ignore")
    def add(
        self, worlds: Worlds, domain: str, log_demand: Array, shown: frozenset[int], counts: bool
    ) -> Array | None:
        """Take in a block; returns what orders the domains of a world by who runs out first.

        Date by date, so that the arrays at work stay in the processor's cache.

        log_demand: ln of the whole demand, (date, world). shown: dates whose quantiles are kept
        counts: whether supply is counted here, or is that of another domain
        """
        part = worlds.normal_part(domain)
        alone = worlds.holds_all and worlds.multiplier.size <= FIRST
        planned = domain in (TOTAL, *worlds.scenario.demand.shares)
        log_share = np.log(worlds.share(domain)) if planned and domain != TOTAL else 0.0
        apart = log_share if part is None else log_share - part.scores
        fall = _Fall(worlds, domain)
        for i, amounts in enumerate(_amounts(worlds, domain, part)):
            if counts and i in shown:
                self._count(worlds, domain, i, amounts, part, alone)
            if not planned:
                continue
            if i in shown:
                wanted = np.exp(log_share + log_demand[i])
                self.demand.setdefault(i, Levels(LEVELS, alone=alone)).add(wanted)
            fall.exhausts(i, _gap(log_demand[i], amounts("effective"), part, apart))
            if fall.has_penalties:
                fall.wastes(i, _gap(log_demand[i], amounts("unique"), part, apart))
        if not planned:
            return None
        span = (float(worlds.years[0]), float(worlds.years[-1]))
        for kind, crossing in fall.crossings.items():
            self.walls.setdefault(kind, CrossingDates(*span)).add(crossing.dates)
        return fall.order()

    def _count(
        self, worlds: Worlds, domain: str, i: int, amounts: Amounts, part: NormalPart | None,
        alone: bool,
    ) -> None:  # fmt: skip
        for stage in SUPPLY_STAGES:
            same = worlds.same_as(domain, stage, i)
            if same is not None:
                self.supply[stage, i] = self.supply[same]
                continue
            self.supply.setdefault((stage, i), _Stock()).add(amounts(stage), part, alone)


class _Fall:
    """When the limits of a domain, or of the total, are passed in each world of a block."""

    def __init__(self, worlds: Worlds, domain: str) -> None:
        self._worlds = worlds
        size = worlds.multiplier.size
        self.crossings: dict[WallKind, Crossing] = {"exhaustion": Crossing(size)}
        # What of demand over unique tokens each penalty allows: its shortage and what relieves it.
        self._allowed: dict[WallKind, Array] = {}
        if domain == TOTAL and worlds.scenario.severity is not None:
            relief = worlds.log_relief()
            for kind, ratio in PENALTIES.items():
                self._allowed[kind] = worlds.log_shortage_limit(ratio) + relief
                self.crossings[kind] = Crossing(size)
        self._first_gap: Array | None = None

    @property
    def has_penalties(self) -> bool:
        """Whether penalty walls are asked for."""
        return bool(self._allowed)

    def exhausts(self, i: int, gap: Array) -> None:
        """Take in ln(demand/effective tokens) of a date."""
        if self._first_gap is None:
            self._first_gap = gap
        self.crossings["exhaustion"].add(gap, float(self._worlds.years[i]))

    def wastes(self, i: int, lack: Array) -> None:
        """Take in ln(demand/unique tokens) of a date."""
        for kind, allowed in self._allowed.items():
            self.crossings[kind].add(lack - allowed, float(self._worlds.years[i]))

    def order(self) -> Array:
        """What orders the domains of a world by who runs out first, shape (world,).

        Of domains past their wall at the start, the one that lacks most comes first. An infinite
        gap is none or nothing of a domain: it orders.
        """
        dates = self.crossings["exhaustion"].dates
        gap = np.zeros(1) if self._first_gap is None else self._first_gap
        return np.where(np.isneginf(dates), -1e6 - gap, dates)


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


def _supply_rows(
    scenario: str, domain: str, tally: _Tally, years: Mapping[int, int]
) -> Iterator[SupplyRow]:
    for stage in SUPPLY_STAGES:
        for i, year in years.items():
            stock = tally.supply[stage, i]
            if stock.levels is not None:
                stock.found = stock.found or _finite(
                    scenario, f"supply of {domain}", year, stock.levels
                )
                yield SupplyRow(domain, stage, year, stock.found)


def _demand_rows(
    scenario: str, domain: str, tally: _Tally, years: Mapping[int, int]
) -> Iterator[DemandRow]:
    for i, levels in tally.demand.items():
        year = years[i]
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


def tabulate(scenario: str, blocks: Iterator[Worlds], *, every_date: bool = False) -> Tables:
    """Rows of the total and of every domain over all blocks of worlds.

    Supply and demand have rows for 1 January of every year, or for every date of a finer grid if so
    asked, with the year it lies in; walls are looked for on all dates.
    NumPy frees the interpreter's lock, so threads share the domains of a block.
    """
    tallies: dict[str, _Tally] = {}
    size = 0
    years: dict[int, int] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for worlds in blocks:
            step = 1 if every_date else worlds.dates_per_year
            years = {i: int(worlds.years[i]) for i in range(0, worlds.years.size, step)}
            with np.errstate(all="ignore"):
                log_demand = worlds.log_demand()
            for domain in (TOTAL, *worlds.scenario.supply):
                tallies.setdefault(domain, _Tally())
            work = {
                d: pool.submit(
                    tally.add, worlds, d, log_demand, frozenset(years),
                    counts=d != TOTAL or worlds.only is None,
                )
                for d, tally in tallies.items()
            }  # fmt: skip
            _count_binding(tallies, {d: part.result() for d, part in work.items() if d != TOTAL})
            work[TOTAL].result()
            size += log_demand.shape[1]
            if worlds.only is not None:
                tallies[TOTAL].supply = tallies[worlds.only].supply
    parts = tallies.items()
    return Tables(
        tuple(row for domain, t in parts for row in _supply_rows(scenario, domain, t, years)),
        tuple(row for domain, t in parts for row in _demand_rows(scenario, domain, t, years)),
        tuple(
            _wall(domain, kind, w, None if domain == TOTAL else t.binds / size)
            for domain, t in parts
            for kind, w in t.walls.items()
        ),
    )
