"""The report's tables, and the report as Markdown for wikis, chats and artefacts.

A table here is ready text; the page and the charts show the same tables, so no two forms of the
report can give different numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forecasts.reports import words
from forecasts.results import (
    SUPPLY_STAGES,
    TOTAL,
    Decision,
    DemandRow,
    Forecast,
    InputRow,
    ProbeRow,
    SourceRow,
    SupplyRow,
    WallRow,
)

# What could start markup or leave a table cell; an underscore inside a name is harmless.
SPECIAL = re.compile(r"([\\|`*\[\]~])")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of ready text. The first column names the row; `prose` lists columns set as text."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: frozenset[int] = frozenset()


def total_paths(forecast: Forecast) -> list[tuple[int, SupplyRow, DemandRow]]:
    """Effective supply and demand of the total, year by year."""
    demand = {row.year: row for row in forecast.demand if row.domain == TOTAL}
    return [
        (row.year, row, demand[row.year])
        for row in forecast.supply
        if row.domain == TOTAL and row.stage == "effective" and row.year in demand
    ]


def paths_table(forecast: Forecast, every: int = 1) -> Table:
    """Effective supply and demand of the total on 1 January of every n-th year."""
    rows = tuple(
        (
            str(year),
            words.tokens(supply.at("p50")),
            words.span(supply),
            words.tokens(demand.at("p50")),
            words.span(demand),
        )
        for year, supply, demand in total_paths(forecast)
        if (year - forecast.start) % every == 0
    )
    headers = ("1 January", "Supply, median", "Supply, 90 %", "Demand, median", "Demand, 90 %")
    return Table("Effective supply and demand in tokens, all domains", headers, rows)


def ordered_walls(forecast: Forecast) -> list[WallRow]:
    """Walls with the total first, then domains by how soon and how surely they meet theirs."""
    exhaustion = {row.domain: row for row in forecast.walls if row.kind == "exhaustion"}

    def rank(row: WallRow) -> tuple[bool, float, float, str]:
        first = exhaustion.get(row.domain, row)
        when = math.inf if first.p50 is None else first.p50
        return (row.domain != TOTAL, when, -first.probability_by_horizon, row.domain)

    return sorted(forecast.walls, key=rank)


def walls_table(forecast: Forecast) -> Table:
    """Every wall with its 10th, 50th and 90th percentile and what is censored."""
    rows = tuple(
        (
            words.domain_words(row.domain),
            words.WALL_KINDS.get(row.kind, row.kind),
            *(words.wall_month(value, forecast) for value in (row.p10, row.p50, row.p90)),
            words.chance(row.probability_by_horizon),
            "" if row.binds is None else words.chance(row.binds),
            words.censoring(row, forecast),
        )
        for row in ordered_walls(forecast)
    )
    chance = f"Chance before {forecast.horizon}"
    headers = (
        "Domain", "Wall", "p10", "Median", "p90", chance, "Runs out first", "Outside the forecast",
    )  # fmt: skip
    return Table(
        "Walls by domain, with the 80 % interval p10–p90", headers, rows, frozenset({1, 7})
    )


def waterfall_table(forecast: Forecast) -> Table:
    """Raw, unique and effective tokens at the start year, per domain, with 90 % intervals."""
    found: dict[tuple[str, str], SupplyRow]
    found = {(row.domain, row.stage): row for row in forecast.supply if row.year == forecast.start}
    rows = []
    for domain in dict.fromkeys([TOTAL, *(name for name, _ in found)]):
        cells = [words.domain_words(domain)]
        for stage in SUPPLY_STAGES:
            row = found.get((domain, stage))
            median = words.MISSING if row is None else words.tokens(row.at("p50"))
            cells += [median, words.MISSING if row is None else words.span(row)]
        rows.append(tuple(cells))
    headers = ("Domain", "Raw", "90 %", "Unique", "90 %", "Effective", "90 %")
    return Table(f"From raw to effective tokens on 1 Jan {forecast.start}", headers, tuple(rows))


def domains_table(forecast: Forecast) -> Table:
    """How each domain is counted."""
    rows = tuple(
        (
            words.domain_words(row.domain),
            words.counted(row.part_of),
            words.unit_words(row.usable_base),
            row.why,
        )
        for row in forecast.domains
    )
    headers = ("Domain", "In the total", "Usable share is a share of", "Why")
    return Table("How each domain is counted", headers, rows, frozenset({1, 2, 3}))


def sources_table(sources: Sequence[SourceRow]) -> Table:
    """The sources behind the forecast and how old each is."""
    rows = tuple(
        (
            row.source,
            row.publisher,
            words.day(row.last_vintage),
            words.MISSING if row.age_days is None else words.days(row.age_days),
            f"{row.rows:,}",
            words.source_status(row),
            words.source_change(row),
        )
        for row in sources
    )
    headers = ("Source", "Publisher", "Last vintage", "Age", "Rows", "Status", "Last change")
    return Table("Sources and their age", headers, rows, frozenset({1, 2, 5, 6}))


def probes_table(probes: Sequence[ProbeRow], forecast: Forecast) -> Table:
    """What the planner's own probe runs measured, and whether this forecast draws from it."""
    drawn = {row.name for row in forecast.inputs}
    rows = tuple(
        (
            row.name,
            f"{row.value:.4g}",
            words.MISSING
            if row.low is None or row.high is None or row.ci_prob is None
            else f"{row.low:.4g} – {row.high:.4g} ({row.ci_prob:.0%})".replace("%", " %"),
            words.unit_words(row.unit),
            "yes" if row.name in drawn else "no",
            words.day(row.known_at),
            row.basis,
        )
        for row in probes
    )
    headers = ("Claim", "Value", "Interval", "Unit", "Drawn from here", "Measured", "Basis")
    return Table("Measured by probe runs", headers, rows, frozenset({3, 4, 5, 6}))


def escape(text: str) -> str:
    """Text as one line of Markdown that shows exactly itself."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", flat)


def link(title: str, url: str) -> str:
    """A linked title where the URL is one of the web, else the title alone."""
    target = words.safe_url(url)
    return f"[{escape(title)}]({target})" if target else escape(title)


def _grid(headers: Sequence[str], rows: Iterable[Sequence[str]], prose: frozenset[int]) -> str:
    rule = ["---" if column == 0 or column in prose else "--:" for column in range(len(headers))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [headers, rule, *rows])


def table_markdown(table: Table) -> str:
    """A table of ready text as a pipe table."""
    headers = [escape(header) for header in table.headers]
    return _grid(headers, ([escape(cell) for cell in row] for row in table.rows), table.prose)


def wall_table_markdown(forecast: Forecast) -> str:
    """Every wall with its interval and censoring, as a pipe table."""
    return table_markdown(walls_table(forecast))


def _verdict_cells(decision: Decision) -> list[str]:
    failed = [words.gate_words(gate) for gate in decision.gates if not gate.passed]
    change = f"{words.change_heading(decision)}: {'; '.join(failed)}." if failed else ""
    return [
        escape(decision.run),
        f"**{escape(decision.verdict)}**",
        words.chance(decision.probability),
        words.chance(decision.required_probability),
        escape(words.binding(decision)),
        words.day(decision.needed_on),
        escape(" ".join([*map(words.sentence, decision.reasons), change, words.outlook(decision)])),
    ]


def _verdicts(forecast: Forecast, decisions: Sequence[Decision], undecided: Sequence[str]) -> str:
    if not (decisions or undecided):
        return f"{words.NO_RUNS} `{words.IMPORT_COMMAND}`"
    parts = []
    if undecided:
        names = [escape(name) for name in undecided]
        parts.append(f"{words.undecided(names)} `{words.decide_command(forecast)}`")
    if decisions:
        headers = (
            "Run", "Verdict", "P(supply ≥ demand)", "Required", "Binding", "Needed on", "Why",
        )  # fmt: skip
        parts.append(_grid(headers, map(_verdict_cells, decisions), frozenset({1, 4, 5, 6})))
    return "\n\n".join(parts)


def _input_cells(row: InputRow) -> list[str]:
    source = link(row.title or row.origin_id, row.url)
    return [
        escape(row.name),
        escape(row.used_by),
        escape(words.interval_of(row)),
        escape(words.drawn(row)),
        escape(words.unit_words(row.unit)),
        escape(row.status),
        escape(row.basis),
        words.day(row.known_at),
        f"{escape(row.publisher)}: {source}" if row.publisher else source,
    ]


def _register(forecast: Forecast) -> str:
    drawn = "Drawn 5 / 50 / 95 %"
    headers = ("Claim", "Used by", "Stated", drawn, "Unit", "Status", "Basis", "Known", "Source")
    return _grid(headers, map(_input_cells, forecast.inputs), frozenset({1, 4, 5, 6, 7, 8}))


def _reproduction(forecast: Forecast) -> str:
    facts = [f"- {name}: {escape(value)}" for name, value in words.reproduction(forecast)]
    command = " ".join(words.rerun_command(forecast).split())
    return "\n".join([*facts, "", "```", command, "```"])


def render_markdown(
    forecast: Forecast,
    decisions: Sequence[Decision],
    sources: Sequence[SourceRow],
    probes: Sequence[ProbeRow] = (),
    undecided: Sequence[str] = (),
) -> str:
    """The whole report as Markdown; the same input gives the same bytes.

    undecided: names of planned runs without a verdict under this forecast
    """
    measured = table_markdown(probes_table(probes, forecast))
    sections = [
        ("Planned runs", _verdicts(forecast, decisions, undecided)),
        ("Walls", wall_table_markdown(forecast)),
        ("Supply and demand (tokens)", table_markdown(paths_table(forecast, every=2))),
        (
            f"From raw to effective tokens, 1 Jan {forecast.start}",
            f"{table_markdown(waterfall_table(forecast))}\n\n{words.MEDIANS_NOTE}",
        ),
        ("How each domain is counted", table_markdown(domains_table(forecast))),
        ("Assumptions", _register(forecast)),
        *([("Measured by probes", measured)] if probes else []),
        ("Sources", table_markdown(sources_table(sources)) if sources else words.NO_SOURCES),
        ("Limits of this forecast", "\n".join(f"- {escape(limit)}" for limit in words.LIMITS)),
        ("Reproduce", _reproduction(forecast)),
    ]
    top = [f"# {escape(forecast.title)}", f"**{escape(words.headline(forecast))}**"]
    about = [escape(text) for text in (forecast.answers, forecast.why) if text]
    body = [f"## {heading}\n\n{text}" for heading, text in sections]
    return "\n\n".join([*top, *about, *body]) + "\n"
