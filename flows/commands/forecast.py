"""Commands on forecasts: forecast, report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import command
from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    as_of_day,
    guarded,
    open_workspace,
)
from flows.output import as_json, say, table

if TYPE_CHECKING:
    from forecasts.results import Forecast

app = typer.Typer()


@app.command()
@guarded
def forecast(
    scenario: Annotated[
        list[str] | None, typer.Option(help="Name or .yaml file; may be repeated.")
    ] = None,
    worlds: Annotated[
        int | None, typer.Option(min=100, max=10_000_000, help="Joint draws.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the named draws.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Use what was known on this date.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=2001, max=2150, help="Last year.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Project supply and demand, find the walls, store the result."""
    from flows.documents import forecast_document
    from flows.steps.forecast import Options
    from flows.steps.forecast import forecast as run
    from forecasts.reports.words import headline

    specs = scenario or ["baseline"]
    options = Options(worlds, seed, horizon)
    results = run(open_workspace(workspace), specs, as_of_day(as_of), options, command.now())
    if json:
        documents = [forecast_document(result, headline(result)) for result in results]
        say(as_json(documents[0] if len(documents) == 1 else {"forecasts": documents}))
        return
    for result in results:
        _print_forecast(result, headline(result))
    say("next: datawall report")


def _print_forecast(forecast: Forecast, sentence: str) -> None:
    say(sentence)
    table(
        ("domain", "wall", "p10", "p50", "p90", f"by {forecast.horizon}", "already"),
        [
            (
                row.domain,
                row.kind,
                *(None if year is None else f"{year:.1f}" for year in (row.p10, row.p50, row.p90)),
                f"{row.probability_by_horizon:.0%}",
                f"{row.probability_before_start:.0%}",
            )
            for row in forecast.walls
        ],
    )
    say(f"forecast {forecast.forecast_id}")


@app.command()
@guarded
def report(
    forecast: Annotated[
        str | None, typer.Argument(help="Forecast id or scenario; the newest if none.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write to.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Write a stored forecast as one HTML page and one Markdown file."""
    from flows.steps.report import report as write

    written = write(open_workspace(workspace), forecast, to)
    if json:
        say(
            as_json(
                {
                    "forecast_id": written.forecast.forecast_id,
                    "html": str(written.html),
                    "markdown": str(written.markdown),
                }
            )
        )
        return
    say(f"report: {written.html}")
    say(f"        {written.markdown}")
