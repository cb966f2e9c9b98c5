"""What the gates of a launch look at, as the warehouse knows it on a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flows.rows import forecast_from_rows
from flows.steps.prepare import ready
from flows.steps.sources import source_rows
from flows.workspace import Workspace
from forecasts.gates import Facts
from forecasts.results import InputRow
from warehouse.store import newest_probe, read_forecast


def facts_of(workspace: Workspace, inputs: Sequence[InputRow], as_of: date, today: date) -> Facts:
    """Sources and measured runs as known on a day, beside the inputs of a forecast."""
    sources = source_rows(workspace, today)
    with ready(workspace, today) as connection:
        probe = newest_probe(connection)
    return Facts(as_of, tuple(inputs), tuple(sources), probe)


def facts_behind(workspace: Workspace, forecast_id: str, today: date) -> Facts:
    """The same for a stored forecast."""
    with ready(workspace) as connection:
        forecast = forecast_from_rows(*read_forecast(connection, forecast_id))
    return facts_of(workspace, forecast.inputs, forecast.as_of, today)
