"""Fits of one's own: kept with their clouds, read by laws and by notebooks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from warehouse.errors import NotFound, WarehouseUnusable
from warehouse.insert import insert_rows
from warehouse.publish import bump
from warehouse.statements import ask

LAW = "own"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class StoredFit:
    """A fit as it is kept: constants, errors, intervals (low, high, probability), cloud, origin."""

    name: str
    coefficients: dict[str, float]
    standard_errors: dict[str, float]
    intervals: dict[str, list[float]]
    range_flop: tuple[float, float]
    points: int
    draws: dict[str, list[float]]
    file: str
    sha256: str


def read_parquet(path: Path) -> dict[str, list[str]]:
    """Columns of a Parquet file as text; what is null is empty.

    Raises: WarehouseUnusable for a file that is damaged
    """
    try:
        with duckdb.connect() as connection:
            relation = connection.read_parquet(str(path))
            rows = relation.fetchall()
            names = relation.columns
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise WarehouseUnusable(f"{path} is no readable Parquet file: {reason}") from error
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    return {name: [row[i] for row in cells] for i, name in enumerate(names)}


def save_fit(connection: Connection, fit: StoredFit, now: datetime) -> str:
    """Keep a fit with its cloud; `stored`, or `unchanged` where it is kept already.

    A name stands for one fit a day: another fit under it replaces that of the same day and leaves
    those of earlier days as they were known.
    Raises: NotFound for a name that cannot stand in a scenario
    """
    if not _NAME.fullmatch(fit.name):
        raise NotFound(
            f"{fit.name!r} cannot name a fit; use lower-case letters, digits, _ and -, "
            "a letter first, at most 40"
        )
    key = {"law": LAW, "fit": fit.name, "known_at": now.date()}
    with connection.begin():
        found = ask(connection, "own_fit", key).scalar_one_or_none()
        if found is not None and _same(found, fit.coefficients):
            return "unchanged"
        ask(connection, "forget_own_cloud", key)
        ask(connection, "forget_own_fit", key)
        origin = _origin(connection, fit, now)
        insert_rows(connection, "law_fit", [key | _row(fit) | {"origin_id": origin}])
        cloud = [key | {"coefficient": n, "draws": draws} for n, draws in fit.draws.items()]
        insert_rows(connection, "law_cloud", cloud)
        bump(connection)
    return "stored"


def _origin(connection: Connection, fit: StoredFit, now: datetime) -> str:
    """The file of runs as an origin, known by its bytes."""
    origin = f"own-{fit.sha256[:16]}"
    if not ask(connection, "has_origin", {"origin_id": origin}).scalar_one():
        row = {
            "origin_id": origin, "kind": "file", "publisher": "own runs", "title": fit.file,
            "url": "", "licence": "own", "sha256": fit.sha256, "snapshot_path": "",
            "retrieved_at": now,
        }  # fmt: skip
        insert_rows(connection, "origin", [row])
    return origin


def _row(fit: StoredFit) -> dict[str, Any]:
    return {
        "loss_unit": "nats",
        "coefficients": json.dumps(fit.coefficients),
        "standard_errors": json.dumps(fit.standard_errors),
        "intervals": json.dumps(fit.intervals),
        "range_low_flop": fit.range_flop[0],
        "range_high_flop": fit.range_flop[1],
        "points": fit.points,
        "status": "derived",
        "basis": f"fitted to {fit.points} runs of {fit.file}; errors by bootstrap",
    }


def _same(stored: object, coefficients: dict[str, float]) -> bool:
    known = json.loads(stored) if isinstance(stored, str) else stored
    return known == coefficients


def read_own_clouds(connection: Connection) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Clouds by fit, at the connection's known_at: coefficient to array, one element a draw."""
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for row in ask(connection, "own_clouds").mappings():
        found.setdefault(row["fit"], {})[row["coefficient"]] = np.array(row["draws"])
    return found
