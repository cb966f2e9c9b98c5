"""The page: every number is in it, nothing in it can act, nothing in it asks the network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from forecasts.reports import charts, words
from forecasts.reports.html import render_html, script_json
from forecasts.results import Decision, Forecast, SourceRow

HOSTILE = "\"><script>window.hacked=1</script>|\n<img src=x onerror=alert(1)> '{{7*7}}"


class _Page(HTMLParser):
    """Collects elements with their attributes, text outside scripts, and script bodies."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            # What keeps a number on one line is not part of what is said.
            self.text += data.replace("\u00a0", " ").replace("\u2060", "")


@pytest.fixture
def page(forecast: Forecast, decisions: Sequence[Decision], sources: Sequence[SourceRow]) -> _Page:
    return _Page(render_html(forecast, decisions, sources))


def test_sections_come_in_order(page: _Page) -> None:
    sections = [attrs["id"] for tag, attrs in page.elements if tag == "section"]
    assert sections == [
        "numbers",
        "runs",
        "paths",
        "walls",
        "waterfall",
        "domains",
        "assumptions",
        "sources",
        "limits",
        "reproduce",
    ]


def test_headline_leads(forecast: Forecast, page: _Page) -> None:
    headline = words.headline(forecast)
    assert headline in page.text
    assert {"name": "description", "content": headline} in [attrs for _, attrs in page.elements]


def test_every_table_row_is_shown(forecast: Forecast, page: _Page) -> None:
    for chart in charts.report_charts(forecast):
        for row in chart.table.rows:
            for cell in row:
                assert cell in page.text
    assert sum(tag == "tr" for tag, _ in page.elements) == (
        (1 + 20) + (1 + len(forecast.walls)) + (1 + 4) + (1 + 3) + (1 + len(forecast.inputs)) + 3
    )


def test_every_assumption_is_shown_whole(forecast: Forecast, page: _Page) -> None:
    for row in forecast.inputs:
        for said in (
            row.name,
            row.used_by,
            words.interval_of(row),
            words.drawn(row),
            words.unit_words(row.unit),
            row.basis,
            words.day(row.known_at),
            row.publisher,
            row.title,
        ):
            assert said in page.text
    badges = [attrs["class"] for tag, attrs in page.elements if tag == "span" and "class" in attrs]
    for row in forecast.inputs:
        assert f"badge {row.status}" in badges


def test_verdicts_carry_word_reason_and_way_out(decisions: Sequence[Decision], page: _Page) -> None:
    for decision in decisions:
        assert decision.verdict.capitalize() in page.text
        assert decision.reasons[0] in page.text
        assert words.outlook(decision) in page.text
        for gate in decision.gates:
            assert gate.evidence in page.text
    assert "Earliest date at which it passes: 2 Jul 2028." in page.text
    assert "epochs: 22 epochs now, 8 epochs needed" in page.text
    assert "inside web, not added to the total" in page.text


def test_without_runs_the_page_says_how_to_import_them(forecast: Forecast) -> None:
    text = unescape(render_html(forecast, (), ()))
    assert words.NO_RUNS in text
    assert words.IMPORT_COMMAND in text
    assert words.NO_SOURCES in text


def test_runs_without_a_verdict_are_named(
    forecast: Forecast, decisions: Sequence[Decision]
) -> None:
    for decided in ((), decisions):
        text = unescape(render_html(forecast, decided, (), undecided=["early", "late"]))
        assert "Planned and not decided under this forecast: early, late." in text
        assert words.decide_command(forecast) in text
        assert words.NO_RUNS not in text


def test_a_decision_of_another_forecast_is_marked(
    forecast: Forecast, decisions: Sequence[Decision]
) -> None:
    stale = replace(decisions[0], forecast_id="another-one")
    marked = "Decided under another forecast, another-one."
    assert marked in render_html(forecast, [stale], ())
    assert marked not in render_html(forecast, decisions, ())


def test_nothing_but_links_points_to_the_network(page: _Page) -> None:
    addresses = [
        (tag, attrs[name])
        for tag, attrs in page.elements
        for name in ("src", "href", "action", "data", "poster", "srcset")
        if attrs.get(name)
    ]
    outside = [
        (tag, address) for tag, address in addresses if not str(address).startswith(("#", "data:"))
    ]
    assert outside
    assert all(tag == "a" and str(address).startswith("https://") for tag, address in outside)
    assert "default-src 'none'" in str(page.elements)


def test_hostile_text_stays_text(
    forecast: Forecast, decisions: Sequence[Decision], sources: Sequence[SourceRow]
) -> None:
    claim = replace(
        forecast.inputs[0],
        name=HOSTILE,
        used_by=HOSTILE,
        basis=HOSTILE,
        publisher=HOSTILE,
        title=HOSTILE,
        url="javascript:alert(1)",
        unit=HOSTILE,
    )
    domain = replace(forecast.domains[0], usable_base=HOSTILE, why=HOSTILE)
    hostile = replace(
        forecast,
        title=HOSTILE,
        scenario=HOSTILE,
        answers=HOSTILE,
        why=HOSTILE,
        code_version=HOSTILE,
        domains=(domain,),
        inputs=(claim, replace(claim, url="https://example.org/'onclick=x\">")),
    )
    gate = replace(decisions[0].gates[0], gate=HOSTILE, evidence=HOSTILE)
    run = replace(decisions[0], run=HOSTILE, reasons=(HOSTILE,), gates=(gate,))
    source = replace(sources[0], source=HOSTILE, publisher=HOSTILE, status=HOSTILE)
    page = _Page(render_html(hostile, [run], [source]))

    assert len(page.scripts) == 3
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    links = [str(attrs.get("href")) for tag, attrs in page.elements if tag == "a"]
    assert not [link for link in links if "script" in link]
    assert "https://example.org/'onclick=x%22%3E" in links
    assert page.text.count("<script>window.hacked=1</script>") >= 15
    assert "{{7*7}}" in page.text


def test_specs_survive_the_script_element(page: _Page, forecast: Forecast) -> None:
    specs = json.loads(page.scripts[0])
    assert set(specs) == {"fan", "walls", "waterfall"}
    assert specs["fan"]["data"]["values"][0]["year"] == forecast.start
    assert json.loads(script_json({"a": "</script><!--&"})) == {"a": "</script><!--&"}
    assert "<" not in script_json({"a": "</script><!--&"})


def test_each_chart_has_a_label_and_its_numbers(page: _Page) -> None:
    drawn = [attrs for _, attrs in page.elements if "data-chart" in attrs]
    assert [attrs["data-chart"] for attrs in drawn] == ["fan", "walls", "waterfall"]
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in drawn)
    ids = {attrs.get("id") for _, attrs in page.elements}
    assert {"table-fan", "table-walls", "table-waterfall"} <= ids
    assert "noscript" in {tag for tag, _ in page.elements}


def test_same_input_same_bytes_and_a_modest_file(
    forecast: Forecast, decisions: Sequence[Decision], sources: Sequence[SourceRow]
) -> None:
    first = render_html(forecast, decisions, sources)
    assert first == render_html(forecast, decisions, sources)
    assert first.startswith("<!doctype html>")
    assert len(first.encode()) < 3_000_000
