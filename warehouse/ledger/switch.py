"""The kill switch: while it is on, nothing new starts; what runs goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from warehouse.ledger.chain import Row, record
from warehouse.ledger.tables import switch


def state(connection: Connection) -> Row | None:
    """Who switched last, when and why; None if nobody ever did."""
    found = connection.execute(select(switch)).mappings().one_or_none()
    return None if found is None else dict(found)


def turn(connection: Connection, paused: bool, reason: str, actor: str, now: datetime) -> Row:
    """Pause or resume; repeating it changes nothing."""
    found = state(connection)
    if found is not None and found["paused"] == paused:
        return found
    row = {"id": 1, "paused": paused, "reason": reason, "actor": actor, "changed_at": now}
    return record(connection, switch, row, "pause" if paused else "resume", actor, now)
