"""Intents: a launch from the wish to its end, with the money it may cost.

    intended ──▶ submitting ──▶ launched ──▶ succeeded | failed
        │             │             │
        └──▶ cancelled│failed ◀─────┴── cancelling ──▶ cancelled

Each arrow is one transaction that checks the state it starts from, so of two processes that want
the same arrow one gets it. Whoever moves an intent to `submitting`, and nobody else ever, calls the
launcher to submit it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from warehouse.errors import NotFound, NotPermitted
from warehouse.ledger import approvals, switch
from warehouse.ledger.chain import Row, record
from warehouse.ledger.tables import ENDED, OPEN, RELEASED, intent

CENTS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to launch."""

    launch_id: str
    decision_id: str
    run: str
    plan_sha256: str
    attempt: int
    launcher: str
    manifest_sha256: str
    manifest: str
    requester: str
    reserve_cents: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the policy allows; money in US cents."""

    run_cents: int
    month_cents: int
    max_pending: int
    cooldown: timedelta
    passes: int
    needs_approval: bool


def cents(dollars: float) -> int:
    """Whole cents, rounded up: what may be or was spent is never counted for less.

    By the decimal number that was written: 1.1 USD are 110 cents, though 1.1 · 100 > 110 in binary.
    """
    return math.ceil(Decimal(repr(float(dollars))) * CENTS)


def cents_below(dollars: float) -> int:
    """Whole cents, rounded down: a limit is never exceeded by a part of one."""
    return math.floor(Decimal(repr(float(dollars))) * CENTS)


def usd(cents: int) -> str:
    """Money as messages show it."""
    return f"{cents / CENTS:,.2f} USD"


def month_of(moment: datetime) -> str:
    """Calendar month in UTC, such as 2027-07."""
    return f"{moment:%Y-%m}"


def find(connection: Connection, launch_id: str) -> Row:
    """An intent by its id or the beginning of it.

    Raises: NotFound
    """
    chosen = select(intent).where(intent.c.launch_id.startswith(launch_id, autoescape=True))
    rows = [dict(row) for row in connection.execute(chosen.limit(2)).mappings()]
    if len(rows) != 1 or len(launch_id) < 4:
        problem = "is the beginning of several launches" if len(rows) > 1 else "is no launch"
        raise NotFound(f"{launch_id!r} {problem}; see: datawall launches")
    return rows[0]


def of_decision(connection: Connection, decision_id: str) -> list[Row]:
    """Attempts to launch a decision, newest first."""
    chosen = (
        select(intent).where(intent.c.decision_id == decision_id).order_by(intent.c.attempt.desc())
    )
    return [dict(row) for row in connection.execute(chosen).mappings()]


def listed(connection: Connection, states: Sequence[str] = (*OPEN, *ENDED)) -> list[Row]:
    """Intents in some states, newest first."""
    chosen = (
        select(intent)
        .where(intent.c.state.in_(states))
        .order_by(intent.c.created_at.desc(), intent.c.launch_id)
    )
    return [dict(row) for row in connection.execute(chosen).mappings()]


def spent_cents(connection: Connection, **where: str) -> int:
    """What intents have cost or may still cost, of one month or one run."""
    cost = func.coalesce(intent.c.spent_cents, intent.c.reserved_cents)
    conditions = [intent.c[column] == value for column, value in where.items()]
    chosen = select(func.coalesce(func.sum(cost), 0)).where(*conditions)
    return int(connection.execute(chosen).scalar_one())


def reserve(connection: Connection, request: Request, limits: Limits, now: datetime) -> Row:
    """Write an intent and reserve its budget, in the caller's one transaction.

    A decision that has a live intent gets that one back, so a repeat launches nothing twice.
    Raises: NotPermitted with the reason; nothing is written then
    """
    tries = of_decision(connection, request.decision_id)
    if tries and tries[0]["state"] not in RELEASED:
        return tries[0]
    _require_attempt(request, tries)
    _require_running(connection)
    _require_passes(connection, request, limits.passes)
    _require_room(connection, request, limits, now)
    approval_id = ""
    if limits.needs_approval:
        approval_id = approvals.holding(
            connection, request.decision_id, request.manifest_sha256, request.requester, now
        )
    _require_budget(connection, request, limits, now)
    row: dict[str, Any] = {
        "launch_id": request.launch_id,
        "decision_id": request.decision_id,
        "attempt": request.attempt,
        "run": request.run,
        "launcher": request.launcher,
        "manifest_sha256": request.manifest_sha256,
        "manifest": request.manifest,
        "approval_id": approval_id,
        "requester": request.requester,
        "state": "intended",
        "external_id": None,
        "month": month_of(now),
        "reserved_cents": request.reserve_cents,
        "spent_cents": None,
        "detail": "",
        "reconciled": False,
        "created_at": now,
        "changed_at": now,
    }
    return record(connection, intent, row, "intend", request.requester, now)


def _require_attempt(request: Request, tries: Sequence[Row]) -> None:
    if tries and request.attempt == int(tries[0]["attempt"]):
        last = tries[0]
        raise NotPermitted(
            f"attempt {last['attempt']} at {request.run} ended {last['state']}"
            f"{': ' + last['detail'] if last['detail'] else ''}; to start another: "
            f"datawall launch {request.decision_id} --retry"
        )
    if request.attempt != len(tries) + 1:
        raise NotPermitted(
            f"attempt {request.attempt} at {request.run} does not follow the {len(tries)} there "
            "were; launch again"
        )


def _require_running(connection: Connection) -> None:
    found = switch.state(connection)
    if found is not None and found["paused"]:
        raise NotPermitted(
            f"launches are paused by {found['actor']} since {found['changed_at']:%Y-%m-%d %H:%M} "
            f"UTC ({found['reason'] or 'no reason given'}); to go on: datawall resume"
        )


def _require_passes(connection: Connection, request: Request, passes: int) -> None:
    newest = approvals.newest_decisions(connection, request.run, passes)
    if not newest or newest[0]["decision_id"] != request.decision_id:
        raise NotPermitted(
            f"decision {request.decision_id} is not the newest on {request.run}; decide again or "
            "launch the newest"
        )
    good = [
        row
        for row in newest
        if row["verdict"] == "launch" and row["plan_sha256"] == request.plan_sha256
    ]
    if len(good) < passes:
        raise NotPermitted(
            f"{request.run} needs {passes} consecutive decisions that say launch, from different "
            f"days or data, and has {len(good)}; decide again on another day or after new data"
        )


def _require_room(connection: Connection, request: Request, limits: Limits, now: datetime) -> None:
    pending = len(listed(connection, OPEN))
    if pending >= limits.max_pending:
        raise NotPermitted(
            f"{pending} launches are pending and the policy allows {limits.max_pending}; wait for "
            "one to end (datawall reconcile) or raise max_pending"
        )
    chosen = select(func.max(intent.c.created_at)).where(intent.c.run == request.run)
    last = connection.execute(chosen).scalar()
    if last is not None and last + limits.cooldown > now:
        raise NotPermitted(
            f"{request.run} was launched at {last:%Y-%m-%d %H:%M} UTC and cools down until "
            f"{last + limits.cooldown:%Y-%m-%d %H:%M}; wait, or lower cooldown_hours"
        )


def _require_budget(
    connection: Connection, request: Request, limits: Limits, now: datetime
) -> None:
    month = month_of(now)
    caps = (
        (f"run {request.run}", spent_cents(connection, run=request.run), limits.run_cents,
         "run_budget_usd"),
        (f"month {month}", spent_cents(connection, month=month), limits.month_cents,
         "month_budget_usd"),
    )  # fmt: skip
    for what, used, cap, key in caps:
        if used + request.reserve_cents > cap:
            raise NotPermitted(
                f"{request.run} may cost {usd(request.reserve_cents)}, and {what} has "
                f"{usd(max(cap - used, 0))} left of {usd(cap)}; plan a smaller budget_usd or raise "
                f"{key} in the policy"
            )


def move(
    connection: Connection, launch_id: str, before: Sequence[str], kind: str, actor: str,
    now: datetime, **changes: Any,
) -> Row | None:  # fmt: skip
    """Change an intent if it is in one of some states; None, and no change, where it is not."""
    found = dict(
        connection.execute(select(intent).where(intent.c.launch_id == launch_id)).mappings().one()
    )
    if found["state"] not in before:
        return None
    del found["event"]
    return record(connection, intent, found | changes | {"changed_at": now}, kind, actor, now)


def claim(connection: Connection, launch_id: str, actor: str, now: datetime) -> bool:
    """Take the right to submit an intent; False when another has it or it was cancelled.

    An intent that was written just before launches were paused is cancelled here.
    """
    try:
        _require_running(connection)
    except NotPermitted as error:
        never_started(connection, launch_id, "cancelled", str(error), actor, now)
        return False
    taken = move(connection, launch_id, ("intended",), "submit", actor, now, state="submitting")
    return taken is not None


def launched(
    connection: Connection, launch_id: str, external_id: str, actor: str, now: datetime,
    *, reconciled: bool = False,
) -> Row | None:  # fmt: skip
    """Record what the scheduler calls the job."""
    return move(
        connection, launch_id, ("submitting",), "launch", actor, now,
        state="launched", external_id=external_id, reconciled=reconciled,
        detail="found by its key" if reconciled else "",
    )  # fmt: skip


def never_started(
    connection: Connection, launch_id: str, state: str, detail: str, actor: str, now: datetime,
    *, before: Sequence[str] = ("intended",), reconciled: bool = False,
) -> Row | None:  # fmt: skip
    """End an intent whose job does not exist and never will; its reservation is given back."""
    return move(
        connection, launch_id, before, "release", actor, now,
        state=state, spent_cents=0, detail=detail, reconciled=reconciled,
    )  # fmt: skip


def ended(
    connection: Connection, launch_id: str, state: str, detail: str, cost_cents: int | None,
    actor: str, now: datetime,
) -> Row | None:  # fmt: skip
    """End an intent whose job ended; where its cost is unknown, all that was reserved is spent."""
    return move(
        connection, launch_id, ("launched", "cancelling"), "end", actor, now,
        state=state, spent_cents=cost_cents, detail=detail,
    )  # fmt: skip


def ask_to_cancel(connection: Connection, launch_id: str, actor: str, now: datetime) -> Row:
    """Cancel an intent: at once if nothing was submitted, else as soon as its launcher has done it.

    Raises: NotPermitted when it has ended
    """
    done = never_started(
        connection, launch_id, "cancelled", "cancelled before it was submitted", actor, now
    ) or move(
        connection, launch_id, ("submitting", "launched", "cancelling"), "cancel", actor, now,
        state="cancelling",
    )  # fmt: skip
    if done is None:
        state = find(connection, launch_id)["state"]
        raise NotPermitted(f"launch {launch_id} has ended ({state}); there is nothing to cancel")
    return done
