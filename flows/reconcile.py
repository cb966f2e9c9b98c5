"""Flow `reconcile`: settle launches by their keys, note jobs that ended, show orphans.

Starts nothing. No retries: the next run does the same. Orphans give `datawall.launch.orphaned`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow
from prefect.events import emit_event

from flows.settings import settings
from flows.steps import reconcile as step
from flows.steps.ledger import show


@flow(name="reconcile", persist_result=False)
def reconcile(workspace: str | None = None) -> list[str]:
    """Settle what is open; returns one line per launch that changed and per orphan."""
    place, now = settings(workspace).workspace, datetime.now(UTC)
    done = step.reconcile(place, now)
    show(place, now)
    for name, job in done.orphans:
        emit_event(
            event="datawall.launch.orphaned",
            resource={"prefect.resource.id": f"datawall.job.{job.key}"},
            payload={"launcher": name, "external_id": job.external_id},
        )
    return [
        *(f"{row['launch_id']}: {row['state']}" for row in done.changed),
        *(f"orphan: {name} {job.external_id}" for name, job in done.orphans),
    ] or ["nothing to settle"]
