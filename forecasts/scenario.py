"""Scenarios: which claims a forecast draws from, and how they are put together.

`base.yaml` is complete. Every other scenario holds only its differences and a `why`; a key set to
null removes that entry of the base. Unknown keys, twice-given keys and unknown claims are errors.

A quantity is the name of a claim in the warehouse (`factor:web_quality`, or
`inventory:indexed-web.pages.unique`, optionally `…#origin-id`), or an estimate written in place
with its unit and source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from forecasts import reading
from forecasts.correlation import CopulaGroup
from forecasts.errors import ScenarioInvalid
from forecasts.reading import NAMED, WRITTEN, Day, Number, Section, Whole, close_to, read_yaml
from models.claims import SHAPES, Claim, Shape
from models.errors import ClaimInvalid
from models.records import Domain, InformationOrigin

# The law that a scenario states itself, by tokens per parameter and their drift.
STATED = "stated"
UsableBase = Literal["captures", "distinct_urls", "deduplicated_text", "works", "already_filtered"]


class Estimate(Section):
    """A claim written in the scenario itself, with the reason it is trusted."""

    unit: str = Field(min_length=1, description="unit of the quantity, such as share or tokens")
    shape: Shape = Field(default="fixed", description="; ".join(SHAPES))
    value: Number | None = Field(default=None, description="median, or the value if fixed")
    low: Number | None = Field(default=None, description="lower end of the credible interval")
    high: Number | None = Field(default=None, description="upper end of the credible interval")
    ci_prob: Number | None = Field(default=None, description="probability inside the interval")
    reflect_at: Number | None = Field(default=None, description="r of r − lognormal")
    minimum: Number | None = Field(default=None, description="impossible below")
    maximum: Number | None = Field(default=None, description="impossible above")
    samples: tuple[Number, ...] = Field(
        default=(), max_length=100_000, description="equally likely values, if empirical"
    )
    valid_on: Day | None = Field(default=None, description="date the value is about")
    source: str = Field(min_length=8, description="URL or reason: where the number comes from")

    @model_validator(mode="after")
    def _is_a_claim(self) -> Estimate:
        if self.shape == "fixed" and not (self.low is self.high is self.ci_prob is None):
            raise ValueError(
                "it has an interval but no shape, so the interval would count for nothing; add "
                "shape: lognormal, normal, uniform or beta"
            )
        try:
            self.claim("")
        except ClaimInvalid as error:
            raise ValueError(str(error).partition(": ")[2]) from error
        return self

    def claim(self, name: str) -> Claim:
        """The estimate as a claim named after its place in the scenario."""
        numbers = self.model_dump(exclude={"source"})
        return Claim(name=name, status="judgement", basis=self.source, **numbers)


def _kind_of_quantity(value: Any) -> str:
    return NAMED if isinstance(value, str) else WRITTEN


Quantity = Annotated[
    Annotated[str, Tag(NAMED)] | Annotated[Estimate, Tag(WRITTEN)],
    Discriminator(_kind_of_quantity),
]


class Step(Section):
    """One conversion: multiply by a quantity, or divide by one."""

    times: Quantity | None = Field(default=None, description="multiply by this")
    per: Quantity | None = Field(default=None, description="divide by this")

    @model_validator(mode="after")
    def _one(self) -> Step:
        if (self.times is None) == (self.per is None):
            raise ValueError("a conversion step has exactly one of times, per")
        return self

    @property
    def quantity(self) -> Quantity:
        """The factor of this step."""
        chosen = self.times if self.times is not None else self.per
        if chosen is None:
            raise ScenarioInvalid("a conversion step has exactly one of times, per")
        return chosen


class Access(Section):
    """Restrictions on a stock: open(t) = (1 − closed)·exp(−hazard·(t − t0)), if respected."""

    closed: Quantity = Field(description="share closed already on its valid_on date")
    hazard: Quantity = Field(description="rate a year at which the rest closes")
    respected: bool = Field(description="no counts the stock as if nothing were closed")


class DomainSupply(Section):
    """raw = count × conversions × growth; unique = raw × usable fraction × (1 − overlap)."""

    count: Quantity = Field(description="how much there is, on its valid_on date")
    conversion: tuple[Step, ...] = Field(default=(), description="steps from the count to tokens")
    growth: tuple[Quantity, ...] = Field(default=(), description="yearly ratios, multiplied")
    growth_fading: Quantity | None = Field(
        default=None, description="rate a year at which growth fades; none means it lasts"
    )
    access: Access | None = Field(
        default=None, description="what restrictions leave of it; none means all of it"
    )
    usable_fraction: Quantity | None = Field(
        default=None, description="share kept by quality filters; none means all of it"
    )
    usable_base: UsableBase = Field(description="what the usable fraction is a share of")
    overlap: Quantity | None = Field(
        default=None, description="share already counted in the other domains of the total"
    )
    part_of: Domain | None = Field(
        default=None, description="domain that contains this one: its own wall, not in the total"
    )
    information: InformationOrigin = Field(
        default="human", description="where its information comes from; a model adds none"
    )
    why: str = Field(min_length=8, description="why these claims")


class NoGain(Section):
    """Multiplier of 1."""

    form: Literal["none"]


class FlatGain(Section):
    """The same multiplier for every token."""

    form: Literal["flat"]
    factor: Quantity = Field(description="effective tokens per unique token")


class LawRepetition(Section):
    """Data-constrained law: D'/U = 1 + R*·(1 − exp(−(epochs − 1)/R*))."""

    form: Literal["law"]
    r_star: Quantity = Field(description="e-folding number of repeats R_D*")
    epochs: Quantity = Field(description="most epochs a planner accepts")


class HarmfulRepetition(Section):
    """A law in which repetition hurts: D'/U = (e^−β + harm·(e − 1)^power)^(−1/β), at the best e."""

    form: Literal["harmful"]
    epochs: Quantity = Field(
        description="most epochs a planner accepts; fewer where more would hurt"
    )
    exponent: Quantity = Field(description="exponent β of the loss in tokens")
    harm: Quantity = Field(
        description="harm of the second pass over what data still cost after the first"
    )
    power: Quantity = Field(description="power of repeats in the harm, 1 or more")


class LawSynthetic(Section):
    """M(σ, v) = 1 + m·(1 − exp(−η·σ/m)), with the share of generated tokens limited."""

    form: Literal["verified"]
    generated: Quantity = Field(description="generated tokens per unique token, σ")
    verifiability: Quantity = Field(description="share of the text that can be verified, v")
    open_most: Quantity = Field(description="most it adds per unique token at v = 0, m0")
    verified_most: Quantity = Field(description="the same at v = 1, m1")
    worth: Quantity = Field(description="worth of the first generated token at v = 0, η0")
    share_limit: Quantity = Field(
        description="largest share of generated tokens in training at v = 0, x0"
    )
    domain_limit: Quantity | None = Field(
        default=None, description="most effective tokens that generation adds to a domain"
    )
    collapse: Quantity | None = Field(
        default=None,
        description="nats by which the loss's floor would rise if all text were generated, c0; "
        "counts in the cost of a run, not in tokens",
    )


class Traces(Section):
    """Test-time traces kept by a verifier: tokens · precision."""

    form: Literal["traces"]
    domain: Domain = Field(description="domain it adds to")
    tokens: Quantity = Field(description="tokens of traces the verifier kept")
    precision: Quantity = Field(description="share of them that is right")


class Preference(Section):
    """Items that people chose: tokens · accept, at most −log2(accept) bits an item."""

    form: Literal["preference"]
    domain: Domain = Field(description="domain it adds to")
    tokens: Quantity = Field(description="tokens offered to choose from")
    accept: Quantity = Field(description="share that is kept")


class SelfPlay(Section):
    """Self-play with saturation: most · (1 − exp(−tokens/most))."""

    form: Literal["self_play"]
    domain: Domain = Field(description="domain it adds to")
    tokens: Quantity = Field(description="tokens generated")
    most: Quantity = Field(description="effective tokens it saturates at")


class Filtering(Section):
    """A filter on a domain: effective · keep · worth. Quality is applied once, here or there."""

    form: Literal["filtering"]
    domain: Domain = Field(description="domain that is filtered; it has no usable_fraction")
    keep: Quantity = Field(description="share of its tokens that the filter keeps")
    worth: Quantity = Field(description="what a kept token is worth, in tokens of before")


Lever = Annotated[Traces | Preference | SelfPlay | Filtering, Field(discriminator="form")]
Repetition = Annotated[
    NoGain | FlatGain | LawRepetition | HarmfulRepetition, Field(discriminator="form")
]
Synthetic = Annotated[NoGain | FlatGain | LawSynthetic, Field(discriminator="form")]


class DatasetPath(Section):
    """Demand follows the growth of the largest training sets: D(t) = level·10^(growth·(t − t0))."""

    form: Literal["dataset_growth"]
    level: Quantity = Field(description="tokens of the largest training set on its valid_on date")
    growth: Quantity = Field(description="orders of magnitude a year")


class LawChoice(Section):
    """One law of an ensemble, and how often a world draws it."""

    law: str = Field(
        min_length=1,
        max_length=60,
        description="name in datawall law list, own:NAME of a stored fit, or stated",
    )
    weight: Number = Field(
        gt=0, le=1e6, description="beside the other laws' weights; each is divided by their sum"
    )
    draws: bool = Field(
        default=False, description="draw its coefficients from its stored resamples"
    )

    @model_validator(mode="after")
    def _has_resamples(self) -> LawChoice:
        if self.law == STATED and self.draws:
            raise ValueError(
                "the stated law has no resamples; its uncertainty is that of tokens_per_param and "
                "drift: leave draws out"
            )
        return self


class ComputePath(Section):
    """Demand follows compute: D = √(C·t/6), t = tokens_per_param·(C/reference)^drift·overtraining.

    C(t) = min(level·growth^(t − t0), ceiling·ceiling_growth^(t − t1)). With laws, each world draws
    one: D = D*(C)·√(overtraining·sparsity), D* the optimum of its law.
    """

    form: Literal["compute"]
    level: Quantity = Field(description="FLOP of the largest run on its valid_on date")
    growth: Quantity = Field(description="yearly ratio of compute")
    growth_from_runs: bool = Field(
        description="use the growth measured on ingested training runs when there are enough"
    )
    ceiling: Quantity | None = Field(default=None, description="FLOP possible on its valid_on date")
    ceiling_growth: Quantity | None = Field(
        default=None, description="yearly ratio of the ceiling after that date"
    )
    tokens_per_param: Quantity = Field(description="optimal D/N at reference_flop")
    reference_flop: Number = Field(gt=0, description="compute at which tokens_per_param holds")
    drift: Quantity = Field(description="exponent of D/N in compute")
    laws: tuple[LawChoice, ...] = Field(
        default=(), max_length=40, description="laws that worlds draw from; none is the stated one"
    )
    overtraining: Quantity = Field(description="deliberate D/N above optimal, as a ratio")
    sparsity: Quantity | None = Field(
        default=None, description="factor on D/N from a mixture of experts; none is a dense model"
    )
    compute_lever: Quantity | None = Field(
        default=None, description="what distillation makes of a FLOP, as a ratio; none is 1"
    )

    @model_validator(mode="after")
    def _ceiling_is_whole(self) -> ComputePath:
        if (self.ceiling is None) != (self.ceiling_growth is None):
            raise ValueError("ceiling and ceiling_growth are given together or not at all")
        return self

    @model_validator(mode="after")
    def _laws_differ(self) -> ComputePath:
        names = [choice.law for choice in self.laws]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"laws name {twice} twice; give it one weight")
        return self

    @property
    def states_its_law(self) -> bool:
        """Whether tokens_per_param and its drift stand for a law that some world follows."""
        return not self.laws or any(choice.law == STATED for choice in self.laws)


DemandPath = Annotated[DatasetPath | ComputePath, Field(discriminator="form")]


class Demand(Section):
    """Tokens the largest run of a date would process, and how a mixture splits them."""

    path: DemandPath
    shares: dict[Domain, Quantity] = Field(
        description="share of a run's tokens from each domain; a domain without one has no wall"
    )


class Severity(Section):
    """Law by which a shortage wastes compute; equal exponents, so only D*/U and R* matter."""

    exponent: Quantity = Field(description="α = β of the loss in parameters and tokens; fixed")
    r_d_star: Quantity = Field(description="e-folding number of repeats R_D*")
    r_n_star: Quantity = Field(description="the same of surplus parameters, R_N*; fixed")


class Correlation(Section):
    """Quantities that tend to be high together: a Gaussian copula with one correlation."""

    quantities: tuple[str, ...] = Field(
        min_length=2, max_length=20, description="places in this scenario, such as supply.web.count"
    )
    correlation: Number = Field(
        gt=-1, lt=1, description="of the normal scores of every two of them"
    )
    why: str = Field(min_length=8, description="why they move together")

    @model_validator(mode="after")
    def _possible(self) -> Correlation:
        lowest = -1 / (len(self.quantities) - 1)
        if self.correlation <= lowest:
            raise ValueError(
                f"{len(self.quantities)} quantities cannot all have a correlation of "
                f"{self.correlation:g} with each other; it must be above {lowest:.3g}"
            )
        return self


class Scenario(Section):
    """One complete set of assumptions. Field order is report order."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="file name without .yaml")
    title: str = Field(min_length=3, description="one line for people")
    answers: str = Field(min_length=8, description="the question this scenario answers")
    why: str = Field(min_length=8, description="why it differs from the base as it does")
    worlds: Whole = Field(ge=100, le=10_000_000, description="joint draws")
    seed: Whole = Field(ge=0, lt=2**63, description="seed of the named draws")
    start: Whole | None = Field(
        default=None, ge=2000, le=2100, description="first year shown; none means the as-of year"
    )
    horizon: Whole = Field(ge=2001, le=2150, description="last year shown")
    supply: dict[Domain, DomainSupply] = Field(min_length=1)
    repetition: Repetition
    synthetic: Synthetic
    levers: tuple[Lever, ...] = Field(
        default=(), description="effective tokens from elsewhere; none are assumed"
    )
    multiplier_cap: Number = Field(gt=0, description="most that both multipliers give together")
    demand: Demand
    severity: Severity | None = Field(
        default=None, description="law of the penalty walls; none leaves them out"
    )
    correlations: tuple[Correlation, ...] = Field(
        default=(), description="groups of quantities that move together; none are independent"
    )

    @field_validator("supply")
    @classmethod
    def _lineage(cls, supply: dict[Domain, DomainSupply]) -> dict[Domain, DomainSupply]:
        for domain, spec in supply.items():
            if spec.part_of is None:
                continue
            if spec.part_of not in supply:
                raise ValueError(f"{domain} is part_of {spec.part_of}, which is not in supply")
            if supply[spec.part_of].part_of is not None:
                raise ValueError(f"{domain} is part_of {spec.part_of}, itself a part")
        if all(spec.part_of is not None for spec in supply.values()):
            raise ValueError("every domain is part of another, so the total would be empty")
        return supply

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        for lever in self.levers:
            if lever.domain not in self.supply:
                raise ValueError(f"a lever adds to {lever.domain}, which is not in supply")
            filters = isinstance(lever, Filtering)
            if filters and self.supply[lever.domain].usable_fraction is not None:
                raise ValueError(
                    f"{lever.domain} has a usable_fraction and a filtering lever, which would "
                    "count quality twice; set one of them to null"
                )
        extra = set(self.demand.shares) - set(self.supply)
        if extra:
            raise ValueError(f"demand.shares names domains without supply: {sorted(extra)}")
        if self.start is not None and self.start >= self.horizon:
            raise ValueError(f"start {self.start} is not before horizon {self.horizon}")
        return self

    @model_validator(mode="after")
    def _groups_name_places(self) -> Scenario:
        places = [place for place, _, _ in self.quantities()]
        seen: set[str] = set()
        for place in (place for group in self.correlations for place in group.quantities):
            if place not in places:
                raise ValueError(
                    f"correlations name {reading.shown(place)}, which is no quantity of this "
                    f"scenario{close_to(place, places)}"
                )
            if place in seen:
                raise ValueError(f"correlations name {place} twice; it belongs to one group")
            seen.add(place)
        return self

    def quantities(self) -> Iterator[tuple[str, str, Quantity]]:
        """Every quantity with its place in the scenario and the part that uses it."""
        for domain, spec in self.supply.items():
            yield f"supply.{domain}.count", domain, spec.count
            for i, step in enumerate(spec.conversion):
                yield f"supply.{domain}.conversion.{i}", domain, step.quantity
            for i, growth in enumerate(spec.growth):
                yield f"supply.{domain}.growth.{i}", domain, growth
            for key in ("growth_fading", "usable_fraction", "overlap"):
                quantity = getattr(spec, key)
                if quantity is not None:
                    yield f"supply.{domain}.{key}", domain, quantity
            if spec.access is not None:
                yield f"supply.{domain}.access.closed", domain, spec.access.closed
                yield f"supply.{domain}.access.hazard", domain, spec.access.hazard
        sections: list[tuple[str, Section | None]] = [
            (f"levers.{i}", lever) for i, lever in enumerate(self.levers)
        ]
        sections += [
            ("repetition", self.repetition),
            ("synthetic", self.synthetic),
            ("demand", self.demand.path),
            ("severity", self.severity),
        ]
        for part, section in sections:
            if section is None:
                continue
            place = "demand.path" if part == "demand" else part
            unused = _UNSTATED if _follows_others(section) else ()
            for key in type(section).model_fields:
                quantity = getattr(section, key)
                if key in ("form", "domain", *unused):
                    continue
                if isinstance(quantity, str | Estimate):
                    yield f"{place}.{key}", part, quantity
        for domain, quantity in self.demand.shares.items():
            yield f"demand.shares.{domain}", f"demand of {domain}", quantity

    def references(self) -> set[str]:
        """Names of the warehouse claims this scenario needs."""
        return {quantity for _, _, quantity in self.quantities() if isinstance(quantity, str)}


# What no world draws where no law is the stated one.
_UNSTATED = ("tokens_per_param", "drift")


def _follows_others(section: Section) -> bool:
    return isinstance(section, ComputePath) and not section.states_its_law


def _merge(base: Any, change: Any) -> Any:
    """Apply differences: mappings merge, null removes, anything else replaces.

    A mapping with another `form`, or an estimate in place of a claim name, replaces the old one.
    A null without an entry to remove stays, so that validation names a misspelt key.
    """
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    if "form" in change and change["form"] != base.get("form"):
        return change
    merged = dict(base)
    for key, value in change.items():
        if value is None and key in base:
            del merged[key]
        else:
            merged[key] = _merge(base.get(key), value)
    return merged


def explain(error: ValidationError, where: str) -> str:
    """First problem of a scenario's validation as one sentence."""
    return reading.explain(error, where, Scenario)


def _builtin(name: str) -> str:
    return (resources.files("forecasts") / "scenarios" / f"{name}.yaml").read_text("utf-8")


def names() -> list[str]:
    """Names of the scenarios that come with the package."""
    folder = resources.files("forecasts") / "scenarios"
    files = (entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return sorted(name.removesuffix(".yaml") for name in files if name != "base.yaml")


def _changes(spec: str) -> tuple[dict[str, Any], str]:
    """Differences and label of a scenario given by name or by file.

    A file that gives itself no name or title is called as the file is, never as the base is.
    """
    path = Path(spec)
    if path.suffix in (".yaml", ".yml") or "/" in spec:
        change = read_yaml(reading.read_text(path, "scenario"), spec)
        word = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:64]
        change.setdefault("name", word or "scenario")
        change.setdefault("title", f"Scenario {change['name']}")
        return change, spec
    if spec not in names():
        hint = close_to(spec, names())
        raise ScenarioInvalid(
            f"no scenario is named {reading.shown(spec)}{hint}; there are: {', '.join(names())} "
            "(or give a .yaml file)"
        )
    return read_yaml(_builtin(spec), f"scenario {spec}"), f"scenario {spec}"


def base_document() -> dict[str, Any]:
    """The complete base scenario as written."""
    return read_yaml(_builtin("base"), "scenario base")


def load(spec: str) -> Scenario:
    """Scenario by name or file, complete and checked.

    Raises: ScenarioInvalid with the key, what was found and what is allowed.
    """
    change, where = _changes(spec)
    if not change.get("why"):
        raise ScenarioInvalid(f"{where}: why is missing; say in a sentence why it differs")
    try:
        return Scenario.model_validate(_merge(base_document(), change))
    except ValidationError as error:
        raise ScenarioInvalid(explain(error, where)) from error


def difference(first: Scenario, second: Scenario) -> list[tuple[str, str, str]]:
    """Keys in which two scenarios differ, with both values; a dash where one lacks the key."""
    a, b = (dict(_leaves(s.model_dump(mode="json"))) for s in (first, second))
    keys = [*a, *(key for key in b if key not in a)]
    return [(k, a.get(k, "–"), b.get(k, "–")) for k in keys if a.get(k, "–") != b.get(k, "–")]


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        pairs: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        if value is not None:
            yield prefix, str(value)
        return
    for key, inner in pairs:
        yield from _leaves(inner, f"{prefix}.{key}" if prefix else str(key))


# Unit that a place demands of a named claim; the words are the catalogue's. A share given as tokens
# would count as "all of it".
_UNITS = (
    (r"supply\.\w+\.(usable_fraction|overlap|access\.closed)", "share"),
    (r"levers\.\d+\.(precision|accept|keep)|synthetic\.(verifiability|share_limit)", "share"),
    (r"supply\.\w+\.(growth_fading|access\.hazard)", "per_year"),
    (r"levers\.\d+\.(tokens|most)|synthetic\.domain_limit", "tokens"),
    (r"synthetic\.collapse", "nats"),
    (r"demand\.shares\.\w+", "share"),
    (r"supply\.\w+\.growth\.\d+|demand\.path\.ceiling_growth", "ratio_per_year"),
    (r"demand\.path\.ceiling", "flop"),
)
_UNITS_OF_PATH = {
    "dataset_growth": {"level": "tokens", "growth": "oom_per_year"},
    "compute": {"level": "flop", "growth": "ratio_per_year"},
}


def _unit_at(place: str, form: str) -> str | None:
    if place.removeprefix("demand.path.") in _UNITS_OF_PATH[form]:
        return _UNITS_OF_PATH[form][place.removeprefix("demand.path.")]
    return next((unit for pattern, unit in _UNITS if re.fullmatch(pattern, place)), None)


def _named(place: str, name: str, claims: Mapping[str, Claim]) -> Claim:
    if name not in claims:
        hint = close_to(name, list(claims))
        raise ScenarioInvalid(
            f"{place} names {reading.shown(name)}, which the warehouse does not know at this "
            f'date{hint}; see `datawall sql "FROM out_claims"`'
        )
    claim = claims[name]
    if claim.status == "unverified" and claim.shape == "fixed":
        raise ScenarioInvalid(
            f"{place} uses {name!r}, an unverified figure without an interval; state an estimate "
            "with low, high and ci_prob in its place"
        )
    return claim


def _require_fit(place: str, claim: Claim, unit: str | None) -> None:
    """Refuse a claim that cannot stand at its place, whoever states it."""
    if unit is not None and claim.unit != unit:
        raise ScenarioInvalid(
            f"{place} uses {claim.name!r} in {claim.unit}; a claim in {unit} is needed"
        )
    stated = [x for x in (claim.value, claim.low, claim.high, *claim.samples) if x is not None]
    if unit == "share" and max(stated) > 1:
        raise ScenarioInvalid(f"{place} is a share of {max(stated):g}; it must lie between 0 and 1")
    if unit == "ratio_per_year" and min(stated) <= 0:
        raise ScenarioInvalid(
            f"{place} is a yearly ratio of {min(stated):g}; it must be above 0 (1 is no growth)"
        )


def copula_groups(scenario: Scenario, placed: Mapping[str, Claim]) -> tuple[CopulaGroup, ...]:
    """Names of claims that are drawn together.

    Raises: ScenarioInvalid when one claim, standing in two places, would be correlated with itself
    """
    groups = []
    seen: set[str] = set()
    for group in scenario.correlations:
        names = tuple(placed[place].name for place in group.quantities)
        for name in names:
            if name in seen:
                raise ScenarioInvalid(
                    f"scenario {scenario.name}: correlations name {name!r} twice, by two of its "
                    "places; name one of them"
                )
            seen.add(name)
        groups.append(CopulaGroup(names, group.correlation))
    return tuple(groups)


def resolve(scenario: Scenario, claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """Claim of every place in the scenario; a claim used twice is one claim, so one set of draws.

    An estimate written in the scenario draws by its place alone, so that equal estimates of two
    scenarios give equal draws.
    Raises: ScenarioInvalid for a name the warehouse does not know, an unverified figure without an
    interval, or a claim in another unit than its place needs.
    """
    placed: dict[str, Claim] = {}
    for place, _, quantity in scenario.quantities():
        where = f"scenario {scenario.name}: {place}"
        if isinstance(quantity, Estimate):
            placed[place] = quantity.claim(f"estimate:{place}")
        else:
            placed[place] = _named(where, quantity, claims)
        _require_fit(where, placed[place], _unit_at(place, scenario.demand.path.form))
    return placed
