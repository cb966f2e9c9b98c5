"""The report as one HTML file that opens from a disk with the network off.

Everything is inside the file: style, script, charts. A content security policy forbids any request
and any script but the two written here, so that a hostile title in a source cannot act even if it
were to slip through the escaping.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from forecasts.reports import charts, words
from forecasts.reports.markdown import domains_table, probes_table, sources_table
from forecasts.results import TOTAL, Decision, Forecast, ProbeRow, SourceRow

ICONS = {
    "launch": "M5 12.5l4.5 4.5L19 7.5",
    "hold": "M9 6v12M15 6v12",
    "reject": "M7 7l10 10M17 7L7 17",
}
TONES = {"launch": "good", "hold": "wait", "reject": "bad"}


@cache
def environment() -> Environment:
    """Templates from the installed package; a name the code forgot to pass is an error."""
    env = Environment(
        loader=PackageLoader("forecasts.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(w=words, icons=ICONS, tones=TONES, breakable=breakable)
    return env


@cache
def _asset(name: str) -> str:
    return files("forecasts.reports").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _bundle_hash() -> str:
    return _script_hash(charts.bundle())


def _script_hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def script_json(value: Any) -> Markup:
    """JSON for a script element: no `<`, `>` or `&`, so that no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704  (the three characters that could leave the element are gone)


def breakable(name: str) -> Markup:
    """A claim's name that may break after its separators, so that the register stays narrow."""
    parts = (escape(part) for part in re.split(r"(?<=[:._/#-])", name))
    return Markup("<wbr>").join(parts)


def _variables(colours: charts.Palette) -> Markup:
    text = ";".join(f"--{name}:{colour}" for name, colour in colours.items())
    return Markup(text)  # noqa: S704  (constants of charts.py)


def assets(specs: dict[str, charts.Spec]) -> dict[str, Any]:
    """What a page carries in itself: policy, colours, style, scripts, charts."""
    page_script = _asset("report.js")
    allowed = f"{_bundle_hash()} {_script_hash(page_script)}"
    return {
        # Vega compiles its expressions with Function, hence unsafe-eval; it styles its tooltip
        # from script, hence unsafe-inline for styles.
        "policy": (
            f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src 'unsafe-eval' {allowed}"
        ),
        "light": _variables(charts.LIGHT),
        "dark": _variables(charts.DARK),
        "style": Markup(_asset("report.css")),  # noqa: S704  (our own file)
        "bundle": Markup(charts.bundle()),  # noqa: S704  (escaped by `bundle`)
        "page_script": Markup(page_script),  # noqa: S704  (our own file)
        "specs": script_json(specs),
    }


def _key_numbers(forecast: Forecast) -> list[tuple[str, str, str]]:
    """Label, number and remark of each key number."""
    wall = forecast.wall()
    supply = forecast.supply_at(TOTAL, "effective", forecast.start)
    demand = forecast.demand_at(TOTAL, forecast.start)
    p10, p50, p90 = (words.wall_month(value, forecast) for value in (wall.p10, wall.p50, wall.p90))
    return [
        ("Wall, median", p50, f"80 % interval: {p10} to {p90}"),
        (
            f"Effective supply, {forecast.start}",
            words.tokens(supply.at("p50")),
            f"tokens on 1 Jan; {words.span(supply)} at 90 %",
        ),
        (
            f"Demand of one run, {forecast.start}",
            words.tokens(demand.at("p50")),
            f"tokens on 1 Jan; {words.span(demand)} at 90 %",
        ),
        (
            f"Wall before {forecast.horizon}",
            words.chance(wall.probability_by_horizon),
            f"of worlds; {words.censoring(wall, forecast)}",
        ),
    ]


def render_html(
    forecast: Forecast,
    decisions: Sequence[Decision],
    sources: Sequence[SourceRow],
    probes: Sequence[ProbeRow] = (),
    undecided: Sequence[str] = (),
) -> str:
    """The whole report as one HTML document; the same input gives the same bytes.

    undecided: names of planned runs without a verdict under this forecast
    """
    drawn = {chart.name: chart for chart in charts.report_charts(forecast)}
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            forecast=forecast,
            decisions=decisions,
            undecided=undecided,
            charts=drawn,
            domains=domains_table(forecast),
            sources=sources_table(sources),
            probes=probes_table(probes, forecast),
            key_numbers=_key_numbers(forecast),
            **assets({name: chart.spec for name, chart in drawn.items()}),
        )
    )
