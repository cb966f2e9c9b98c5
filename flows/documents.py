"""JSON documents of the command line: one per command, shapes as documented in docs/commands.md.

Numbers are plain: tokens, params, FLOP, fractional years; dates are ISO.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from forecasts.results import LABELS, TOTAL, Decision, Forecast
from models.records import DOMAINS
from warehouse.load import LoadResult

_SOURCE = (
    "source", "status", "vintage", "rows", "added", "closed", "quarantined", "held",
    "message",
)  # fmt: skip
_HEAD = ("forecast_id", "scenario", "as_of", "worlds", "seed", "code_version")


def _quantiles(row: Any) -> dict[str, float]:
    return dict(zip(LABELS, row.quantiles, strict=True))


def forecast_document(forecast: Forecast, headline: str) -> dict[str, Any]:
    """One forecast. `demand` is the total; `demand_by_domain` splits it by the mixture."""
    head: dict[str, Any] = {key: getattr(forecast, key) for key in _HEAD}
    return head | {
        "headline": headline,
        "start": forecast.start,
        "horizon": forecast.horizon,
        "supply": [
            {"domain": row.domain, "stage": row.stage, "year": row.year} | _quantiles(row)
            for row in forecast.supply
        ],
        "demand": [
            {"year": row.year} | _quantiles(row) for row in forecast.demand if row.domain == TOTAL
        ],
        "demand_by_domain": [
            {"domain": row.domain, "year": row.year} | _quantiles(row)
            for row in forecast.demand
            if row.domain in DOMAINS
        ],
        "walls": [asdict(row) for row in forecast.walls],
        "inputs": [asdict(row) for row in forecast.inputs],
    }


def ingest_document(results: Sequence[LoadResult]) -> dict[str, Any]:
    """What an ingest did, source by source."""
    return {"sources": [{key: getattr(r, key) for key in _SOURCE} for r in results]}


def decisions_document(decisions: Sequence[Decision]) -> dict[str, Any]:
    """Verdicts with their gates."""
    return {"decisions": [asdict(decision) for decision in decisions]}
