"""Reconcile: what the ledger says against what the launchers say, by key.

Nothing is ever submitted here. An intent whose job cannot be found is closed: its launcher makes
sure that no job with its key starts any more, and only then is its reservation given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from flows.launchers.contract import PREFIX, Intent, Job, Launcher, OutcomeUnknown
from flows.launchers.registry import launcher
from flows.output import note
from flows.steps.launch import as_intent
from flows.steps.ledger import Row, actor, ledger_of
from flows.workspace import Workspace
from warehouse.ledger import intents
from warehouse.ledger.connection import Ledger, locked, reading
from warehouse.ledger.tables import OPEN

# A launch that is younger may still be on its way.
GRACE_S = 60.0
SECONDS_PER_HOUR = 3600.0
_JOB_ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Intents that changed, and jobs with a key of ours that the ledger does not know."""

    changed: list[Row]
    orphans: list[tuple[str, Job]]


def reconcile(workspace: Workspace, now: datetime, grace_s: float = GRACE_S) -> Reconciled:
    """Settle every open intent, and look for orphans of every launcher in use."""
    ledger = ledger_of(workspace)
    with reading(ledger) as connection:
        pending = intents.listed(connection, OPEN)
    changed = [row for found in pending if (row := _settle(workspace, ledger, found, now, grace_s))]
    return Reconciled(changed, _orphans(workspace, ledger))


def cancel(workspace: Workspace, name: str, now: datetime) -> Row:
    """Cancel a launch: for good if nothing was submitted, else by its launcher.

    Raises: NotFound, NotPermitted for one that has ended
    """
    ledger = ledger_of(workspace)
    with locked(ledger) as connection:
        found = intents.find(connection, name)
        row: Row = intents.ask_to_cancel(connection, str(found["launch_id"]), actor(), now)
    if row["state"] != "cancelling":
        return row
    return _settle(workspace, ledger, row, now, 0.0) or row


def _settle(
    workspace: Workspace, ledger: Ledger, row: Row, now: datetime, grace_s: float
) -> Row | None:
    """One step towards the end of an intent, or None where nothing is to be done yet."""
    age = (now - row["changed_at"]).total_seconds()
    if row["state"] in ("intended", "submitting") and age < grace_s:
        return None
    launch_id = str(row["launch_id"])
    if row["state"] == "intended":
        with locked(ledger) as connection:
            return intents.never_started(
                connection, launch_id, "failed", "its launcher ended before submitting it",
                actor(), now, reconciled=True,
            )  # fmt: skip
    intent, asked = as_intent(workspace, row), launcher(str(row["launcher"]), workspace)
    try:
        job = _ask(asked, intent, str(row["state"]))
    except OutcomeUnknown as error:
        note(f"datawall: {error}")
        return None
    with locked(ledger) as connection:
        if job is None:
            return _close(connection, row, now)
        found = intents.launched(
            connection, launch_id, job.external_id, actor(), now, reconciled=True
        )
        if job.state not in _JOB_ENDED:
            return found
        cost, basis = _cost(intent, job)
        detail = "; ".join(filter(None, (job.detail, basis)))
        return intents.ended(connection, launch_id, job.state, detail, cost, actor(), now)


def _ask(asked: Launcher, intent: Intent, state: str) -> Job | None:
    """The job of an intent, or None once it is sure that there is none and will be none."""
    job = asked.find(intent)
    if state == "cancelling" or job is None:
        asked.cancel(intent)
        job = asked.find(intent)
    never = job is not None and job.state == "cancelled" and job.started_at is None
    return None if never else job


def _close(connection: Connection, row: Row, now: datetime) -> Row | None:
    launch_id = str(row["launch_id"])
    if row["state"] == "launched":
        # It was there once, so it may have cost all that was reserved.
        return intents.ended(
            connection, launch_id, "failed", "the scheduler no longer knows the job", None,
            actor(), now,
        )  # fmt: skip
    state = "cancelled" if row["state"] == "cancelling" else "failed"
    return intents.never_started(
        connection, launch_id, state, "no job was started, and its key is closed", actor(), now,
        before=(str(row["state"]),), reconciled=True,
    )  # fmt: skip


def _cost(intent: Intent, job: Job) -> tuple[int | None, str]:
    """Cents a job cost, and whence: its own report, else price × GPUs × hours, else not known."""
    if job.cost_usd is not None:
        return intents.cents(job.cost_usd), "cost as the job reported it"
    resources = intent.manifest["resources"] or {}
    price, gpus = resources.get("usd_per_gpu_hour"), resources.get("gpus")
    if price is None or job.started_at is None or job.ended_at is None:
        return None, "cost not known: all that was reserved counts"
    hours = (job.ended_at - job.started_at).total_seconds() / SECONDS_PER_HOUR
    basis = f"cost metered: {hours:.4g} h of {gpus} GPUs at {price:g} USD"
    return intents.cents(price * gpus * hours), basis


def _orphans(workspace: Workspace, ledger: Ledger) -> list[tuple[str, Job]]:
    """Jobs of every launcher that was ever used here; the ledger is read after they were listed."""
    with reading(ledger) as connection:
        used = {str(row["launcher"]) for row in intents.listed(connection)} | {"local"}
    seen: list[tuple[str, Job]] = []
    for name in sorted(used):
        try:
            seen += [(name, job) for job in launcher(name, workspace).jobs()]
        except OutcomeUnknown as error:
            note(f"datawall: {error}")
    with reading(ledger) as connection:
        known = {f"{PREFIX}{row['launch_id']}" for row in intents.listed(connection)}
    return [(name, job) for name, job in seen if job.key not in known]
