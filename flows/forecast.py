"""Flow `forecast`: scenarios to stored supply, demand and walls.

Retries: a warehouse held by another writer. Never cached: a forecast's id already hashes its
inputs, so a repeat stores nothing. Artifacts: headline and wall table of each scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.events import emit_event

from flows.ingest import RETRY_DELAYS_S, may_pass
from flows.settings import settings
from flows.steps import forecast as step
from forecasts.reports.markdown import wall_table_markdown
from forecasts.reports.words import headline
from forecasts.results import Forecast


@dataclass(frozen=True, slots=True)
class Stored:
    """What the next flow or a reader needs of a stored forecast."""

    forecast_id: str
    headline: str


@task(
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass,
    persist_result=False,
)
def forecast_scenarios(workspace: str, scenarios: list[str]) -> list[Forecast]:
    """Forecast and store scenarios."""
    now = datetime.now(UTC)
    place = settings(workspace).workspace
    return step.forecast(place, scenarios, step.default_as_of(now), step.Options(), now)


def _tell_if_moved(result: Forecast, before: float | None) -> None:
    """Event `datawall.wall.moved` where the median of the total wall is another than stored last.

    Fractional years; None is beyond the horizon, and for a scenario never forecast before.
    """
    wall = result.wall()
    if wall.p50 == before:
        return
    emit_event(
        event="datawall.wall.moved",
        resource={"prefect.resource.id": f"datawall.scenario.{result.scenario}"},
        payload={
            "scenario": result.scenario, "before": before, "p10": wall.p10, "p50": wall.p50,
            "p90": wall.p90, "forecast_id": result.forecast_id,
        },
    )  # fmt: skip


@flow(name="forecast", persist_result=False)
def forecast(workspace: str | None = None, scenarios: list[str] | None = None) -> list[Stored]:
    """Forecast every scenario; returns their ids and headlines."""
    root = str(settings(workspace).workspace.root)
    before = step.last_walls(settings(workspace).workspace)
    results = forecast_scenarios(root, scenarios or ["baseline"])
    for result in results:
        _tell_if_moved(result, before.get(result.scenario))
        create_markdown_artifact(
            key=f"forecast-{result.scenario}",
            markdown=f"# {headline(result)}\n\n{wall_table_markdown(result)}",
            description=f"Headline and walls of scenario {result.scenario}.",
        )
        create_table_artifact(
            key=f"walls-{result.scenario}",
            table=[
                {"domain": row.domain, "kind": row.kind, "p10": row.p10, "p50": row.p50,
                 "p90": row.p90, "by_horizon": row.probability_by_horizon}
                for row in result.walls
            ],
            description=f"Walls of scenario {result.scenario}: fractional years over worlds.",
        )  # fmt: skip
    return [Stored(result.forecast_id, headline(result)) for result in results]
