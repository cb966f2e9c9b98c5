"""Flow `report`: a stored forecast to one HTML page and one Markdown file.

No retries: rendering is pure and a full disk does not pass by itself. Artifact: a link to the page.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_link_artifact

from flows.settings import settings
from flows.steps import report as step


@task(persist_result=False)
def write_report(workspace: str, forecast: str | None) -> tuple[str, str]:
    """Write the report; returns the scenario and the page's path."""
    written = step.report(settings(workspace).workspace, forecast, None)
    return written.forecast.scenario, str(written.html)


@flow(name="report", persist_result=False)
def report(workspace: str | None = None, forecast: str | None = None) -> str:
    """Report on a forecast (id, scenario, or the newest); returns the page's path."""
    scenario, path = write_report(str(settings(workspace).workspace.root), forecast)
    create_link_artifact(
        key=f"report-{scenario}", link=Path(path).as_uri(), link_text=f"Report on {scenario}"
    )
    return path
