"""Flow `ingest`: catalogue, publishers' files or publishers' feeds into the warehouse.

Retries: a folder of files that is not there (a share comes back) and a warehouse held by another
writer, three times; a feed that fails is tried again by the fetcher itself. A source's own failure
is recorded with what it said, and ends the flow. Never cached. Needs: the workspace; a folder of
files, or the network when `online`, or the catalogue alone is loaded.
Events: datawall.source.changed, .stale and .failed, one a source whose state is worth telling.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State, TaskRun
from prefect.events import emit_event
from prefect.tasks import Task

from flows.connectors.registry import in_group
from flows.errors import SourceUnavailable
from flows.http import fetcher
from flows.output import note
from flows.settings import Settings, settings
from flows.steps import ingest as step
from flows.steps.news import News, news
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
def ingest_sources(
    workspace: str, folder: str | None, sources: list[str], online: bool
) -> list[LoadResult]:
    """Load sources; the callee knows nothing of Prefect."""
    chosen: Settings = settings(workspace)
    place = None if folder is None else Path(folder)
    with fetcher(online) as http:
        return step.ingest(chosen.workspace, sources, place, None, datetime.now(UTC), note, http)


@flow(name="ingest", persist_result=False)
def ingest(
    workspace: str | None = None,
    folder: str | None = None,
    sources: list[str] | None = None,
    group: str | None = None,
    online: bool | None = None,
) -> list[str]:
    """Load the catalogue and sources; returns one line per source.

    sources, group: those named and those of a group; all of them if neither is given
    online: fetch over the network where no folder is given; default DATAWALL_ONLINE=1
    """
    named = [*(sources or []), *(in_group(group) if group else [])]
    # A group's deployment is there to fetch; a folder, which is read without a network, still wins.
    chosen = settings(workspace, folder, online)
    results = ingest_sources(str(chosen.workspace.root), chosen.folder, named, chosen.online)
    create_table_artifact(
        key="ingest" if group is None else f"ingest-{group}",
        table=[
            {"source": r.source, "status": r.status, "vintage": str(r.vintage), "rows": r.rows,
             "added": r.added, "closed": r.closed, "message": r.message}
            for r in results
        ],
        description="What the last ingest did, source by source.",
    )  # fmt: skip
    for item in news(chosen.workspace, results, datetime.now(UTC).date()):
        _emit(item)
    problem = step.failure(results, named)
    if problem is not None:
        raise problem
    return [f"{r.source}: {r.status}, {r.rows} rows" for r in results]


def _emit(item: News) -> None:
    emit_event(
        event=f"datawall.source.{item.kind}",
        resource={
            "prefect.resource.id": f"datawall.source.{item.source}",
            "prefect.resource.name": item.source,
        },
        payload=item.payload(),
    )
