"""A planned run in depth: what it lacks, what the lack costs, and what could be done instead.

Beside the verdict of `decide`, for one run in every world: the domain that stops it first, the
epochs and the synthetic share it needs, the best split of its compute that the supply leaves, the
cost of that limit, and the date from which it is covered, with its mixture as planned and with
shares moved within the plan's bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from forecasts.dates import first_passing
from forecasts.decide import demand_tokens
from forecasts.plan import PlannedRun
from forecasts.results import Assessment, Span
from forecasts.scenario import LawRepetition
from forecasts.simulate import Worlds
from models.claims import Array
from models.laws.data_constrained import DataConstrained
from models.quantities import FLOP_PER_PARAM_TOKEN, decimal_year
from models.severity import severity
from models.supply.mixture import Group, carries, largest_run, nearest_mixture

LEVELS = (0.05, 0.5, 0.95)
# Worlds that are asked first. Odds of 0 or 1 required have no error, so a few worlds are added.
FEW, SHARE_OF_A_FEW = 16_384, 40
# Worlds times days whose stocks are kept: with twelve domains 100 MB a stage.
KEPT = 1_000_000


@dataclass(frozen=True, slots=True)
class _Mixture:
    """A run's mixture as arrays: domains, planned shares, bounds, and who shares a stock."""

    domains: tuple[str, ...]
    planned: Array
    low: Array
    high: Array
    # A stock that several domains are drawn from, and the places of those in the mixture.
    shared: tuple[tuple[str, tuple[int, ...]], ...]

    def fixed(self) -> _Mixture:
        """The same with no freedom."""
        return replace(self, low=self.planned, high=self.planned)


def _mixture(worlds: Worlds, run: PlannedRun) -> _Mixture:
    supply = worlds.scenario.supply
    bounds = run.mixture_bounds
    domains = tuple(dict.fromkeys((*run.mixture, *bounds)))
    planned = np.array([run.mixture.get(d, 0.0) for d in domains])
    ends = [bounds.get(d, (p, p)) for d, p in zip(domains, planned, strict=True)]
    shared = []
    for whole in supply:
        parts = [d for d in domains if d in supply and supply[d].part_of == whole]
        if parts:
            members = (*((whole,) if whole in domains else ()), *parts)
            shared.append((str(whole), tuple(domains.index(d) for d in members)))
    return _Mixture(
        tuple(map(str, domains)),
        planned,
        np.array([low for low, _ in ends]),
        np.array([high for _, high in ends]),
        tuple(shared),
    )


class _Day:
    """Supply on one date, kept once it was asked for: several questions are asked of one day.

    multiplier: effective tokens per unique one, shape (world,)
    """

    def __init__(self, worlds: Worlds, multiplier: Array, year: float) -> None:
        self._worlds = worlds
        self._multiplier = multiplier
        self._years = np.array([year])
        self._known: dict[tuple[str, str], Array] = {}
        self._stacked: dict[tuple[tuple[str, ...], str], Array] = {}
        self._middle: dict[str, float] = {}

    def of(self, stock: str, stage: str) -> Array:
        """Tokens of one stock in every world; none where the scenario counts none."""
        if stock not in self._worlds.domains:
            return np.zeros_like(self._multiplier)
        if (stock, stage) not in self._known:
            days = self._worlds.supply(stock, stage, self._years, self._multiplier)
            self._known[stock, stage] = days[0]
        return self._known[stock, stage]

    def middle(self, stock: str) -> float:
        """Median of a stock's effective tokens."""
        if stock not in self._middle:
            self._middle[stock] = float(np.median(self.of(stock, "effective")))
        return self._middle[stock]

    def drawn_on(self, mixture: _Mixture, stage: str) -> tuple[Array, list[Group]]:
        """Tokens of each domain of a mixture, (domain, world), and the stocks that some share."""
        asked = (mixture.domains, stage)
        if asked not in self._stacked:
            stacked = np.array([self.of(domain, stage) for domain in mixture.domains])
            # A stock is kept once: as a row from here on.
            rows = zip(mixture.domains, stacked, strict=True)
            self._known |= {(d, stage): row for d, row in rows if d in self._worlds.domains}
            self._stacked[asked] = stacked
        groups = [Group(members, self.of(stock, stage)) for stock, members in mixture.shared]
        return self._stacked[asked], groups


class _Stocks:
    """Supply that runs may draw on, on any date; runs of equal limits on epochs share one."""

    def __init__(self, worlds: Worlds, multiplier: Array) -> None:
        self._worlds = worlds
        self._multiplier = multiplier
        self.on = lru_cache(max(1, KEPT // multiplier.size))(partial(_Day, worlds, multiplier))

    @cached_property
    def few(self) -> _Stocks:
        """The same in the first worlds alone."""
        return _Stocks(self._worlds.head(FEW), self._multiplier[:FEW])

    def most(self, mixture: _Mixture, stage: str, year: float) -> Array:
        """Largest run that the stocks support, in tokens of the stage, shape (world,)."""
        supply, groups = self.on(year).drawn_on(mixture, stage)
        return largest_run(supply, mixture.low, mixture.high, groups)

    def carry(self, mixture: _Mixture, tokens: Array, year: float) -> NDArray[np.bool_]:
        """Worlds in which the effective stocks support a run of so many tokens, shape (world,)."""
        supply, groups = self.on(year).drawn_on(mixture, "effective")
        return carries(supply, mixture.low, mixture.high, tokens, groups)


def assess(
    worlds: Worlds,
    run: PlannedRun,
    law: DataConstrained,
    growth: float,
    as_of: date,
    stocks: _Stocks | None = None,
) -> Assessment:
    """Everything a planner asks of one run.

    Supply that a run may use is the largest run of its mixture that the stocks support: effective
    tokens for the odds, unique tokens (times the synthetic gain) for the law's best split.
    law: R_D* is the scenario's own where it repeats by law, so that supply and cost agree
    growth: yearly factor of compute that the delay is counted in
    stocks: those of a run with the same limit on epochs, in the same worlds
    Raises: ScenarioInvalid when a run gives compute and the scenario has no allocation law
    """
    tokens = demand_tokens(worlds, run)
    mixture = _mixture(worlds, run)
    if stocks is None:
        stocks = _stocks(worlds, run.max_epochs)
    day = max(run.needed_on, as_of)
    year = decimal_year(day)
    fixed = mixture.fixed()
    fits, remixed = (stocks.carry(chosen, tokens, year) for chosen in (fixed, mixture))
    unique = stocks.most(mixture, "unique", year)
    law = _own_repetition(worlds, law)
    compute = _compute(run, tokens)
    limit = np.maximum(unique * worlds.synthetic, 1.0)
    generated = _synthetic_needed(worlds, run, tokens, unique)
    cost = severity(law, compute, limit, growth, worlds.floor_rise(generated))

    def earliest(chosen: _Mixture) -> date | None:
        return first_passing(day, worlds.scenario.horizon, _Enough(stocks, chosen, tokens, run))

    return Assessment(
        run=run.run,
        scenario=worlds.scenario.name,
        as_of=as_of,
        needed_on=run.needed_on,
        required_probability=run.required_probability,
        probability=_rounded(float(fits.mean())),
        probability_remixed=_rounded(float(remixed.mean())),
        binding=_binding(stocks.on(year), fixed, tokens),
        uncounted=tuple(d for d in mixture.domains if d not in worlds.domains),
        demand_tokens=span(tokens),
        unique_tokens=span(unique),
        epochs_needed=span(_epochs_needed(worlds, law, tokens, unique)),
        synthetic_share_needed=span(generated),
        best_params=span(cost.optimum.params),
        best_tokens=span(cost.optimum.tokens),
        best_epochs=span(cost.optimum.epochs),
        loss_gap_nats=span(cost.loss_gap_nats),
        compute_ratio=span(cost.compute_ratio),
        delay_months=span(cost.delay_months),
        mixture=dict(zip(mixture.domains, map(float, mixture.planned), strict=True)),
        mixture_found=_found(stocks.on(year), mixture, tokens),
        earliest_date=earliest(fixed),
        earliest_date_remixed=earliest(mixture),
    )


def _stocks(worlds: Worlds, max_epochs: float | None) -> _Stocks:
    return _Stocks(worlds, worlds.multiplier_within(max_epochs))


def _rounded(x: float) -> float:
    return float(f"{x:.7g}")


def span(values: Array) -> Span:
    """5 %, 50 % and 95 % quantiles over worlds; None where that world has none (infinite)."""
    ordered = np.sort(values)
    places = [min(int(np.ceil(level * ordered.size)) - 1, ordered.size - 1) for level in LEVELS]
    found = (float(ordered[max(place, 0)]) for place in places)
    low, middle, high = (_rounded(x) if np.isfinite(x) else None for x in found)
    return Span(low, middle, high)


def _own_repetition(worlds: Worlds, law: DataConstrained) -> DataConstrained:
    if isinstance(worlds.scenario.repetition, LawRepetition):
        return replace(law, r_d_star=worlds.value("repetition.r_star"))
    return law


def _compute(run: PlannedRun, tokens: Array) -> Array:
    if run.compute_flop is not None:
        return np.full(tokens.shape, run.compute_flop)
    return np.asarray(FLOP_PER_PARAM_TOKEN * (run.params or 0.0) * tokens)


def _binding(day: _Day, mixture: _Mixture, tokens: Array) -> dict[str, float]:
    """Share of worlds in which each stock is the one that covers least of what is taken from it.

    Counted over worlds in which the run is short; empty where it never is.
    """
    needs = {d: share for d, share in zip(mixture.domains, mixture.planned, strict=True) if share}
    for stock, members in mixture.shared:
        needs[stock] = float(mixture.planned[list(members)].sum())
    cover = np.array(
        [day.of(stock, "effective") / (share * tokens) for stock, share in needs.items()]
    )
    short = cover.min(axis=0) < 1
    if not short.any():
        return {}
    first = cover.argmin(axis=0)[short]
    counts = np.bincount(first, minlength=len(needs)) / first.size
    ranked = sorted(zip(needs, counts.tolist(), strict=True), key=lambda pair: -pair[1])
    return {stock: _rounded(share) for stock, share in ranked if share > 0}


@np.errstate(divide="ignore")
def _epochs_needed(worlds: Worlds, law: DataConstrained, tokens: Array, unique: Array) -> Array:
    """Passes over the run's unique tokens that make them worth what it asks for.

    Equation: e with D'(e)/U = D/(U·synthetic); inf beyond what repetition can give. In any other
              form than the law a pass is taken to be worth a unique one up to its gain, which is a
              lower bound where repetition hurts
    """
    wanted = tokens / (unique * worlds.synthetic)
    if isinstance(worlds.scenario.repetition, LawRepetition):
        return np.maximum(law.epochs_for_multiplier(np.minimum(wanted, 1e12)), 1.0)
    return np.where(wanted <= worlds.repetition, np.maximum(wanted, 1.0), np.inf)


@np.errstate(divide="ignore", invalid="ignore")
def _synthetic_needed(worlds: Worlds, run: PlannedRun, tokens: Array, unique: Array) -> Array:
    """Share of effective tokens that generated text must supply once repetition has given its all.

    Equation: max(0, 1 − U·repetition/D); 1 where there is nothing to repeat
    """
    repetition = worlds.repetition_within(run.max_epochs)
    return np.clip(1 - unique * repetition / tokens, 0.0, 1.0)


class _Enough:
    """Whether a run is covered on a day at the required odds.

    A day is first looked at in a few thousand worlds; every world is asked only where the odds
    there lie within six standard errors of what is required.
    """

    def __init__(self, stocks: _Stocks, mixture: _Mixture, tokens: Array, run: PlannedRun) -> None:
        self._ways = [(stocks.few, tokens[:FEW]), (stocks, tokens)]
        self._mixture = mixture
        self._required = run.required_probability
        self._error = 6 * np.sqrt(self._required * (1 - self._required) / self._ways[0][1].size)

    def __call__(self, day: date) -> bool:
        (few, wanted), (stocks, tokens) = self._ways
        year = decimal_year(day)
        odds = float(few.carry(self._mixture, wanted, year).mean())
        if abs(odds - self._required) <= self._error + SHARE_OF_A_FEW / wanted.size:
            odds = float(stocks.carry(self._mixture, tokens, year).mean())
        return odds >= self._required


def _found(day: _Day, mixture: _Mixture, tokens: Array) -> dict[str, float] | None:
    """The mixture nearest to the plan that fits the median stocks, or None where none does."""
    supply = np.array([day.middle(domain) for domain in mixture.domains])
    groups = [Group(members, np.array([day.middle(s)])) for s, members in mixture.shared]
    shares = nearest_mixture(
        mixture.planned, supply, mixture.low, mixture.high, float(np.median(tokens)), groups
    )
    if shares is None:
        return None
    return {d: _rounded(float(s)) for d, s in zip(mixture.domains, shares, strict=True)}


def assess_all(
    worlds: Worlds, runs: Sequence[PlannedRun], law: DataConstrained, growth: float, as_of: date
) -> list[Assessment]:
    """Assessments of several runs in the same worlds."""
    stocks = {limit: _stocks(worlds, limit) for limit in {run.max_epochs for run in runs}}
    # By date, so that runs of one day find its stocks still kept.
    by_date = sorted(runs, key=lambda run: run.needed_on)
    found = {
        run.run: assess(worlds, run, law, growth, as_of, stocks[run.max_epochs]) for run in by_date
    }
    return [found[run.run] for run in runs]
