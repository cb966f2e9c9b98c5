"""The Markdown report: the same numbers, and no text that breaks a table or becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from forecasts.reports import words
from forecasts.reports.markdown import escape, link, render_markdown, wall_table_markdown
from forecasts.results import Decision, Forecast, SourceRow

HOSTILE = "<script>x</script> | a\nb `c` [d](javascript:e) **f** &lt;g"


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))


def test_headings_come_in_order(
    forecast: Forecast, decisions: Sequence[Decision], sources: Sequence[SourceRow]
) -> None:
    report = render_markdown(forecast, decisions, sources)
    assert re.findall(r"^#+ (.+)$", report, re.M) == [
        "Baseline",
        "Planned runs",
        "Walls",
        "Supply and demand (tokens)",
        "From raw to effective tokens, 1 Jan 2026",
        "How each domain is counted",
        "Assumptions",
        "Sources",
        "Limits of this forecast",
        "Reproduce",
    ]
    assert f"**{words.headline(forecast)}**" in report
    assert words.rerun_command(forecast) in report
    assert report == render_markdown(forecast, decisions, sources)


def test_wall_table_states_interval_and_censoring(forecast: Forecast) -> None:
    lines = wall_table_markdown(forecast).splitlines()
    assert len(lines) == 2 + len(forecast.walls)
    assert lines[2] == (
        "| All domains | exhaustion | Apr 2027 | Jan 2029 | Nov 2032 | 97 % "
        "|  | after 2045 in 3 % |"
    )
    assert (
        "| books | exhaustion | before 2026 | Aug 2027 | after 2045 | 88 % "
        "|  | before 2026 in 30 %; after 2045 in 12 % |" in lines
    )


def test_walls_are_ordered_by_how_soon_a_domain_runs_out(forecast: Forecast) -> None:
    domains = [_cells(line)[0].strip() for line in wall_table_markdown(forecast).splitlines()[2:]]
    assert domains == ["All domains"] * 3 + ["code", "books", "web"]


def test_every_other_year_every_claim_and_every_verdict_has_its_row(
    forecast: Forecast, decisions: Sequence[Decision], sources: Sequence[SourceRow]
) -> None:
    lines = render_markdown(forecast, decisions, sources).splitlines()
    years = [int(line[2:6]) for line in lines if re.match(r"\| \d{4} \|", line)]
    assert years == list(range(2026, 2045, 2))
    for row in forecast.inputs:
        line = next(line for line in lines if line.startswith(f"| {row.name} |"))
        for said in (words.interval_of(row), words.drawn(row), row.status, row.basis, row.title):
            assert escape(said) in line
    for decision in decisions:
        line = next(line for line in lines if line.startswith(f"| {decision.run} |"))
        assert f"**{decision.verdict}**" in line
        assert words.outlook(decision) in line
    for source in sources:
        assert any(line.startswith(f"| {source.source} |") for line in lines)
    assert all(limit in "\n".join(lines) for limit in words.LIMITS)


def test_hostile_text_neither_breaks_a_row_nor_becomes_markup(
    forecast: Forecast, decisions: Sequence[Decision], sources: Sequence[SourceRow]
) -> None:
    claim = replace(
        forecast.inputs[0], name=HOSTILE, basis=HOSTILE, publisher=HOSTILE, title=HOSTILE
    )
    hostile = replace(
        forecast,
        title=HOSTILE,
        scenario=f"{HOSTILE}\n```",
        inputs=(claim, replace(claim, url="javascript:alert(1)")),
    )
    run = replace(decisions[1], run=HOSTILE, reasons=(HOSTILE,))
    source = replace(sources[0], source=HOSTILE)
    report = render_markdown(hostile, [run], [source])
    widths = {"Run": 7, "Claim": 9, "Source": 7}
    lines = report.splitlines()
    for first, width in widths.items():
        head = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |"))
        assert {len(_cells(line)) for line in lines[head : head + 3]} == {width}
    prose = report[: report.index("```")]
    assert "<script" not in prose
    assert not re.search(r"(?<!\\)\]\(javascript", prose)
    assert len([line for line in lines if line.startswith("```")]) == 2


def test_escape_and_link() -> None:
    assert escape("a|b\n <c>") == r"a\|b &lt;c&gt;"
    assert link("T [x]", "https://example.org/a(b)") == r"[T \[x\]](https://example.org/a%28b%29)"
    assert link("T", "javascript:alert(1)") == "T"


def test_runs_without_a_verdict_are_named(
    forecast: Forecast, decisions: Sequence[Decision]
) -> None:
    report = render_markdown(forecast, (), (), undecided=["a|b"])
    assert r"Planned and not decided under this forecast: a\|b." in report
    assert f"`{words.decide_command(forecast)}`" in report
    assert words.NO_RUNS not in report
    both = render_markdown(forecast, decisions, (), undecided=["late"])
    assert "forecast: late." in both
    assert f"**{decisions[0].verdict}**" in both


def test_without_runs_and_sources(forecast: Forecast) -> None:
    report = render_markdown(forecast, (), ())
    assert words.NO_RUNS in report
    assert words.NO_SOURCES in report
