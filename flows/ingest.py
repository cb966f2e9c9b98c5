"""Flow `ingest`: catalogue and publishers' files into the warehouse.

Retries: a folder of files that is not there (a share comes back) and a warehouse held by another
writer, three times. A source's own failure is recorded with what it said, and ends the flow. Never
cached. Needs: the workspace; a folder of files, or the catalogue alone is loaded.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from flows.errors import SourceUnavailable
from flows.output import note
from flows.settings import settings
from flows.steps import ingest as step
from warehouse.errors import WarehouseLocked
from warehouse.load import LoadResult

RETRY_DELAYS_S = [5.0, 20.0, 60.0]
_PASSING = (SourceUnavailable, WarehouseLocked)


def may_pass(_: Task[..., object], __: TaskRun, state: State[object]) -> bool:
    """Whether a failure may pass by itself; bad content and bad scenarios never do.

    Prefect asks only while a retry is left, so a yes is followed by one.
    """
    failure = state.result(raise_on_failure=False)
    passing = isinstance(failure, _PASSING)
    if passing:
        # The wait that follows may last a minute: whoever watches should know what for.
        note(f"{failure}; trying again")
    return passing


@task(
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass,
    persist_result=False,
)
def ingest_sources(workspace: str, folder: str | None, sources: list[str]) -> list[LoadResult]:
    """Load sources; the callee knows nothing of Prefect."""
    place = None if folder is None else Path(folder)
    return step.ingest(settings(workspace).workspace, sources, place, None, datetime.now(UTC), note)


@flow(name="ingest", persist_result=False)
def ingest(
    workspace: str | None = None, folder: str | None = None, sources: list[str] | None = None
) -> list[str]:
    """Load the catalogue and every source found in the folder; returns one line per source."""
    chosen = settings(workspace, folder)
    named = sources or []
    results = ingest_sources(str(chosen.workspace.root), chosen.folder, named)
    create_table_artifact(
        key="ingest",
        table=[
            {"source": r.source, "status": r.status, "vintage": str(r.vintage), "rows": r.rows,
             "added": r.added, "closed": r.closed, "message": r.message}
            for r in results
        ],
        description="What the last ingest did, source by source.",
    )  # fmt: skip
    problem = step.failure(results, named)
    if problem is not None:
        raise problem
    return [f"{r.source}: {r.status}, {r.rows} rows" for r in results]
