"""Reading the published fits of scaling laws, as known on a date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping

from models.laws.fits import FitRow
from models.laws.law import Array
from warehouse.statements import ask

_CLOUDS = "seeds/law_clouds"


def read_law_fits(connection: Connection) -> dict[str, FitRow]:
    """Every fit by its reference, law:fit, at the connection's known_at."""
    rows = (_fit(row) for row in ask(connection, "law_fits").mappings())
    return {row.reference: row for row in rows}


def fit_of_seed(row: Mapping[str, Any], origin: Mapping[str, Any]) -> FitRow:
    """A fit from a row of the catalogue and its origin, for documents made without a warehouse."""
    return _fit(
        {**row, "publisher": origin["publisher"], "title": origin["title"], "url": origin["url"]}
    )


def _fit(row: Mapping[str, Any] | RowMapping) -> FitRow:
    low, high = row["range_low_flop"], row["range_high_flop"]
    return FitRow(
        law=row["law"],
        fit=row["fit"],
        coefficients=_object(row["coefficients"]),
        loss_unit=row["loss_unit"],
        standard_errors=_object(row["standard_errors"]),
        intervals={key: tuple(value) for key, value in _object(row["intervals"]).items()},
        range_flop=None if low is None or high is None else (low, high),
        points=None if row["points"] is None else int(row["points"]),
        status=row["status"],
        basis=row["basis"],
        known_at=row["known_at"],
        origin_id=row["origin_id"],
        source=f"{row['publisher']}, {row['title']}",
        url=row["url"] or "",
    )


@cache
def read_clouds() -> dict[str, dict[str, Array]]:
    """Resampled fits of the package by law: coefficient to array, one element a resample.

    A file seeds/law_clouds/LAW.csv holds one law: a column a coefficient, a row a resample.
    """
    folder = resources.files("warehouse") / _CLOUDS
    files = sorted(folder.iterdir(), key=lambda f: f.name) if folder.is_dir() else []
    return {f.name[:-4]: _cloud(f.read_text("utf-8")) for f in files if f.name.endswith(".csv")}


def _cloud(text: str) -> dict[str, Array]:
    header, *lines = text.splitlines()
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    return dict(zip(header.split(","), rows.T, strict=True))


def _object(value: Any) -> dict[str, Any]:
    """A JSON column, which the driver parses on some paths and leaves as text on others."""
    return dict(json.loads(value) if isinstance(value, str) else value or {})
