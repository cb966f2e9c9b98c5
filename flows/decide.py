"""Flow `decide`: a verdict for every planned run under one scenario.

Retries: a warehouse held by another writer. Never cached. Without planned runs it has nothing to
decide and says so. A verdict that differs from the last one on its run gives the event
`datawall.decision.changed`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.events import emit_event

from flows.ingest import RETRY_DELAYS_S, may_pass
from flows.settings import settings
from flows.steps import decide as step
from flows.steps.forecast import default_as_of
from flows.steps.ledger import last_verdicts
from flows.steps.runs import planned_runs
from forecasts import scenario as scenarios
from forecasts.results import Decision


@task(
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass,
    persist_result=False,
)
def decide_runs(workspace: str, scenario: str) -> list[Decision]:
    """Decide on all planned runs; an empty list if none is planned."""
    place = settings(workspace).workspace
    if not planned_runs(place):
        return []
    now = datetime.now(UTC)
    return step.decide(place, [], scenario, default_as_of(now), now)


@flow(name="decide", persist_result=False)
def decide(workspace: str | None = None, scenario: str = "baseline") -> list[str]:
    """Decide on all planned runs; returns one line per run."""
    name = scenarios.load(scenario).name
    place = settings(workspace).workspace
    before = last_verdicts(place)
    decisions = decide_runs(str(settings(workspace).workspace.root), scenario)
    create_table_artifact(
        key=f"decisions-{name}",
        table=[
            {"run": d.run, "verdict": d.verdict, "probability": d.probability,
             "required": d.required_probability, "earliest": str(d.earliest_date),
             "reasons": "; ".join(d.reasons)}
            for d in decisions
        ],
        description=f"Verdicts on planned runs under scenario {name}.",
    )  # fmt: skip
    for decision in decisions:
        if before.get(decision.run) != decision.verdict:
            emit_event(
                event="datawall.decision.changed",
                resource={"prefect.resource.id": f"datawall.run.{decision.run}"},
                payload={
                    "run": decision.run, "before": before.get(decision.run),
                    "verdict": decision.verdict, "decision_id": decision.decision_id,
                    "reasons": list(decision.reasons),
                },
            )  # fmt: skip
    return [f"{d.run}: {d.verdict}" for d in decisions] or ["no run is planned"]
