"""Report: a stored forecast to one HTML page and one Markdown file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.rows import forecast_from_rows
from flows.steps.decide import stored_decisions
from flows.steps.prepare import ready
from flows.steps.runs import planned_runs
from flows.steps.sources import source_rows
from flows.workspace import Workspace
from forecasts.reports.html import render_html
from forecasts.reports.markdown import render_markdown
from forecasts.results import Forecast, ProbeRow
from warehouse.probes import read_probe_claims
from warehouse.snapshots import write_atomically
from warehouse.store import find_forecast, read_forecast


@dataclass(frozen=True, slots=True)
class Report:
    """Where a report was written."""

    forecast: Forecast
    html: Path
    markdown: Path


def stored_forecast(workspace: Workspace, name: str | None) -> Forecast:
    """A stored forecast by id, scenario, or the newest."""
    with ready(workspace) as connection:
        return forecast_from_rows(*read_forecast(connection, find_forecast(connection, name)))


def probe_rows(workspace: Workspace, as_of: date) -> list[ProbeRow]:
    """Claims measured by probes, as known on a day, by name."""
    with ready(workspace, as_of) as connection:
        return [ProbeRow(**row) for row in read_probe_claims(connection)]


def report(workspace: Workspace, name: str | None, folder: Path | None) -> Report:
    """Render a stored forecast with its decisions and sources into a folder."""
    forecast = stored_forecast(workspace, name)
    decisions = stored_decisions(workspace, forecast.forecast_id)
    sources = source_rows(workspace, forecast.as_of)
    probes = probe_rows(workspace, forecast.as_of)
    decided = {decision.run for decision in decisions}
    undecided = [run.run for run in planned_runs(workspace) if run.run not in decided]
    target = workspace.reports if folder is None else folder
    stem = f"{forecast.as_of}-{forecast.scenario}"
    html, markdown = target / f"{stem}.html", target / f"{stem}.md"
    content = (forecast, decisions, sources, probes, undecided)
    write_atomically(html, render_html(*content).encode())
    write_atomically(markdown, render_markdown(*content).encode())
    return Report(forecast, html.resolve(), markdown.resolve())
