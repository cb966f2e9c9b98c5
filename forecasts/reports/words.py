"""How a report says things: amounts, dates, chances, and the sentences around them.

Every quantile of a wall is one of three things: a date, "before the start" (that share of worlds
had crossed already) or "after the horizon" (it had not crossed yet). The words keep them apart.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from datetime import date
from urllib.parse import quote, urlsplit

from forecasts.results import (
    TOTAL,
    Decision,
    DemandRow,
    Forecast,
    GateRow,
    InputRow,
    SourceRow,
    SupplyRow,
    WallRow,
)
from forecasts.scenario import names as scenario_names
from models.quantities import date_of_year
from models.records import METRICS

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MISSING = "–"

WALL_KINDS = {
    "exhaustion": "exhaustion",
    "penalty_0.9": "penalty: run worth under 90 % of its compute",
    "penalty_0.5": "penalty: run worth under 50 % of its compute",
}
STATUSES = {
    "published": "stated in the cited publication",
    "derived": "computed here from published figures",
    "secondary": "quoted by somebody other than its author",
    "estimate": "one author's own reckoning",
    "judgement": "this project's stated opinion",
    "unverified": "not checked against its source",
    "measured": "measured here on files of your own",
}
NO_RUNS = "No planned run is known, so there is no verdict. Describe the runs and import them:"
IMPORT_COMMAND = (
    "datawall runs template > runs.yaml; datawall runs import runs.yaml; datawall decide"
)
NO_SOURCES = "No source has been ingested: every figure is the embedded catalogue's."
MEDIANS_NOTE = (
    "Each stage is summarised over the same worlds by itself: medians do not multiply from stage "
    "to stage, nor do domains' medians add up to the total's."
)
LIMITS = (
    "Running out of data is not the end of progress. Past the wall a run can still repeat, "
    "synthesise, buy or collect text; it pays more for each step.",
    "Demand counts tokens as if each were fresh, which is what a scaling law asks for; a run that "
    "repeats text processes more. Only effective supply, which credits a repeat at its worth, may "
    "be set against it.",
    "Demand at the start is a law at estimated compute and not a disclosed figure. The largest "
    "training sets disclosed so far are 15.6T tokens (2024) and 36T to 40T (2025); whether labs "
    "keep larger ones to themselves or have slowed cannot be told from outside.",
    "Demand laws disagree several-fold far beyond the runs they were fitted on. The band here "
    "shows one demand path; compare scenarios before trusting a single date.",
    "How a run divides its tokens among domains is read from published mixes. It is a claim about "
    "habit, and a lab that changes its mix moves every domain's wall.",
    "Repetition and synthetic gains were measured on runs far smaller than those forecast here.",
    "Intervals cover the inputs listed in the register and nothing else: a source nobody counted, "
    "a new kind of model or a new law is outside them.",
    "The date itself can never be observed. Judge the forecast by its parts: crawl size, disclosed "
    "training sets, compute, measured repetition.",
)


def scientific(value: float) -> str:
    """A number in powers of ten: 4.64 × 10²⁶."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"


def short(value: float, digits: int) -> str:
    """An amount with a letter for its size, `digits` figures or whole units: 87.3B, 2,400T."""
    if not math.isfinite(value):
        return MISSING
    if abs(value) >= 1e18:
        return scientific(value)
    for size, letter in SCALES:
        # What would round to 1,000 of one letter is 1.0 of the next.
        if abs(value) >= size * 0.9995:
            scaled = value / size
            whole = len(str(int(abs(scaled) + 0.5 * 10 ** (1 - digits))))
            return f"{scaled:,.{max(digits - whole, 0)}f}{letter}"
    return f"{value:.3g}"


def tokens(value: float) -> str:
    """An amount of tokens in two figures or whole units: 1.3T, 102T, 870B, 2,400T."""
    return short(value, 2)


def figure(value: float | None, unit: str) -> str:
    """A claim's number: counts by letter, the very large and very small by powers of ten."""
    if value is None or not math.isfinite(value):
        return MISSING
    if unit in METRICS and abs(value) >= 1e3:
        return short(value, 3)
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return scientific(value)
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"


def chance(probability: float) -> str:
    """A probability in whole per cent that never turns a rare thing into never."""
    if 0 < probability < 0.01:
        return "under 1 %"
    if 0.99 < probability < 1:
        return "over 99 %"
    return f"{100 * probability:.0f} %"


def span(row: SupplyRow | DemandRow) -> str:
    """The 90 % interval of an amount of tokens."""
    return f"{tokens(row.at('p05'))}–{tokens(row.at('p95'))}"


def days(count: int) -> str:
    """A number of days."""
    return "1 day" if count == 1 else f"{count:,} days"


def day(when: date | None) -> str:
    """A calendar day: 2 Jul 2029."""
    return MISSING if when is None else f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def source_status(row: SourceRow) -> str:
    """What became of the last attempt, and whether forecasts use the newest vintage."""
    if row.state == "held":
        return f"{row.status}; newest vintage held from forecasts until acknowledged"
    return row.status if row.state == "accepted" else f"{row.status}, {row.state}"


def source_change(row: SourceRow) -> str:
    """When the totals of a source last moved, and how far: 15 Dec 2024: cumulative pages +3.1 %."""
    if row.last_change is None or row.change is None:
        return MISSING
    return f"{day(row.last_change)}: {row.changed} {100 * row.change:+.1f} %".replace("-", "−")


def month(year: float) -> str:
    """A fractional year as its month: 2029.04 is Jan 2029."""
    when = date_of_year(year)
    return f"{MONTHS[when.month - 1]} {when.year}"


def unit_words(unit: str) -> str:
    """A unit as it is read: ratio_per_year is "ratio per year"."""
    return unit.replace("_", " ")


def domain_words(domain: str) -> str:
    """A domain's name, the total marked as such."""
    return "All domains" if domain == TOTAL else domain.replace("_", " ")


def unbroken(text: str) -> str:
    """Text whose percentages and ranges stay on one line."""
    return text.replace(" %", "\u00a0%").replace("–", "\u2060–\u2060")


def sentence(text: str) -> str:
    """Text that ends as a sentence does."""
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def counted(part_of: str) -> str:
    """Whether a domain adds to the total or lies inside another one."""
    return f"inside {domain_words(part_of)}, not added to the total" if part_of else "added"


def safe_url(url: str) -> str:
    """The URL if it may become a link (http or https, with a host), else nothing."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    linkable = parts.scheme.lower() in ("http", "https") and parts.hostname
    return quote(url.strip(), safe="%/:=&?~#+!$,;'@-._*") if linkable else ""


def is_past(value: float | None, forecast: Forecast) -> bool:
    """Whether a wall's quantile had been crossed before the first year of the forecast."""
    return value is not None and value <= forecast.start


def wall_month(value: float | None, forecast: Forecast) -> str:
    """A wall's quantile for tables: its month, or on which side of the forecast it lies."""
    if value is None:
        return f"after {forecast.horizon}"
    return f"before {forecast.start}" if is_past(value, forecast) else month(value)


def wall_year(value: float | None, forecast: Forecast) -> str:
    """A wall's quantile for sentences: its year, or on which side of the forecast it lies."""
    inside = value is not None and not is_past(value, forecast)
    return str(int(value)) if inside and value is not None else wall_month(value, forecast)


def censoring(wall: WallRow, forecast: Forecast) -> str:
    """In how many worlds the wall lies outside the years of the forecast."""
    never = 1 - wall.probability_by_horizon
    parts = []
    if wall.probability_before_start > 0:
        parts.append(f"before {forecast.start} in {chance(wall.probability_before_start)}")
    if never > 0:
        parts.append(f"after {forecast.horizon} in {chance(never)}")
    return "; ".join(parts) or "every world inside the forecast"


def wall_interval(wall: WallRow, forecast: Forecast) -> str:
    """The 80 % interval of a wall in years."""
    if wall.p10 is None:
        return f"wholly after {forecast.horizon}"
    if is_past(wall.p90, forecast):
        return f"wholly before {forecast.start}"
    low, high = wall_year(wall.p10, forecast), wall_year(wall.p90, forecast)
    if low == high:
        return f"within {low}"
    return f"{low}–{high}" if low.isdigit() and high.isdigit() else f"{low} to {high}"


def _remainder(wall: WallRow, forecast: Forecast) -> str:
    never = 1 - wall.probability_by_horizon
    if never > 0:
        return f"no wall before {forecast.horizon} in {chance(never)} of worlds"
    return f"every world meets it before {forecast.horizon}"


def headline(forecast: Forecast) -> str:
    """The forecast in one sentence: when, how sure, under which scenario, and what is censored."""
    wall = forecast.wall()
    interval = f"(80 % credible interval {wall_interval(wall, forecast)})"
    under = f"under {forecast.scenario}"
    if wall.p50 is None:
        beyond = chance(1 - wall.probability_by_horizon)
        return (
            f"Effective supply of training text outlasts demand beyond {forecast.horizon} in "
            f"{beyond} of worlds {under}; wall {interval}."
        )
    if is_past(wall.p50, forecast):
        return (
            "Demand for training text has already outgrown effective supply before "
            f"{forecast.start} in {chance(wall.probability_before_start)} of worlds {under} "
            f"{interval}; {_remainder(wall, forecast)}."
        )
    passed = (
        f"already passed before {forecast.start} in {chance(wall.probability_before_start)}; "
        if is_past(wall.p10, forecast)
        else ""
    )
    return (
        f"Demand for training text outgrows effective supply in {int(wall.p50)} {interval} "
        f"{under}; {passed}{_remainder(wall, forecast)}."
    )


def interval_of(row: InputRow) -> str:
    """A claim as its source states it: value, interval and the level the interval holds at."""
    value = figure(row.value, row.unit) if row.value is not None else ""
    if row.low is None or row.high is None:
        return value or row.shape
    level = f" at {row.ci_prob:.0%}".replace("%", " %") if row.ci_prob is not None else ""
    return f"{value} [{figure(row.low, row.unit)}–{figure(row.high, row.unit)}]{level}".strip()


def drawn(row: InputRow) -> str:
    """What the worlds drew of a claim: 5th, 50th and 95th percentile."""
    quantiles = (row.drawn_p05, row.drawn_p50, row.drawn_p95)
    return " / ".join(figure(value, row.unit) for value in quantiles)


def binding(decision: Decision) -> str:
    """Which domain runs short first for a run, if one is named."""
    if not decision.binding_domain:
        return "no domain binds"
    return f"{domain_words(decision.binding_domain)} binds first"


def demand_words(decision: Decision) -> str:
    """The tokens a run needs: the middle of its three figures, and the outer two."""
    low, middle, high = map(tokens, decision.demand_tokens)
    return f"needs {middle} tokens" + (f" ({low}–{high})" if low != high else "")


def gate_value(value: float | None, unit: str) -> str:
    """A gate's number with its unit; probabilities as per cent."""
    if value is None:
        return MISSING
    if unit == "probability":
        return chance(value)
    return f"{figure(value, unit)} {unit_words(unit)}".strip()


def gate_words(gate: GateRow) -> str:
    """A failed gate as what is missing: the value seen and the value needed."""
    # Of a start gate the threshold may be a cap, so its own words say what is missing.
    if gate.stage == "start" or gate.value is None or gate.threshold is None:
        return f"{gate.gate}: {gate.evidence}".rstrip(": ")
    seen, needed = (gate_value(number, gate.unit) for number in (gate.value, gate.threshold))
    return f"{gate.gate}: {seen} now, {needed} needed"


def change_heading(decision: Decision) -> str:
    """What the failed gates of a decision stand under."""
    return "Before it may start" if decision.verdict == "launch" else "What would change it"


def outlook(decision: Decision) -> str:
    """What happens next to a run: until when a yes holds, or from when one may be expected."""
    if decision.verdict == "launch":
        return f"Holds until {day(decision.expires_at)}."
    if decision.earliest_date is not None:
        return f"Earliest date at which it passes: {day(decision.earliest_date)}."
    return "No date within the forecast at which it passes."


def reproduction(forecast: Forecast) -> list[tuple[str, str]]:
    """What identifies the computation, as named facts."""
    return [
        ("Forecast", forecast.forecast_id),
        ("Scenario", forecast.scenario),
        ("As of", forecast.as_of.isoformat()),
        ("Worlds", f"{forecast.worlds:,}"),
        ("Seed", str(forecast.seed)),
        ("Years", f"{forecast.start}–{forecast.horizon}"),
        ("Repetition", forecast.repetition),
        ("Synthetic data", forecast.synthetic),
        ("Demand path", forecast.demand_path),
        ("Code", forecast.code_version),
    ]


def _spec(forecast: Forecast) -> str:
    """A scenario of the user's own is known by its file, whose place is theirs to say."""
    ours = forecast.scenario in scenario_names()
    return shlex.quote(forecast.scenario if ours else f"{forecast.scenario}.yaml")


def undecided(runs: Sequence[str]) -> str:
    """Planned runs on which there is no verdict under this forecast."""
    names = ", ".join(runs)
    return (
        f"Planned and not decided under this forecast: {names}. Verdicts are given under the "
        "scenario's own number of worlds, seed and horizon; the command names the report to make:"
    )


def decide_command(forecast: Forecast) -> str:
    """The command line that decides on all planned runs as of the forecast's day."""
    return f"datawall decide --scenario {_spec(forecast)} --as-of {forecast.as_of.isoformat()}"


def rerun_command(forecast: Forecast) -> str:
    """The command line that computes the same forecast again."""
    return (
        f"datawall forecast --scenario {_spec(forecast)} --worlds {forecast.worlds} "
        f"--seed {forecast.seed} --as-of {forecast.as_of.isoformat()} "
        f"--horizon {forecast.horizon}"
    )
