"""Reading what derived inventories are computed from, as known on the connection's date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from warehouse.statements import query

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """Yearly figures of one corpus, metric and stage; `at` in fractional years."""

    corpus_id: str
    metric: str
    stage: str
    at: tuple[float, ...]
    values: tuple[float, ...]
    known_at: date
    origin_id: str


def read_series(connection: Connection) -> list[Series]:
    """Every yearly series, oldest figure first."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for row in connection.execute(query("yearly")):
        found.setdefault((row.corpus_id, row.metric, row.stage), []).append(row)
    return [
        Series(
            *key, tuple(float(r.at) for r in rows), tuple(float(r.value) for r in rows),
            max(r.known_at for r in rows), str(rows[-1].origin_id),
        )
        for key, rows in found.items()
    ]  # fmt: skip


def read_conversions(connection: Connection) -> list[Row]:
    """Figures that conversion claims turn into tokens."""
    return [dict(row) for row in connection.execute(query("conversions")).mappings()]


def read_papers(connection: Connection) -> dict[str, list[tuple[int, float]]]:
    """Papers of each whole year by source: (year, papers), oldest first."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in connection.execute(query("papers_by_year")):
        found.setdefault(str(row.source), []).append((int(row.year), float(row.value)))
    return found
