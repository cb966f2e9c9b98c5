"""Reading what forecasts draw from: claims, origins and past training runs, as known on a date."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection

from models.claims import Claim
from models.records import OriginRecord
from warehouse.statements import ask

_CLAIM_FIELDS = {field.name for field in fields(Claim)} - {"name", "samples"}


def read_claims(connection: Connection) -> dict[str, Claim]:
    """Every claim by the name scenarios use, at the connection's known_at."""
    feeds = ask(connection, "has_feeds").scalar_one()
    found = ask(connection, "claims" if feeds else "stated_claims").mappings()
    return {row["reference"]: _claim(row) for row in found}


def _claim(row: Any) -> Claim:
    numbers = {key: row[key] for key in _CLAIM_FIELDS}
    return Claim(name=row["reference"], **numbers)


def read_origins(connection: Connection) -> dict[str, OriginRecord]:
    """Every origin by its id."""
    found = ask(connection, "origins").mappings()
    return {row["origin_id"]: OriginRecord(**row) for row in found}


@dataclass(frozen=True, slots=True)
class FrontierRuns:
    """Dates and compute of past training runs of one list, and the vintage they come from."""

    published_on: tuple[date, ...]
    compute_flop: tuple[float, ...]
    known_at: date
    origin_id: str


def read_frontier_runs(connection: Connection) -> FrontierRuns | None:
    """Past runs with a date and compute known at the connection's known_at; None if none are."""
    rows = ask(connection, "frontier_runs").all()
    if not rows:
        return None
    return FrontierRuns(
        published_on=tuple(row.published_on for row in rows),
        compute_flop=tuple(float(row.compute_flop) for row in rows),
        known_at=rows[0].known_at,
        origin_id=str(rows[0].origin_id),
    )
