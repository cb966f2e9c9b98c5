"""A small forecast of the shape a real one has: three domains and the total, twenty years."""

from __future__ import annotations

import math
from datetime import date

import pytest
from scipy.special import ndtri

from forecasts.results import (
    LEVELS,
    SUPPLY_STAGES,
    TOTAL,
    Decision,
    DemandRow,
    DomainRow,
    Forecast,
    GateRow,
    InputRow,
    SourceRow,
    SupplyRow,
    WallRow,
)

START, HORIZON = 2026, 2045
# Median tokens at the start (raw, unique, effective), and demand.
AMOUNTS = {
    TOTAL: ((9.1e14, 6.4e13, 1.02e14), 4.3e13),
    "web": ((4.8e14, 4.6e13, 7.4e13), 2.6e13),
    "books": ((1.6e13, 2.1e12, 3.1e12), 2.4e12),
    "code": ((1.2e13, 8.7e11, 1.3e12), 4.1e12),
}


def _quantiles(median: float, spread: float) -> tuple[float, ...]:
    return tuple(median * math.exp(spread * float(ndtri(level))) for level in LEVELS)


def _supply() -> tuple[SupplyRow, ...]:
    return tuple(
        SupplyRow(domain, stage, year, _quantiles(amount * 1.03 ** (year - START), 0.55))
        for domain, (stages, _) in AMOUNTS.items()
        for stage, amount in zip(SUPPLY_STAGES, stages, strict=True)
        for year in range(START, HORIZON + 1)
    )


def _demand() -> tuple[DemandRow, ...]:
    return tuple(
        DemandRow(domain, year, _quantiles(start * 1.4**age, 0.35 + 0.05 * age))
        for domain, (_, start) in AMOUNTS.items()
        for age, year in enumerate(range(START, HORIZON + 1))
    )


WALLS = (
    WallRow("web", "exhaustion", 2027.4, 2030.2, 2036.8, 0.97, 0.02),
    WallRow("books", "exhaustion", 2026.0, 2027.6, None, 0.88, 0.30),
    WallRow("code", "exhaustion", 2026.0, 2026.0, 2026.0, 1.0, 0.94),
    WallRow(TOTAL, "exhaustion", 2027.3, 2029.04, 2032.9, 0.97, 0.0),
    WallRow(TOTAL, "penalty_0.9", 2031.5, 2038.2, None, 0.74, 0.0),
    WallRow(TOTAL, "penalty_0.5", None, None, None, 0.08, 0.0),
)


def _input(name: str, **changes: object) -> InputRow:
    row: dict[str, object] = {
        "name": name,
        "used_by": "supply of web",
        "shape": "lognormal",
        "unit": "share",
        "value": None,
        "low": 0.1,
        "high": 0.4,
        "ci_prob": 0.95,
        "drawn_p05": 0.112,
        "drawn_p50": 0.2,
        "drawn_p95": 0.357,
        "status": "published",
        "basis": "share of deduplicated text kept",
        "valid_on": date(2024, 1, 1),
        "known_at": date(2024, 6, 6),
        "origin_id": "villalobos-2024",
        "publisher": "Epoch AI",
        "title": "Will we run out of data?",
        "url": "https://arxiv.org/abs/2211.04325",
    }
    return InputRow(**(row | changes))  # type: ignore[arg-type]


INPUTS = (
    _input("web_quality"),
    _input(
        "indexed_web_pages",
        unit="pages",
        value=273861278752.583,
        low=75e9,
        high=1e12,
        drawn_p05=9.3e10,
        drawn_p50=2.74e11,
        drawn_p95=8.1e11,
    ),
    _input(
        "largest_training_compute",
        used_by="demand",
        unit="flop",
        value=4.64e26,
        low=2.3e26,
        high=9.3e26,
        ci_prob=0.9,
        drawn_p05=2.3e26,
        drawn_p50=4.64e26,
        drawn_p95=9.3e26,
        status="estimate",
        basis="Grok 3; the factor-2 band is ours",
    ),
    _input(
        "repetition_r_star",
        used_by="repetition",
        unit="epochs",
        value=15.387756,
        low=8.0,
        high=35.0,
        ci_prob=0.9,
        drawn_p05=8.0,
        drawn_p50=15.387756,
        drawn_p95=35.0,
        publisher="Muennighoff et al.",
        title="Scaling data-constrained language models",
        url="https://arxiv.org/abs/2305.16264",
    ),
    _input(
        "overtraining",
        used_by="demand",
        unit="ratio",
        value=2.0,
        low=1.0,
        high=8.0,
        ci_prob=0.9,
        drawn_p05=1.0,
        drawn_p50=2.0,
        drawn_p95=8.0,
        status="judgement",
        basis="over published ratios",
        valid_on=None,
        origin_id="datawall-judgement",
        publisher="Datawall",
        title="Scenario notes",
        url="docs/scenarios.md",
    ),
)


def make_forecast() -> Forecast:
    """Twenty years of three domains, walls censored on both sides."""
    return Forecast(
        forecast_id="f3a91c0d77e2",
        scenario="baseline",
        title="Baseline",
        answers="When does a compute-optimal run need more text than there is?",
        why="Published medians, uncertain demand law, restrictions respected.",
        as_of=date(2026, 11, 21),
        worlds=16384,
        seed=7,
        start=START,
        horizon=HORIZON,
        code_version="0.1.0+abc1234",
        repetition="law, R* 15.4",
        synthetic="flat",
        demand_path="historical growth with a ceiling",
        domains=(
            DomainRow("web", "", "distinct pages", "the indexed web, all languages"),
            DomainRow("books", "", "digitised volumes", "printed titles of the world"),
            DomainRow("code", "web", "deduplicated files", "public repositories"),
        ),
        supply=_supply(),
        demand=_demand(),
        walls=WALLS,
        inputs=INPUTS,
    )


def make_decisions(forecast_id: str) -> tuple[Decision, ...]:
    """One decision of each verdict."""
    supplied = GateRow("supply", True, 0.97, 0.9, "probability", "16,384 worlds")
    short = GateRow("supply", False, 0.61, 0.9, "probability", "16,384 worlds")
    epochs = GateRow("epochs", False, 22.0, 8.0, "epochs", "code needs 22 passes")
    licence = GateRow("licences", False, None, None, "", "two corpora have no licence on record")

    def decide(run: str, verdict: str, gates: tuple[GateRow, ...], **more: object) -> Decision:
        fields: dict[str, object] = {
            "decision_id": f"d-{run}",
            "run": run,
            "forecast_id": forecast_id,
            "verdict": verdict,
            "reasons": (f"reason for {verdict}",),
            "gates": gates,
            "probability": gates[0].value,
            "required_probability": 0.9,
            "binding_domain": "code",
            "needed_on": date(2027, 3, 1),
            "earliest_date": None,
            "demand_tokens": (2.9e13, 3.6e13, 4.4e13),
            "expires_at": date(2026, 12, 21),
        }
        return Decision(**(fields | more))  # type: ignore[arg-type]

    return (
        decide("atlas-30b", "launch", (supplied,), binding_domain=""),
        decide("borealis", "hold", (short, licence), earliest_date=date(2028, 7, 2)),
        decide("cassini-2t", "reject", (short, epochs)),
    )


def make_sources() -> tuple[SourceRow, ...]:
    """A live source and one that was never reached."""
    return (
        SourceRow("cc_statistics", "Common Crawl", date(2026, 11, 9), 12, 2114, "loaded"),
        SourceRow("openalex", "OurResearch", None, None, 0, "missing"),
    )


@pytest.fixture
def forecast() -> Forecast:
    """The forecast of `make_forecast`."""
    return make_forecast()


@pytest.fixture
def decisions(forecast: Forecast) -> tuple[Decision, ...]:
    """The decisions of `make_decisions`, under the forecast."""
    return make_decisions(forecast.forecast_id)


@pytest.fixture
def sources() -> tuple[SourceRow, ...]:
    """The sources of `make_sources`."""
    return make_sources()
