"""Derived inventories: growth claims from vintages, tokens from counts, papers over a century.

Views estimate growth, models and forecasts compute the rest; nothing is stored, so every date of
knowledge gives its own answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from flows.steps.prepare import ready
from flows.workspace import Workspace
from forecasts.draws import Draws
from models.claims import Claim
from models.supply.accumulation import accumulated
from warehouse.claims import read_claims
from warehouse.derived import read_conversions, read_papers

WORLDS, SEED = 16_384, 20240604
# The essay: 4 million papers a year over 100 years, and 4 % growth a year if that is corrected.
ESSAY_PAPERS, ESSAY_YEARS, ESSAY_GROWTH = 4e6, 100, 1.04
_GROWTH = re.compile(r"measured:.*\.growth")


def derived(workspace: Workspace, as_of: date) -> dict[str, Any]:
    """Growth, tokens and papers as known on a date, as one document."""
    with ready(workspace, as_of) as connection:
        claims = read_claims(connection)
        conversions, papers = read_conversions(connection), read_papers(connection)
    grown = [claims[name] for name in sorted(claims) if _GROWTH.fullmatch(name)]
    return {
        "growth": [
            {"claim": c.name, "ratio": c.value, "low": c.low, "high": c.high, "ci_prob": c.ci_prob,
             "basis": c.basis, "known_at": c.known_at}
            for c in grown
        ],
        "tokens": [row for one in conversions if (row := _tokens(one, claims)) is not None],
        "papers": _papers(papers),
    }  # fmt: skip


def _tokens(one: Mapping[str, Any], claims: Mapping[str, Claim]) -> dict[str, Any] | None:
    """Quantiles of the tokens of one figure; None before its conversion claims were known."""
    import numpy as np

    needed = [one["times"], *([one["per"]] if one["per"] else [])]
    if not all(name in claims for name in needed) or one["value"] == 0:
        return None
    count = claims[one["reference"]]
    draws = Draws(SEED, WORLDS, [count, *(claims[name] for name in needed)])
    tokens = draws.of(count) * draws.of(claims[one["times"]])
    if one["per"]:
        tokens = tokens / draws.of(claims[one["per"]])
    p05, p50, p95 = np.quantile(tokens, (0.05, 0.5, 0.95)).tolist()
    kept = ("domain", "language", "corpus_id", "metric", "stage", "valid_on", "value", "source")
    return {key: one[key] for key in kept} | {"p05": p05, "p50": p50, "p95": p95}


def _papers(counted: Mapping[str, list[tuple[int, float]]]) -> list[dict[str, Any]]:
    """The essay's flat total beside the growth-corrected one, and the same from counts."""
    rows: list[tuple[str, int | None, float, float | None]]
    rows = [("essay", None, ESSAY_PAPERS, None)]
    rows += [
        (source, years[-1][0], years[-1][1],
         sum(n for year, n in years if year > years[-1][0] - ESSAY_YEARS))
        for source, years in counted.items()
    ]  # fmt: skip
    return [
        {
            "source": source,
            "year": year,
            "per_year": per_year,
            "flat_total": accumulated(per_year, ESSAY_YEARS, 1),
            "growth_corrected_total": accumulated(per_year, ESSAY_YEARS, ESSAY_GROWTH),
            "counted_total": counted_total,
        }
        for source, year, per_year, counted_total in rows
    ]
