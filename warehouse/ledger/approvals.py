"""Decisions that the ledger knows, and approvals of what they would launch.

An approval is of one manifest, byte for byte, by somebody other than who asked for the run, for a
limited time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from warehouse.errors import NotPermitted
from warehouse.ledger.chain import Row, record
from warehouse.ledger.tables import approval, decision


def record_decisions(
    connection: Connection, rows: Iterable[Mapping[str, Any]], actor: str, now: datetime
) -> None:
    """Remember decisions, each once; a decision made again from the same inputs is the same."""
    for row in rows:
        known = select(decision).where(decision.c.decision_id == row["decision_id"])
        if connection.execute(known).one_or_none() is None:
            record(connection, decision, dict(row) | {"recorded_at": now}, "decide", actor, now)


def newest_decisions(connection: Connection, run: str, limit: int) -> list[Row]:
    """The last decisions on a run, newest first."""
    chosen = select(decision).where(decision.c.run == run).order_by(decision.c.event.desc())
    return [dict(row) for row in connection.execute(chosen.limit(limit)).mappings()]


def approve(
    connection: Connection, decision_id: str, manifest_sha256: str, requester: str,
    approver: str, typed_by: str, now: datetime, valid_for: timedelta,
) -> Row:  # fmt: skip
    """Approve a manifest; an approval by the same person that still holds is returned unchanged.

    Raises: NotPermitted when the approver is who asked for the run
    """
    if approver.strip().casefold() == requester.strip().casefold():
        raise NotPermitted(
            f"{approver} asked for this run and cannot approve it; somebody else has to: "
            f"datawall approve {decision_id} --by NAME"
        )
    given = of_decision(connection, decision_id)
    same = (
        row
        for row in given
        if row["approver"] == approver
        and row["manifest_sha256"] == manifest_sha256
        and row["requester"] == requester
        and row["expires_at"] > now
    )
    found = next(same, None)
    if found is not None:
        return found
    row = {
        "approval_id": f"{decision_id}-{len(given) + 1}",
        "decision_id": decision_id,
        "manifest_sha256": manifest_sha256,
        "requester": requester,
        "approver": approver,
        "typed_by": typed_by,
        "approved_at": now,
        "expires_at": now + valid_for,
    }
    return record(connection, approval, row, "approve", typed_by, now)


def of_decision(connection: Connection, decision_id: str) -> list[Row]:
    """Approvals of a decision, newest first."""
    chosen = (
        select(approval)
        .where(approval.c.decision_id == decision_id)
        .order_by(approval.c.event.desc())
    )
    return [dict(row) for row in connection.execute(chosen).mappings()]


def holding(
    connection: Connection, decision_id: str, manifest_sha256: str, requester: str, now: datetime
) -> str:
    """Id of an approval that holds for a manifest now.

    Raises: NotPermitted with the reason why there is none
    """
    found = of_decision(connection, decision_id)
    command = f"datawall approve {decision_id} --by NAME"
    if not found:
        raise NotPermitted(f"nobody has approved decision {decision_id}; next: {command}")
    matching = [row for row in found if row["manifest_sha256"] == manifest_sha256]
    if not matching:
        raise NotPermitted(
            f"the manifest of decision {decision_id} changed since {found[0]['approver']} approved "
            f"it ({found[0]['manifest_sha256'][:12]} then, {manifest_sha256[:12]} now: the plan, "
            f"its data or the attempt); look at it and approve again: {command}"
        )
    # Asked of the run as it is now: an approver may have become the one who asks.
    others = [row for row in matching if row["approver"].casefold() != requester.casefold()]
    if not others:
        raise NotPermitted(
            f"{requester} asked for this run and approved it; somebody else has to: {command}"
        )
    valid = next((row for row in others if row["expires_at"] > now), None)
    if valid is None:
        raise NotPermitted(
            f"the approval of decision {decision_id} by {others[0]['approver']} expired at "
            f"{others[0]['expires_at']:%Y-%m-%d %H:%M} UTC; approve again: {command}"
        )
    return str(valid["approval_id"])
