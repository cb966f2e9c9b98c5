"""The launch ledger of a workspace: who asks, approves, pauses; what was launched."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from flows.output import note
from flows.steps.prepare import ready, writing
from flows.steps.rendering import Candidate, candidates
from flows.workspace import Workspace, make
from forecasts import policy as policies
from forecasts.plan import PlannedRun
from forecasts.policy import Policy
from forecasts.results import Decision
from warehouse.errors import CheckFailed, NotPermitted, WarehouseLocked
from warehouse.ledger import approvals, chain, intents, switch, tables
from warehouse.ledger.connection import Ledger, locked, open_ledger, reading
from warehouse.ledger.tables import RELEASED
from warehouse.store import show_ledger, shown_ledger

Row = Mapping[str, Any]
_SHOWN = (
    "launch_id", "decision_id", "run", "attempt", "launcher", "state", "external_id",
    "manifest_sha256", "requester", "month", "reconciled", "detail", "created_at", "changed_at",
)  # fmt: skip


def actor() -> str:
    """Login of whoever runs this process, as the ledger notes it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid-{os.getuid()}"


def ledger_of(workspace: Workspace) -> Ledger:
    """The ledger at DATAWALL_LEDGER_URL, else the workspace's own."""
    make(workspace)
    return open_ledger(workspace.ledger, os.environ.get("DATAWALL_LEDGER_URL"))


def policy_of(workspace: Workspace) -> Policy:
    """The workspace's launch policy."""
    return policies.load(workspace.policy)


def record_decisions(
    workspace: Workspace, decisions: Sequence[Decision], runs: Mapping[str, PlannedRun],
    now: datetime,
) -> None:  # fmt: skip
    """Note verdicts in the ledger, which counts consecutive ones."""
    rows = [
        {
            "decision_id": decision.decision_id,
            "run": decision.run,
            "plan_sha256": runs[decision.run].sha256(),
            "forecast_id": decision.forecast_id,
            "verdict": decision.verdict,
            "requester": runs[decision.run].requested_by or actor(),
        }
        for decision in decisions
    ]
    with locked(ledger_of(workspace)) as connection:
        approvals.record_decisions(connection, rows, actor(), now)


def last_verdicts(workspace: Workspace) -> dict[str, str]:
    """The newest verdict on every run that was ever decided."""
    with reading(ledger_of(workspace)) as connection:
        rows = connection.execute(select(tables.decision).order_by(tables.decision.c.event))
        return {str(row.run): str(row.verdict) for row in rows}


def requester_of(candidate: Candidate) -> str:
    """Who asks for a run: as its plan says, else who runs this."""
    return candidate.run.requested_by or actor()


def next_attempt(tries: Sequence[Row]) -> int:
    """Number of the attempt that could start next, or of the live one."""
    if not tries:
        return 1
    last = tries[0]
    return int(last["attempt"]) + (last["state"] in RELEASED)


def approve(
    workspace: Workspace, decision_id: str, approver: str, now: datetime, days: float | None
) -> Row:
    """Approve what a decision would launch, for a limited time.

    Raises: NotFound, LaunchRefused for a decision that cannot be launched, NotPermitted for an
    approval of one's own run
    """
    (candidate,) = candidates(workspace, [decision_id], now.date())
    ledger, policy = ledger_of(workspace), policy_of(workspace)
    valid = policy.approval_valid_days
    chosen = valid if days is None else min(days, valid)
    with locked(ledger) as connection:
        tries = intents.of_decision(connection, candidate.decision_id)
        rendered = candidate.render(next_attempt(tries))
        return approvals.approve(
            connection, candidate.decision_id, rendered.sha256, requester_of(candidate),
            approver, actor(), now, timedelta(days=chosen),
        )  # fmt: skip


def turn_switch(workspace: Workspace, paused: bool, reason: str, now: datetime) -> Row:
    """Pause or resume launches."""
    with locked(ledger_of(workspace)) as connection:
        return switch.turn(connection, paused, reason, actor(), now)


@dataclass(frozen=True, slots=True)
class Contents:
    """What the ledger holds: launches newest first, the switch, and the chain if it was checked."""

    launches: list[Row]
    paused: bool
    chain: chain.Verdict | None


def contents(workspace: Workspace, verify: bool) -> Contents:
    """Launches and switch; with verify, every event and row is recomputed.

    Raises: CheckFailed naming the rows that were changed
    """
    with ready(workspace), reading(ledger_of(workspace)) as connection:
        verdict = chain.verify(connection) if verify else None
        state = switch.state(connection)
        listed = intents.listed(connection)
    if verdict is not None and verdict.problems:
        raise CheckFailed(
            f"{_tampered(verdict)}; pause launches (datawall pause), and compare with a backup"
        )
    return Contents(list(listed), bool(state and state["paused"]), verdict)


def require_untampered(connection: Connection) -> None:
    """Refuse to launch by a ledger that somebody has written to past its rules.

    Raises: NotPermitted naming the rows that were changed
    """
    verdict = chain.verify(connection)
    if verdict.problems:
        raise NotPermitted(
            f"nothing is launched: {_tampered(verdict)}; next: datawall launches --verify, and "
            "compare with a backup"
        )


def _tampered(verdict: chain.Verdict) -> str:
    rest = len(verdict.problems) - 1
    more = f" (and {rest} more: {'; '.join(verdict.problems[1:4])})" if rest else ""
    return f"the launch ledger was tampered with: {verdict.problems[0]}{more}"


def show(workspace: Workspace, now: datetime) -> bool:
    """Copy the ledger's launches to the warehouse, where out_launches and out_spend show them.

    True when there was something new. A warehouse that somebody else writes is left for the next
    time: what was launched stands in the ledger.
    """
    with reading(ledger_of(workspace)) as connection:
        head = connection.execute(select(tables.head.c.seq, tables.head.c.sha256)).mappings().one()
        rows = intents.listed(connection)
        approvers = {
            row.approval_id: row.approver
            for row in connection.execute(select(tables.approval)).all()
        }
    with ready(workspace) as published:
        if shown_ledger(published) == head["sha256"]:
            return False
    launches = [
        {key: row[key] for key in _SHOWN}
        | {
            "approver": approvers.get(row["approval_id"]),
            "reserved_usd": row["reserved_cents"] / intents.CENTS,
            "spent_usd": None if row["spent_cents"] is None else row["spent_cents"] / intents.CENTS,
        }
        for row in rows
    ]
    try:
        with writing(workspace) as warehouse:
            show_ledger(warehouse, dict(head), launches, now)
    except WarehouseLocked as error:
        note(f"datawall: {error}; out_launches shows this launch after: datawall reconcile")
        return False
    return True
