"""Reading what derived inventories are computed from, as known on the connection's date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from warehouse.statements import ask

Row = Mapping[str, Any]


def read_conversions(connection: Connection) -> list[Row]:
    """Figures that conversion claims turn into tokens."""
    return [dict(row) for row in ask(connection, "conversions").mappings()]


def read_papers(connection: Connection) -> dict[str, list[tuple[int, float]]]:
    """Papers of each whole year by source: (year, papers), oldest first."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in ask(connection, "papers_by_year"):
        found.setdefault(str(row.source), []).append((int(row.year), float(row.value)))
    return found
