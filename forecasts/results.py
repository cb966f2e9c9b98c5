"""What a forecast is, once computed: plain rows, the same in JSON, warehouse and report.

Quantiles are over worlds and aligned with LEVELS. Supply and demand rows stand for 1 January of
their year, in tokens. A wall quantile is a fractional year, None when it lies beyond the horizon,
and the grid's first date when that share of worlds had crossed already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
LABELS = ("p02_5", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "p97_5")
TOTAL = "total"

SupplyStage = Literal["raw", "unique", "effective"]
WallKind = Literal["exhaustion", "penalty_0.9", "penalty_0.5"]
Verdict = Literal["launch", "hold", "reject"]

SUPPLY_STAGES: tuple[SupplyStage, ...] = ("raw", "unique", "effective")


@dataclass(frozen=True, slots=True)
class SupplyRow:
    """Tokens of one domain (or the total) at one stage on 1 January of a year.

    raw: before any judgement. unique: usable, counted once. effective: unique times what
    repetition and synthetic data add.
    """

    domain: str
    stage: SupplyStage
    year: int
    quantiles: tuple[float, ...]

    def at(self, label: str) -> float:
        """The quantile with a label such as p50."""
        return self.quantiles[LABELS.index(label)]


@dataclass(frozen=True, slots=True)
class DemandRow:
    """Tokens a run of that date needs, each counted as fresh; per domain or total."""

    domain: str
    year: int
    quantiles: tuple[float, ...]

    def at(self, label: str) -> float:
        """The quantile with a label such as p50."""
        return self.quantiles[LABELS.index(label)]


@dataclass(frozen=True, slots=True)
class WallRow:
    """When demand first exceeds effective supply. Probabilities are shares of worlds."""

    domain: str
    kind: WallKind
    p10: float | None
    p50: float | None
    p90: float | None
    probability_by_horizon: float
    probability_before_start: float


@dataclass(frozen=True, slots=True)
class InputRow:
    """One claim the forecast drew from, and where it comes from."""

    name: str
    used_by: str
    shape: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    ci_prob: float | None
    drawn_p05: float
    drawn_p50: float
    drawn_p95: float
    status: str
    basis: str
    valid_on: date | None
    known_at: date | None
    origin_id: str
    publisher: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class DomainRow:
    """How a domain is counted: its lineage, the base of its usable share and the reason."""

    domain: str
    part_of: str
    usable_base: str
    why: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """One scenario's answer. `forecast_id` hashes the scenario, its claims, seed and code."""

    forecast_id: str
    scenario: str
    title: str
    answers: str
    why: str
    as_of: date
    worlds: int
    seed: int
    start: int
    horizon: int
    code_version: str
    repetition: str
    synthetic: str
    demand_path: str
    domains: tuple[DomainRow, ...]
    supply: tuple[SupplyRow, ...]
    demand: tuple[DemandRow, ...]
    walls: tuple[WallRow, ...]
    inputs: tuple[InputRow, ...]

    def supply_at(self, domain: str, stage: str, year: int) -> SupplyRow:
        """The supply row of a domain, stage and year."""
        return next(
            row for row in self.supply if (row.domain, row.stage, row.year) == (domain, stage, year)
        )

    def demand_at(self, domain: str, year: int) -> DemandRow:
        """The demand row of a domain and year."""
        return next(row for row in self.demand if (row.domain, row.year) == (domain, year))

    def wall(self, domain: str = TOTAL, kind: str = "exhaustion") -> WallRow:
        """The wall of a domain."""
        return next(row for row in self.walls if (row.domain, row.kind) == (domain, kind))


@dataclass(frozen=True, slots=True)
class GateRow:
    """One check of a planned run: what was measured, what was required, and the outcome.

    stage: `verdict` gates say whether the supply carries the run, `start` gates whether it may
    start now. rests_on: rows the value comes from, such as claims, sources and the plan.
    """

    gate: str
    passed: bool
    value: float | None
    threshold: float | None
    unit: str
    evidence: str
    stage: Literal["verdict", "start"] = "verdict"
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one planned run under one forecast.

    demand_tokens are the 5 %, 50 % and 95 % quantiles over worlds.
    """

    decision_id: str
    run: str
    forecast_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    gates: tuple[GateRow, ...]
    probability: float
    required_probability: float
    binding_domain: str
    needed_on: date
    earliest_date: date | None
    demand_tokens: tuple[float, float, float]
    expires_at: date


@dataclass(frozen=True, slots=True)
class Span:
    """The 5 %, 50 % and 95 % quantiles over worlds; None where there is no finite number."""

    p05: float | None
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a planned run lacks under one scenario, what that costs, and what would help.

    Units: tokens, params, nats per token, months; probabilities and shares in 0–1. `remixed` is
    with the mixture's shares free within the plan's bounds. `best_*` is the split of the run's
    compute that the law prefers with the unique tokens there are. `binding` are shares of the
    worlds in which the run is short.
    """

    run: str
    scenario: str
    as_of: date
    needed_on: date
    required_probability: float
    probability: float
    probability_remixed: float
    binding: dict[str, float]
    uncounted: tuple[str, ...]
    demand_tokens: Span
    unique_tokens: Span
    epochs_needed: Span
    synthetic_share_needed: Span
    best_params: Span
    best_tokens: Span
    best_epochs: Span
    loss_gap_nats: Span
    compute_ratio: Span
    delay_months: Span
    mixture: dict[str, float]
    mixture_found: dict[str, float] | None
    earliest_date: date | None
    earliest_date_remixed: date | None


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A claim that the planner's own probe runs measured, as known on the forecast's day."""

    name: str
    value: float
    low: float | None
    high: float | None
    ci_prob: float | None
    unit: str
    basis: str
    known_at: date


@dataclass(frozen=True, slots=True)
class SourceRow:
    """The state of one source, for the report: which figures are live and how old they are.

    last_change: newest vintage whose totals moved; change: the largest such move, total ÷ former
    total − 1, of the metric that `changed` names. state: accepted, held from forecasts until
    somebody acknowledges it, or acknowledged.
    """

    source: str
    publisher: str
    last_vintage: date | None
    age_days: int | None
    rows: int
    status: str
    last_change: date | None = None
    change: float | None = None
    changed: str = ""
    state: str = "accepted"
