"""Coverage on planted truth: histories from known parameters, each forecast, walls compared.

Every history has its own noise: a record of training runs about a line of compute, and a stock
counted, filtered and growing with stated errors. Intervals are those that the engine makes of it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from forecasts.forecast import RECORD_GROWTH, RECORD_LEVEL, record_claims, run_forecast
from forecasts.scenario import Scenario, load
from models.claims import Claim
from models.demand.growth import fit_records
from models.quantities import decimal_year

pytestmark = [pytest.mark.campaign, pytest.mark.release]
HISTORIES, WORLDS = 500, 2000
AS_OF = date(2025, 1, 1)
# The truth: compute and its growth, a stock and its growth, a usable share.
LEVEL, RATIO, STOCK, GROWTH, SHARE = 2e25, 4.0, 8e14, 1.05, 0.2
# Errors of ln: of the count, of the share, of growth a year; scatter of runs in log10.
COUNT_ERROR, SHARE_ERROR, GROWTH_ERROR, SCATTER = 0.5, 0.3, 0.02, 0.08
TOKENS_PER_PARAM = 20.0
SCENARIO = """
why: made to have a truth
start: 2025
horizon: 2060
supply:
  web:
    count: planted:count
    conversion: []
    growth: [planted:growth]
    usable_fraction: planted:share
    why: made to have a truth
  crawled_web: null
  books: null
  papers: null
  code: null
  math: null
  encyclopedic: null
  qa: null
  legal: null
repetition: {form: none}
synthetic: {form: none}
severity: null
demand:
  path:
    level: measured:record_compute_level
    growth: measured:record_compute_growth
    growth_from_runs: false
    ceiling: null
    ceiling_growth: null
    tokens_per_param: {unit: tokens_per_param, value: 20, source: made to have a truth}
    drift: {unit: exponent, value: 0, source: made to have a truth}
    overtraining: {unit: ratio, value: 1, source: made to have a truth}
  shares:
    web: {unit: share, value: 1, source: made to have a truth}
    crawled_web: null
    books: null
    papers: null
    code: null
    math: null
    encyclopedic: null
    qa: null
    legal: null
"""


def _about(name: str, unit: str, seen: float, error: float, valid_on: date | None = None) -> Claim:
    """What a publisher would state: the figure seen, with the 90 % interval of its error."""
    half = float(stats.norm.ppf(0.95)) * error
    return Claim(
        name, unit, "lognormal", low=seen * np.exp(-half), high=seen * np.exp(half), ci_prob=0.9,
        valid_on=valid_on,
    )  # fmt: skip


def _history(random: np.random.Generator) -> dict[str, Claim]:
    """One history: what is seen of the truth, as claims."""
    years = np.arange(2014, 2025, 0.5)
    truth = np.log10(LEVEL) + np.log10(RATIO) * (years - 2025)
    runs = 10 ** (truth + random.normal(0, SCATTER, years.size))
    count, share, growth = (
        true * np.exp(random.normal(0, error))
        for true, error in ((STOCK, COUNT_ERROR), (SHARE, SHARE_ERROR), (GROWTH, GROWTH_ERROR))
    )
    return record_claims(fit_records(years, runs), AS_OF, "") | {
        "planted:count": _about("planted:count", "tokens", count, COUNT_ERROR, AS_OF),
        "planted:share": _about("planted:share", "share", share, SHARE_ERROR),
        "planted:growth": _about("planted:growth", "ratio_per_year", growth, GROWTH_ERROR),
    }


def _true_wall() -> float:
    """Date at which √(C·20/6) reaches the usable stock; both are straight in logarithms."""
    demand = np.log(np.sqrt(LEVEL * TOKENS_PER_PARAM / 6))
    supply = np.log(STOCK * SHARE)
    rate = np.log(RATIO) / 2 - np.log(GROWTH)
    return float(decimal_year(AS_OF) + (supply - demand) / rate)


def test_intervals_hold_as_often_as_they_say(tmp_path: Path) -> None:
    """Nominal 80 %: of 500 walls, 75 to 85 % inside, and the misses on both sides alike."""
    file = tmp_path / "planted.yaml"
    file.write_text(SCENARIO, "utf-8")
    scenario: Scenario = load(str(file))
    truth = _true_wall()
    assert 2027 < truth < 2045
    below, above, middle = 0, 0, 0
    for seed in range(HISTORIES):
        claims = _history(np.random.default_rng(seed))
        assert {RECORD_LEVEL, RECORD_GROWTH} < set(claims)
        wall = run_forecast(
            scenario, claims, {}, as_of=AS_OF, code_version="test", worlds=WORLDS, seed=seed
        ).wall()
        low, half, high = (np.inf if end is None else end for end in (wall.p10, wall.p50, wall.p90))
        below, above = below + (truth < low), above + (truth > high)
        middle += truth <= half
    inside = 1 - (below + above) / HISTORIES
    assert 0.75 <= inside <= 0.85, f"{inside:.1%} of the intervals hold the truth"
    # Each tail is 10 %, the median splits in half: three standard errors of 500.
    assert [below / HISTORIES, above / HISTORIES] == pytest.approx([0.1, 0.1], abs=0.04)
    assert middle / HISTORIES == pytest.approx(0.5, abs=0.07)
