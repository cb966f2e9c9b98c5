"""One scenario, its claims and a seed in; coherent worlds of supply and demand out.

A world is one joint draw of every claim. Its supply and demand are paths over all dates, so a wall
is the crossing of one world's own paths, never of two quantile curves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import numpy as np

from forecasts.draws import Draws
from forecasts.ensemble import Ensemble, Laws, Places
from forecasts.errors import ScenarioInvalid
from forecasts.results import TOTAL, SupplyStage
from forecasts.scenario import (
    STATED,
    ComputePath,
    DatasetPath,
    DomainSupply,
    Filtering,
    FlatGain,
    HarmfulRepetition,
    LawRepetition,
    LawSynthetic,
    Preference,
    Scenario,
    SelfPlay,
    Traces,
)
from models.claims import Array, Claim, log_moments, median, quantiles
from models.demand.paths import (
    log_compute_path,
    log_dataset_path,
    log_tokens,
    tokens_from_compute,
)
from models.penalty import shortage_limit
from models.quantities import decimal_year
from models.supply.access import open_share
from models.supply.conversion import (
    log_growth,
    raw_tokens,
    steady_growth,
)
from models.supply.levers import accepted_tokens, self_play_tokens, trace_tokens
from models.supply.multipliers import capped_product, harmful_repetition, law_repetition
from models.supply.synthetic import floor_rise, generated_share, share_limit, synthetic_gain
from models.supply.unique import unique_tokens


@dataclass(frozen=True, slots=True)
class DomainWorlds:
    """One domain's supply: tokens on the count's date, and the rate it grows at."""

    counted_on: float
    raw: Array
    unique: Array
    log_growth: Array


@dataclass(frozen=True, slots=True)
class NormalPart:
    """Lognormal claims of a domain's supply, drawn independently of all else it depends on.

    scores: ln of their product in every world, shape (world,), with its mean and deviation
    """

    scores: Array
    mean: float
    sd: float


class Stocks:
    """Amounts on one date at each stage, shape (world,), reckoned when they are asked for.

    gain: what makes effective tokens of unique ones, where that is all there is to it
    """

    def __init__(self, reckon: Callable[[SupplyStage], Array], gain: Array | None) -> None:
        self._reckon = reckon
        self._gain = gain
        self._known: dict[SupplyStage, Array] = {}

    def at(self, stage: SupplyStage) -> Array:
        """Amount at a stage."""
        if stage not in self._known:
            if stage == "effective" and self._gain is not None:
                self._known[stage] = self.at("unique") * self._gain
            else:
                self._known[stage] = self._reckon(stage)
        return self._known[stage]


def _summed(parts: Sequence[Stocks], stage: SupplyStage) -> Array:
    whole = parts[0].at(stage).copy()
    for part in parts[1:]:
        whole += part.at(stage)
    return whole


class Worlds:
    """All worlds of one scenario. Arrays have shape (world,) or (date, world)."""

    # What is divided by zero or explodes is found where quantiles are taken, and named there.
    @np.errstate(all="ignore")
    def __init__(
        self,
        scenario: Scenario,
        placed: Mapping[str, Claim],
        start: int,
        draws: Draws,
        ensemble: Ensemble | None = None,
        dates_per_year: int = 1,
    ) -> None:
        """Draw a block of worlds.

        dates_per_year: dates of the grid in a year; forecasts have one, 1 January
        """
        self.scenario = scenario
        self.start = start
        self._placed = placed
        self._draws = draws
        self._ensemble = ensemble
        # Index of each world's demand law; empty where the scenario states one law for all.
        self._law: Places = np.empty(0, np.int64) if ensemble is None else ensemble.choose(draws)
        dates = (scenario.horizon - start) * dates_per_year + 1
        self.years = start + np.arange(dates) / dates_per_year
        self.dates_per_year = dates_per_year
        self.domains: dict[str, DomainWorlds] = {
            domain: self._domain(domain, spec) for domain, spec in scenario.supply.items()
        }
        self._summed = [d for d, spec in scenario.supply.items() if spec.part_of is None]
        self.repetition = self._repetition()
        self.synthetic = self._gain("synthetic")
        self.multiplier = capped_product(self.repetition, self.synthetic, scenario.multiplier_cap)

    @property
    def only(self) -> str | None:
        """The one domain that the total consists of; None where there are several."""
        return self._summed[0] if len(self._summed) == 1 else None

    @property
    def holds_all(self) -> bool:
        """Whether these are all worlds, not a block of them."""
        return self._draws.size == self._draws.worlds

    def head(self, size: int) -> Worlds:
        """The first worlds alone, on the same grid."""
        part = self._draws.head(min(size, self._draws.size))
        return Worlds(
            self.scenario, self._placed, self.start, part, self._ensemble, self.dates_per_year
        )

    def value(self, place: str) -> Array:
        """Draws of the claim at a place of the scenario, shape (world,)."""
        return self._draws.of(self._placed[place])

    def inputs(self) -> dict[str, Array]:
        """Draws of every uncertain input by its name, each (world,), in the claim's unit."""
        claims = {claim.name: claim for claim in self._placed.values() if claim.shape != "fixed"}
        found = {name: self._draws.of(claim) for name, claim in claims.items()}
        if self._ensemble is not None:
            found |= self._ensemble.inputs(self._draws, self._law)
        return found

    def date_of(self, place: str) -> float:
        """Date a claim is about, as a fractional year."""
        claim = self._placed[place]
        if claim.valid_on is None:
            raise ScenarioInvalid(
                f"scenario {self.scenario.name}: {place} needs a valid_on date, because it changes "
                "with time; give valid_on in the estimate"
            )
        return decimal_year(claim.valid_on)

    def _domain(self, domain: str, spec: DomainSupply) -> DomainWorlds:
        place = f"supply.{domain}"
        steps = [
            (step.times is not None, self.value(f"{place}.conversion.{i}"))
            for i, step in enumerate(spec.conversion)
        ]
        raw = raw_tokens(
            self.value(f"{place}.count"),
            [factor for multiplies, factor in steps if multiplies],
            [factor for multiplies, factor in steps if not multiplies],
        )
        usable = self._share(f"{place}.usable_fraction", spec.usable_fraction is not None, 1.0)
        overlap = self._share(f"{place}.overlap", spec.overlap is not None, 0.0)
        log_growth = np.zeros(self._draws.size)
        for i in range(len(spec.growth)):
            log_growth = log_growth + np.log(self.value(f"{place}.growth.{i}"))
        return DomainWorlds(
            counted_on=self.date_of(f"{place}.count") if spec.growth else float(self.start),
            raw=raw,
            unique=unique_tokens(raw, usable, overlap),
            log_growth=log_growth,
        )

    def _growth(self, domain: str) -> Iterator[Array]:
        """What growth makes of one token by every date of the grid, shape (world,) each."""
        worlds = self.domains[domain]
        if self._spec(domain).growth_fading is not None:
            yield from map(np.exp, self._log_growth(domain))
        elif not self._spec(domain).growth:
            yield from repeat(np.ones(self._draws.size), self.years.size)
        else:
            since = self.years - worlds.counted_on
            yield from steady_growth(
                worlds.log_growth, float(since[0]), 1 / self.dates_per_year, since.size
            )

    def _log_growth(self, domain: str) -> Iterator[Array]:
        """ln of `_growth`, date by date."""
        for year in self.years:
            yield self._log_grown(domain, np.array([year]))[0]

    def _log_grown(self, domain: str, years: Array) -> Array:
        """ln of growth from the count's date to any dates, shape (date, world)."""
        worlds = self.domains[domain]
        fades = self._spec(domain).growth_fading is not None
        fading = self.value(f"supply.{domain}.growth_fading") if fades else None
        return log_growth(worlds.log_growth, years - worlds.counted_on, fading)

    def _open_share(self, domain: str, years: Array) -> Array | None:
        """Share that restrictions leave, shape (date, world); None where there are none."""
        if not self._closes(domain):
            return None
        place = f"supply.{domain}.access"
        since = years - self.date_of(f"{place}.closed")
        return open_share(self.value(f"{place}.closed"), self.value(f"{place}.hazard"), since)

    def _closes(self, domain: str) -> bool:
        access = self._spec(domain).access
        return access is not None and access.respected

    def _spec(self, domain: str) -> DomainSupply:
        return self.scenario.supply[domain]  # type: ignore[index]

    def _added(self, domain: str) -> Array | None:
        """Effective tokens that levers add to a domain, shape (world,); None where none does."""
        added: Array | None = None
        for i, lever in enumerate(self.scenario.levers):
            if lever.domain != domain or isinstance(lever, Filtering):
                continue
            tokens = self._lever(f"levers.{i}", lever)
            added = tokens if added is None else added + tokens
        return added

    def _lever(self, place: str, lever: Traces | Preference | SelfPlay) -> Array:
        tokens = self.value(f"{place}.tokens")
        if isinstance(lever, Traces):
            return trace_tokens(tokens, self.value(f"{place}.precision"))
        if isinstance(lever, Preference):
            return accepted_tokens(tokens, self.value(f"{place}.accept"))
        return self_play_tokens(tokens, self.value(f"{place}.most"))

    def _effective(self, domain: str, unique: Array, multiplier: Array) -> Array:
        """Effective tokens from unique ones, with what filters, limits and adds to a domain."""
        for i, lever in enumerate(self.scenario.levers):
            if lever.domain == domain and isinstance(lever, Filtering):
                unique = unique * self.value(f"levers.{i}.keep") * self.value(f"levers.{i}.worth")
        tokens = unique * multiplier
        spec = self.scenario.synthetic
        if isinstance(spec, LawSynthetic) and spec.domain_limit is not None:
            without = unique * (multiplier / self.synthetic)
            tokens = np.minimum(tokens, without + self.value("synthetic.domain_limit"))
        added = self._added(domain)
        return tokens if added is None else tokens + added

    def _share(self, place: str, given: bool, otherwise: float) -> Array:
        return self.value(place) if given else np.full(self._draws.size, otherwise)

    def _gain(self, part: str) -> Array:
        spec = getattr(self.scenario, part)
        if isinstance(spec, FlatGain):
            return self.value(f"{part}.factor")
        if isinstance(spec, LawSynthetic):
            return self._verified()
        return np.ones(self._draws.size)

    def _verified(self) -> Array:
        """Gain of generated text by its law, its share limited by the real text that is read."""
        at = "synthetic"
        return synthetic_gain(
            self._generated(),
            self.value(f"{at}.verifiability"),
            self.value(f"{at}.open_most"),
            self.value(f"{at}.verified_most"),
            self.value(f"{at}.worth"),
        )

    def _generated(self) -> Array:
        """Generated tokens per unique one, within the share they may have of training."""
        share, verifiability = (
            self.value(f"synthetic.{key}") for key in ("share_limit", "verifiability")
        )
        limit = share_limit(share, verifiability, self._passes())
        return np.minimum(self.value("synthetic.generated"), limit)

    def _passes(self) -> Array:
        """Passes over real text beside which generated text is read."""
        by_law = isinstance(self.scenario.repetition, LawRepetition | HarmfulRepetition)
        epochs = self.value("repetition.epochs") if by_law else self.repetition
        return np.maximum(epochs, 1.0)

    def floor_rise(self, needed: Array) -> Array:
        """Nats by which a run's floor rises by text generated in place of real, shape (world,).

        needed: share of a run that must be generated; more than is to be had is not read
        """
        spec = self.scenario.synthetic
        if not isinstance(spec, LawSynthetic) or spec.collapse is None:
            return np.zeros_like(needed)
        share = np.minimum(needed, generated_share(self._generated(), self._passes()))
        return floor_rise(
            self.value("synthetic.collapse"), share, self.value("synthetic.verifiability")
        )

    def _repetition(self) -> Array:
        spec = self.scenario.repetition
        if isinstance(spec, LawRepetition | HarmfulRepetition):
            return self._repeated(spec, self.value("repetition.epochs"))
        return self._gain("repetition")

    def _repeated(self, spec: LawRepetition | HarmfulRepetition, epochs: Array) -> Array:
        """What repetition by a law gives within so many epochs, shape (world,)."""
        if isinstance(spec, LawRepetition):
            return law_repetition(epochs, self.value("repetition.r_star"))
        terms = (self.value(f"repetition.{key}") for key in ("exponent", "harm", "power"))
        return harmful_repetition(epochs, *terms)

    def repetition_within(self, max_epochs: float | None) -> Array:
        """What repetition gives when a run also limits its epochs, shape (world,).

        Only the law form knows epochs; under a flat gain the limit m also caps the gain at m,
        since m passes are worth at most m unique passes.
        """
        if max_epochs is None:
            return self.repetition
        spec = self.scenario.repetition
        if isinstance(spec, LawRepetition | HarmfulRepetition):
            return self._repeated(spec, np.minimum(self.value("repetition.epochs"), max_epochs))
        return np.minimum(self.repetition, max_epochs)

    def multiplier_within(self, max_epochs: float | None) -> Array:
        """Effective tokens per unique token within a run's epoch limit, shape (world,)."""
        if max_epochs is None:
            return self.multiplier
        repetition = self.repetition_within(max_epochs)
        return capped_product(repetition, self.synthetic, self.scenario.multiplier_cap)

    def supply(
        self,
        domain: str,
        stage: str,
        years: Array,
        multiplier: Array | None = None,
    ) -> Array:
        """Tokens of a domain (or the total) at a stage, shape (date, world).

        The total adds the domains that are no part of another; overlap between them is already
        taken off each domain's unique tokens.
        """
        if domain == TOTAL:
            parts = [self.supply(d, stage, years, multiplier) for d in self._summed]
            return np.asarray(sum(parts))
        worlds = self.domains[domain]
        grown = self._log_grown(domain, years)
        np.exp(grown, out=grown)
        if stage == "raw":
            return np.multiply(worlds.raw, grown, out=grown)
        unique = np.multiply(worlds.unique, grown, out=grown)
        still_open = self._open_share(domain, years)
        if still_open is not None:
            unique *= still_open
        if stage == "unique":
            return unique
        chosen = self.multiplier if multiplier is None else multiplier
        return self._effective(domain, unique, chosen)

    def stocks(self, domain: str) -> Iterator[Stocks]:
        """Tokens of a domain (or the total) on every date of the grid.

        As `supply`, date by date, so that the arrays at work stay in the processor's cache.
        """
        if domain == TOTAL:
            product = not any(map(self._limits_or_adds, self._summed))
            gain = self.multiplier if product else None
            for parts in zip(*map(self.stocks, self._summed), strict=True):
                yield Stocks(partial(_summed, parts), gain)
            return
        for i, growth in enumerate(self._growth(domain)):
            yield Stocks(partial(self._stock, domain, i, growth), None)

    def _stock(self, domain: str, i: int, growth: Array, stage: SupplyStage) -> Array:
        worlds = self.domains[domain]
        if stage == "raw":
            return worlds.raw * growth
        unique = worlds.unique * growth
        still_open = self._open_share(domain, self.years[i : i + 1])
        if still_open is not None:
            unique *= still_open[0]
        return unique if stage == "unique" else self._effective(domain, unique, self.multiplier)

    def log_rests(self, domain: str, part: NormalPart) -> Iterator[Stocks]:
        """ln of `stocks` without what is exactly normal in them, from logarithms throughout."""
        worlds = self.domains[domain]
        raw, unique = (np.log(stage) - part.scores for stage in (worlds.raw, worlds.unique))
        product = not self._limits_or_adds(domain)
        bases: dict[SupplyStage, Array] = {"raw": raw, "unique": unique}
        if product:
            bases["effective"] = unique + np.log(self.multiplier)
        for i, grown in enumerate(self._log_growth(domain)):
            yield Stocks(partial(self._log_rest, domain, i, bases, part, grown), None)

    def _log_rest(
        self, domain: str, i: int, bases: Mapping[SupplyStage, Array], part: NormalPart,
        grown: Array, stage: SupplyStage,
    ) -> Array:  # fmt: skip
        if stage not in bases:
            unique = self._log_rest(domain, i, bases, part, grown, "unique")
            tokens = self._effective(domain, np.exp(unique + part.scores), self.multiplier)
            return np.log(tokens) - part.scores
        rest = bases[stage] + grown
        still_open = None if stage == "raw" else self._open_share(domain, self.years[i : i + 1])
        return rest if still_open is None else rest + np.log(still_open[0])

    def _limits_or_adds(self, domain: str) -> bool:
        """Whether effective tokens are more than a product: something is added, or one capped."""
        spec = self.scenario.synthetic
        limited = isinstance(spec, LawSynthetic) and spec.domain_limit is not None
        return limited or any(lever.domain == domain for lever in self.scenario.levers)

    def same_as(
        self, domain: str, stage: SupplyStage, date_index: int
    ) -> tuple[SupplyStage, int] | None:
        """Stage and date on which a domain's supply is this one in every world, by its form."""
        # Access that closes moves a stock that neither grows nor is filtered.
        if domain == TOTAL or self._closes(domain):
            return None
        spec = self._spec(domain)
        if stage == "unique" and spec.usable_fraction is None and spec.overlap is None:
            return "raw", date_index
        if not spec.growth and date_index > 0:
            return stage, 0
        return None

    def normal_part(self, domain: str) -> NormalPart | None:
        """What of a domain's supply is exactly lognormal at every stage and date, if anything.

        The total has one where it is a single domain. A claim counts when it is a plain lognormal,
        stands in one place only and belongs to no group of correlated claims.
        """
        if domain == TOTAL:
            return None if self.only is None else self.normal_part(self.only)
        uses = Counter(claim.name for claim in self._placed.values())
        scores, mean, variance = np.zeros(self._draws.size), 0.0, 0.0
        steps = self._spec(domain).conversion
        place = f"supply.{domain}"
        signs = {f"{place}.count": 1} | {
            f"{place}.conversion.{i}": 1 if step.times is not None else -1
            for i, step in enumerate(steps)
        }
        for where, sign in signs.items():
            claim = self._placed[where]
            moments = log_moments(claim)
            grouped = self._draws.is_grouped(claim.name)
            if moments is None or grouped or self._elsewhere(claim.name, domain, uses):
                continue
            scores = scores + sign * np.log(self.value(where))
            mean += sign * moments[0]
            variance += moments[1] ** 2
        return NormalPart(scores, mean, float(np.sqrt(variance))) if variance > 0 else None

    def _elsewhere(self, name: str, domain: str, uses: Counter[str]) -> bool:
        """Whether a claim reaches a domain's supply by another way than one factor of its count."""
        others = tuple(f"supply.{d}." for d in self.scenario.supply if d != domain)
        outside = sum(
            1
            for place, claim in self._placed.items()
            if claim.name == name and place.startswith((*others, "demand."))
        )
        return uses[name] - outside > 1

    def compute(self, years: Array) -> Array:
        """FLOP of the largest run by date, shape (date, world); only for a compute path."""
        path = self.scenario.demand.path
        if not isinstance(path, ComputePath):
            raise ScenarioInvalid(f"scenario {self.scenario.name} has no compute path")
        return np.exp(self._log_compute(path, years))

    def _log_compute(self, path: ComputePath, years: Array) -> Array:
        at = "demand.path"
        level, growth = self.value(f"{at}.level"), self.value(f"{at}.growth")
        since = years - self.date_of(f"{at}.level")
        if path.ceiling is None:
            return log_compute_path(level, growth, since)
        return log_compute_path(
            level,
            growth,
            since,
            self.value(f"{at}.ceiling"),
            self.value(f"{at}.ceiling_growth"),
            years - self.date_of(f"{at}.ceiling"),
        )

    def tokens_for(self, compute_flop: Array, overtraining: Array | None = None) -> Array:
        """Tokens a run of given compute would process, shape (date, world).

        Scenarios whose demand follows dataset growth have no allocation of their own and are
        refused: give such a run params and tokens.
        """
        path = self.scenario.demand.path
        if not isinstance(path, ComputePath):
            raise ScenarioInvalid(
                f"scenario {self.scenario.name} has no allocation law for compute; give the run "
                "params and tokens, or decide under a scenario with a compute path"
            )
        if path.compute_lever is not None:
            compute_flop = compute_flop * self.value("demand.path.compute_lever")
        ratio = self._ratio(path, overtraining)
        if self._ensemble is None:
            return self._stated(path, compute_flop, ratio)

        def stated(where: Places) -> Array:
            return self._stated(path, compute_flop[:, where], np.ones(where.size), where)

        best = self._ensemble.tokens(self._draws, self._law, compute_flop, stated)
        return np.asarray(best * np.sqrt(ratio))

    def _stated(
        self, path: ComputePath, compute_flop: Array, ratio: Array, where: Places | None = None
    ) -> Array:
        """Tokens by the law that the scenario states itself, in all worlds or at some places."""
        chosen = slice(None) if where is None else where
        per_param, drift = (values[chosen] for values in self._stated_law())
        return tokens_from_compute(compute_flop, per_param, drift, path.reference_flop, ratio)

    def _stated_law(self) -> tuple[Array, Array]:
        """Tokens per parameter and their drift, (world,)."""
        at = "demand.path"
        return self.value(f"{at}.tokens_per_param"), self.value(f"{at}.drift")

    def _ratio(self, path: ComputePath, overtraining: Array | None = None) -> Array:
        """Tokens per parameter over the optimum of a dense model, (world,)."""
        ratio = self.value("demand.path.overtraining") if overtraining is None else overtraining
        return ratio if path.sparsity is None else ratio * self.value("demand.path.sparsity")

    def log_relief(self) -> Array:
        """ln of demand over unique tokens at which nothing is short, shape (world,).

        The shortage is s = D*/(U·synthetic). Deliberate overtraining is a choice, not a need, so it
        is taken off demand: D* = D/√k. So ln s = ln(D/U) − (ln k)/2 − ln synthetic.
        """
        relief = np.log(self.synthetic)
        if isinstance(self.scenario.demand.path, ComputePath):
            relief = relief + np.log(self.value("demand.path.overtraining")) / 2
        return np.asarray(relief)

    def log_shortage_limit(self, ratio: float) -> Array:
        """ln of the shortage at which C_eq/C falls to a ratio, shape (world,)."""
        exponent, r_n_star = self._fixed("severity.exponent"), self._fixed("severity.r_n_star")
        r_d_star = self.value("severity.r_d_star")
        ends = quantiles(self._placed["severity.r_d_star"], np.array([1e-9, 1 - 1e-9]))
        low, high = ends.tolist()
        return shortage_limit(ratio, exponent, r_n_star, (low, high)).at(r_d_star)

    def _fixed(self, place: str) -> float:
        claim = self._placed[place]
        if claim.shape != "fixed" or claim.value is None:
            raise ScenarioInvalid(
                f"scenario {self.scenario.name}: {place} is {claim.shape}; the law is solved once "
                "for all worlds, so give a fixed value"
            )
        return claim.value

    def share(self, domain: str) -> Array:
        """Share of a run's tokens taken from a domain, shape (world,)."""
        return self.value(f"demand.shares.{domain}")

    def log_demand(self) -> Array:
        """ln of `demand` on the grid, (date, world), from logarithms where the law is stated."""
        path = self.scenario.demand.path
        if isinstance(path, DatasetPath):
            return self._log_dataset(self.years)
        if self._ensemble is not None:
            return np.log(self.demand())
        log_compute = self._log_compute(path, self.years)
        if path.compute_lever is not None:
            log_compute += np.log(self.value("demand.path.compute_lever"))
        return log_tokens(log_compute, *self._stated_law(), path.reference_flop, self._ratio(path))

    def _log_dataset(self, years: Array) -> Array:
        at = "demand.path"
        since = years - self.date_of(f"{at}.level")
        return log_dataset_path(self.value(f"{at}.level"), self.value(f"{at}.growth"), since)

    def demand(self, years: Array | None = None) -> Array:
        """Tokens, each counted as fresh, that the largest run of each date needs, (date, world)."""
        dates = self.years if years is None else years
        if isinstance(self.scenario.demand.path, DatasetPath):
            return np.exp(self._log_dataset(dates))
        return self.tokens_for(self.compute(dates))


def ensemble_of(scenario: Scenario, placed: Mapping[str, Claim], laws: Laws) -> Ensemble | None:
    """The demand laws that worlds draw from; None where the scenario states one law for all.

    Raises: ScenarioInvalid for a law that cannot be drawn from
    """
    path = scenario.demand.path
    if not isinstance(path, ComputePath) or all(choice.law == STATED for choice in path.laws):
        return None
    tokens = 0.0
    if path.states_its_law:
        one = np.ones(1)
        ratio = median(placed["demand.path.tokens_per_param"]) * one
        flop = path.reference_flop * one[None, :]
        tokens = float(tokens_from_compute(flop, ratio, 0 * one, path.reference_flop, one)[0, 0])
    return Ensemble(path.laws, laws, path.reference_flop, tokens)
