"""Reading the published fits of scaling laws, as known on a date."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, RowMapping

from models.laws.fits import FitRow
from warehouse.statements import query


def read_law_fits(connection: Connection) -> dict[str, FitRow]:
    """Every fit by its reference, law:fit, at the connection's known_at."""
    rows = (_fit(row) for row in connection.execute(query("law_fits")).mappings())
    return {row.reference: row for row in rows}


def _fit(row: RowMapping) -> FitRow:
    low, high = row["range_low_flop"], row["range_high_flop"]
    return FitRow(
        law=row["law"],
        fit=row["fit"],
        coefficients=_object(row["coefficients"]),
        loss_unit=row["loss_unit"],
        standard_errors=_object(row["standard_errors"]),
        intervals={key: tuple(value) for key, value in _object(row["intervals"]).items()},
        range_flop=None if low is None or high is None else (low, high),
        points=row["points"],
        status=row["status"],
        basis=row["basis"],
        known_at=row["known_at"],
        origin_id=row["origin_id"],
        source=f"{row['publisher']}, {row['title']}",
        url=row["url"] or "",
    )


def _object(value: Any) -> dict[str, Any]:
    """A JSON column, which the driver parses on some paths and leaves as text on others."""
    return dict(json.loads(value) if isinstance(value, str) else value or {})
