"""Flow `launch`: start what may start without a person at hand, and ask for the rest.

Runs that cost at most `small_run_usd` of the policy, whose plans name a launcher and which are
approved, are started; larger ones give the event `datawall.launch.requested`. No retries: a launch
whose outcome is unknown is for the flow `reconcile`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow
from prefect.events import emit_event

from flows.settings import settings
from flows.steps.launch import start_small
from flows.steps.ledger import show


@flow(name="launch", persist_result=False)
def launch(workspace: str | None = None) -> list[str]:
    """Start small runs; returns one line per launch, refusal and request."""
    place, now = settings(workspace).workspace, datetime.now(UTC)
    done, asked = start_small(place, now)
    show(place, now)
    for candidate in asked:
        emit_event(
            event="datawall.launch.requested",
            resource={"prefect.resource.id": f"datawall.run.{candidate.run.run}"},
            payload={"run": candidate.run.run, "decision_id": candidate.decision_id},
        )
    return [
        *(f"{item.launch_id}: {item.state}" for item in done.launches),
        *(f"refused: {error}" for error in done.refused),
        *(f"{candidate.run.run}: somebody has to launch it" for candidate in asked),
    ] or ["nothing to launch"]
