"""Storing measured runs and the claims that follow from them; a rerun changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from models.records import OriginRecord
from warehouse.checks import require_clean
from warehouse.insert import insert_rows
from warehouse.publish import bump

Row = Mapping[str, Any]


def save_probe(
    connection: Connection,
    origin: OriginRecord,
    snapshot_path: Path,
    result: Row | None,
    claims: Sequence[Row],
    now: datetime,
) -> bool:
    """Store what one file states: at most one result, and claims; False if it is stored already.

    Raises: CheckFailed; nothing is committed then
    """
    with connection.begin():
        known = connection.execute(text("SELECT origin_id FROM origin")).scalars()
        if origin.origin_id in set(known):
            return False
        kept = {"snapshot_path": str(snapshot_path), "retrieved_at": now}
        fields = {name: getattr(origin, name) for name in OriginRecord.__slots__}
        insert_rows(connection, "origin", [fields | kept])
        placed = {"origin_id": origin.origin_id}
        if result is not None:
            insert_rows(connection, "probe_result", [dict(result) | placed])
        insert_rows(connection, "probe_claim", [dict(claim) | placed for claim in claims])
        require_clean(connection)
        bump(connection)
    return True


def read_probe_results(connection: Connection, study: str | None = None) -> list[Row]:
    """Imported results, of one study or all, by run and time."""
    rows = connection.execute(text("SELECT * FROM out_probe_results ORDER BY run, finished_at"))
    found = [dict(row) for row in rows.mappings()]
    return [row for row in found if study in (None, row["study"])]


def read_probe_claims(connection: Connection) -> list[Row]:
    """Measured claims at the connection's known_at, by name."""
    chosen = """
        SELECT reference AS name, value, low, high, ci_prob, unit, basis, known_at
        FROM out_claims WHERE kind = 'probe' ORDER BY reference
    """
    return [dict(row) for row in connection.execute(text(chosen)).mappings()]
