"""The published fits, read as the package holds them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from models.laws.fits import FitRow

SEEDS = Path(__file__).parents[3] / "warehouse" / "seeds" / "law_fits.csv"


@pytest.fixture(scope="session")
def fits() -> dict[str, FitRow]:
    """Every row of law_fits by reference; the columns that laws read."""
    with SEEDS.open(newline="", encoding="utf-8") as lines:
        rows = [_fit(row) for row in csv.DictReader(lines)]
    return {row.reference: row for row in rows}


def _fit(row: dict[str, str]) -> FitRow:
    low, high = row["range_low_flop"], row["range_high_flop"]
    return FitRow(
        law=row["law"],
        fit=row["fit"],
        coefficients=json.loads(row["coefficients"]),
        standard_errors=json.loads(row["standard_errors"]),
        range_flop=(float(low), float(high)) if low and high else None,
        points=int(row["points"]) if row["points"] else None,
    )
