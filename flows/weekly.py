"""Flow `weekly`: ingest, forecast, decide, report, in this order.

Scheduled with never-overlap (prefect.yaml); each part is a subflow with its own retries. A part
that fails ends the week: nothing is forecast from a source that could not be loaded.
"""

from __future__ import annotations

from prefect import flow

from flows.decide import decide
from flows.forecast import forecast
from flows.ingest import ingest
from flows.report import report


@flow(name="weekly", persist_result=False)
def weekly(
    workspace: str | None = None, folder: str | None = None, scenario: str = "baseline"
) -> list[str]:
    """The whole loop for one scenario; returns the headline and the report's path."""
    ingest(workspace, folder)
    stored = forecast(workspace, [scenario])[0]
    decide(workspace, scenario)
    # By id: another process may store a newer forecast of this scenario meanwhile.
    return [stored.headline, f"report: {report(workspace, stored.forecast_id)}"]
