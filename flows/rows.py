"""Forecasts and decisions to warehouse rows and back; neither side knows the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from forecasts.results import (
    LABELS,
    Decision,
    DemandRow,
    DomainRow,
    Forecast,
    GateRow,
    InputRow,
    SupplyRow,
    WallRow,
)

Row = Mapping[str, Any]
_PARTS = ("domains", "supply", "demand", "walls", "inputs")


def forecast_rows(forecast: Forecast) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Head row, and rows by table."""
    key = {"forecast_id": forecast.forecast_id}
    head = {
        field.name: getattr(forecast, field.name)
        for field in fields(forecast)
        if field.name not in _PARTS
    }
    quantiles = [
        key | {"series": "supply", "domain": row.domain, "stage": row.stage, "year": row.year}
        | dict(zip(LABELS, row.quantiles, strict=True))
        for row in forecast.supply
    ] + [
        key | {"series": "demand", "domain": row.domain, "stage": "demand", "year": row.year}
        | dict(zip(LABELS, row.quantiles, strict=True))
        for row in forecast.demand
    ]  # fmt: skip
    return head, {
        "forecast_domain": [
            key | {"position": i} | asdict(row) for i, row in enumerate(forecast.domains)
        ],
        "forecast_quantile": quantiles,
        "forecast_wall": [key | asdict(row) for row in forecast.walls],
        "forecast_input": [
            key | {"position": i} | asdict(row) for i, row in enumerate(forecast.inputs)
        ],
    }


def _only(row: Row, cls: type) -> dict[str, Any]:
    return {field.name: row[field.name] for field in fields(cls)}


def forecast_from_rows(head: Row, parts: Mapping[str, Sequence[Row]]) -> Forecast:
    """The stored forecast as it was computed."""
    supply, demand = [], []
    for row in parts["forecast_quantile"]:
        quantiles = tuple(row[label] for label in LABELS)
        if row["series"] == "supply":
            supply.append(SupplyRow(row["domain"], row["stage"], row["year"], quantiles))
        else:
            demand.append(DemandRow(row["domain"], row["year"], quantiles))
    return Forecast(
        **{key: value for key, value in head.items() if key != "created_at"},
        domains=tuple(DomainRow(**_only(row, DomainRow)) for row in parts["forecast_domain"]),
        supply=tuple(supply),
        demand=tuple(demand),
        walls=tuple(WallRow(**_only(row, WallRow)) for row in parts["forecast_wall"]),
        inputs=tuple(InputRow(**_only(row, InputRow)) for row in parts["forecast_input"]),
    )


def decision_row(decision: Decision, plan_sha256: str) -> dict[str, Any]:
    """A decision as a warehouse row."""
    row = asdict(decision)
    low, middle, high = row.pop("demand_tokens")
    return row | {
        "plan_sha256": plan_sha256,
        "reasons": json.dumps(row["reasons"]),
        "gates": json.dumps(row["gates"]),
        "demand_p05": low,
        "demand_p50": middle,
        "demand_p95": high,
    }


def decision_from_row(row: Row) -> Decision:
    """The stored decision."""
    plain = {
        field.name: row[field.name]
        for field in fields(Decision)
        if field.name not in ("reasons", "gates", "demand_tokens")
    }
    return Decision(
        **plain,
        reasons=tuple(row["reasons"]),
        gates=tuple(
            GateRow(**gate | {"rests_on": tuple(gate.get("rests_on", ()))}) for gate in row["gates"]
        ),
        demand_tokens=(row["demand_p05"], row["demand_p50"], row["demand_p95"]),
    )
