"""Forecasts against what others published: the founding essay, and Epoch AI's data wall.

Epoch's model is reckoned here a second time without any draws: its densities are integrated on
grids. Reference: Villalobos et al. 2024, https://arxiv.org/abs/2211.04325, code
https://github.com/epoch-research/data-stock.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from forecasts.forecast import run_forecast
from forecasts.results import LEVELS, TOTAL, Forecast
from forecasts.scenario import load
from models.claims import median, quantiles

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

Array = NDArray[np.float64]
CHECKS = Path(__file__).parents[2] / ".." / "shared" / "facts" / "law_checks.csv"
STAGE = {"raw": "raw", "quality-adjusted": "unique", "repetition-adjusted": "effective"}


def _forecast(name: str, knowledge: Knowledge) -> Forecast:
    return run_forecast(
        load(name), knowledge.claims, knowledge.origins, as_of=knowledge.as_of, code_version="test"
    )


@pytest.fixture(scope="module")
def epoch(knowledge: Knowledge) -> Forecast:
    """Epoch's stock and historical demand with the scenario's own number of worlds."""
    return _forecast("epoch-2024-historical", knowledge)


def test_the_essays_books_and_papers(knowledge: Knowledge) -> None:
    """100M books of 100k words and 400M papers of 10k at 1.3 tokens a word ("On AI Scaling")."""
    essay = _forecast("essay", knowledge)
    easy = sum(essay.supply_at(d, "unique", 2026).at("p50") for d in ("books", "papers"))
    assert easy == pytest.approx(18.2e12, rel=1e-9)
    for domain in ("web", "books", "papers"):
        unique = essay.supply_at(domain, "unique", 2030).at("p50")
        effective = essay.supply_at(domain, "effective", 2030).at("p50")
        assert effective == pytest.approx(25 * unique, rel=1e-6)


@dataclass(frozen=True)
class Grid:
    """A quantity's logarithm on equal-width cells: values and their probabilities."""

    values: Array
    weights: Array


def _cells(cdf_of_log: stats.rv_continuous, low: float, high: float, count: int = 400) -> Grid:
    edges = np.linspace(low, high, count + 1)
    weights = np.diff(cdf_of_log(edges))
    return Grid((edges[1:] + edges[:-1]) / 2, weights / weights.sum())


def _log_normal(low: float, high: float, level: float) -> tuple[float, float]:
    """Mean and standard deviation of ln x from an interval."""
    z = stats.norm.ppf(0.5 + level / 2)
    return np.log(low * high) / 2, np.log(high / low) / (2 * z)


PAGES = _log_normal(75e9, 1e12, 0.95)
BYTES = _log_normal(6100, 8200, 0.95)
GROWTHS = (_log_normal(1.02, 1.04, 0.95), _log_normal(1, 1.1, 0.95))
QUALITY = _log_normal(0.1, 0.4, 0.95)
REPETITION = _log_normal(2, 5, 0.95)
LARGEST = _log_normal(3e12, 1.3e13, 0.9)
GAP = _log_normal(1, 4, 0.95)
DATASET_GROWTH = (0.374 * np.log(10), 0.109 / stats.norm.ppf(0.975) * np.log(10))


def _bytes_per_token() -> Grid:
    """ln(6 − LogN(1–4)), conditioned to be positive."""

    def cdf(log_x: Array) -> Array:
        return np.asarray(stats.norm.sf(np.log(6 - np.exp(log_x)), *GAP))

    return _cells(cdf, np.log(1e-3), np.log(6 - 1e-6), 4000)


def _quality() -> Grid:
    """ln of the usable share, conditioned to at most 1."""
    return _cells(lambda x: stats.norm.cdf(x, *QUALITY), np.log(0.01), 0.0)


def _sum(first: Grid, second: Grid, cells: int = 2000) -> Grid:
    """Their sum if independent: every pair of cells, gathered into narrow cells at its mean."""
    values = np.add.outer(first.values, second.values).ravel()
    weights = np.multiply.outer(first.weights, second.weights).ravel()
    edges = np.linspace(values.min(), values.max(), cells + 1)
    cell = np.clip(np.digitize(values, edges) - 1, 0, cells - 1)
    held = np.bincount(cell, weights, cells)
    mean = np.bincount(cell, weights * values, cells)
    filled = held > 0
    return Grid(mean[filled] / held[filled], held[filled])


def _chance_below(x: float, mean: float, deviation: float, added: Grid) -> float:
    """P(Normal + added ≤ x), summed over the grid."""
    return float(added.weights @ stats.norm.cdf((x - mean - added.values) / deviation))


class NoDraws:
    """Epoch's stock and demand, by quadrature."""

    def __init__(self) -> None:
        tokenizer = _bytes_per_token()
        self.per_token = Grid(-tokenizer.values, tokenizer.weights)
        self.usable_per_token = _sum(self.per_token, _quality())

    def _moments(self, year: float, stage: str) -> tuple[float, float]:
        """Of the normal part of ln(stock): pages, bytes, growth and repetition."""
        t = year - 2024
        parts = [PAGES, BYTES, *((t * m, t * s) for m, s in GROWTHS)]
        if stage == "effective":
            parts.append(REPETITION)
        return sum(m for m, _ in parts), float(np.sqrt(sum(s**2 for _, s in parts)))

    def stock(self, year: float, stage: str, level: float) -> float:
        """Quantile of the stock in tokens."""
        added = self.per_token if stage == "raw" else self.usable_per_token
        moments = self._moments(year, stage)
        log = brentq(lambda x: _chance_below(x, *moments, added) - level, 20, 50, xtol=1e-6)
        return float(np.exp(log))

    def wall(self, level: float) -> float:
        """Year by which demand exceeds the effective stock with this probability."""

        def covered(year: float) -> float:
            mean, deviation = self._moments(year, "effective")
            t = year - 2024
            mean -= LARGEST[0] + t * DATASET_GROWTH[0]
            deviation = float(np.hypot(deviation, np.hypot(LARGEST[1], t * DATASET_GROWTH[1])))
            return _chance_below(0.0, mean, deviation, self.usable_per_token)

        return float(brentq(lambda year: covered(year) - level, 2024.5, 2050, xtol=1e-5))


@pytest.fixture(scope="module")
def no_draws() -> NoDraws:
    return NoDraws()


@pytest.mark.parametrize("stage", STAGE.values())
@pytest.mark.parametrize("year", range(2024, 2041))
def test_stock_without_draws(epoch: Forecast, no_draws: NoDraws, stage: str, year: int) -> None:
    """Every quantile that is shown, within 0.2 % of the integral."""
    seen = epoch.supply_at(TOTAL, stage, year).quantiles
    assert seen == pytest.approx([no_draws.stock(year, stage, at) for at in LEVELS], rel=0.002)


def test_walls_without_draws(epoch: Forecast, no_draws: NoDraws) -> None:
    wall = epoch.wall()
    for seen, level in ((wall.p10, 0.1), (wall.p50, 0.5), (wall.p90, 0.9)):
        assert seen == pytest.approx(no_draws.wall(level), abs=0.01)


def test_epochs_stock_of_2024(epoch: Forecast) -> None:
    """Medians of the released model, by 200,000 draws of its own code."""
    for stage, tokens in (("raw", 508e12), ("unique", 101.6e12), ("effective", 322e12)):
        assert epoch.supply_at(TOTAL, stage, 2024).at("p50") == pytest.approx(tokens, rel=0.01)


def test_epochs_walls(epoch: Forecast) -> None:
    """Historical growth alone; the printed 2028 mixes in an unreleased compute projection."""
    wall = epoch.wall()
    assert wall.p10 == pytest.approx(2027.35, abs=0.03)
    assert wall.p50 == pytest.approx(2029.04, abs=0.03)
    assert wall.p90 == pytest.approx(2031.19, abs=0.03)


def _rows(law: str, quantity: str) -> list[dict[str, str]]:
    if not CHECKS.exists():
        return []
    with CHECKS.open(newline="", encoding="utf-8") as lines:
        return [
            row
            for row in csv.DictReader(lines)
            if row["law"] == law and quantity in row["quantity"]
        ]


def _figures() -> list[dict[str, str]]:
    wanted = (
        ("epoch_stock", "Figure 3"), ("epoch_stock", "indexed web"), ("epoch_stock_path", "median"),
        ("epoch_dates", "historical-growth-only"),
    )  # fmt: skip
    return [row for law, quantity in wanted for row in _rows(law, quantity)]


def _seen(epoch: Forecast, row: dict[str, str]) -> float | None:
    if row["law"] == "epoch_dates":
        return epoch.wall().p50
    year = json.loads(row["inputs"])["year"]
    words = row["quantity"]
    stage = next((stage for name, stage in STAGE.items() if name in words), "raw")
    label = "p97_5" if "97.5%" in words else "p02_5" if "2.5%" in words else "p50"
    return epoch.supply_at(TOTAL, stage, year).at(label)


@pytest.mark.skipif(
    not CHECKS.exists(), reason="the reference figures (../shared/facts/law_checks.csv) are absent"
)
def test_all_reproducible_figures_are_read() -> None:
    assert len(_figures()) == 6 + 3 + 15 + 1


@pytest.mark.parametrize(
    "row", _figures(), ids=lambda row: f"{row['law']}: {row['quantity']} {row['inputs']}"
)
def test_epochs_figures(epoch: Forecast, row: dict[str, str]) -> None:
    expected, tolerance = float(row["expected"]), float(row["tolerance_relative"])
    assert _seen(epoch, row) == pytest.approx(expected, rel=tolerance, abs=0), row["source"]


def test_epochs_demand_claims(knowledge: Knowledge) -> None:
    """Section 2.4 prints 0.38 [0.27, 0.48] OOM a year; a refit of the released table, 0.3705."""
    printed = knowledge.claims["factor:dataset_growth_published"]
    ends = quantiles(printed, np.array([0.025, 0.5, 0.975]))
    assert ends == pytest.approx([0.27, 0.38, 0.48], rel=1e-6)
    assert median(knowledge.claims["factor:dataset_growth"]) == pytest.approx(0.3705, rel=0.01)


def test_common_crawl_without_draws(no_draws: NoDraws) -> None:
    """Table 1 prints 130T [100T, 260T]; the released code's 75e9 URLs come to 134T [101T, 266T]."""
    mean, deviation = np.log(75e9) + BYTES[0], BYTES[1]

    def tokens(level: float) -> float:
        def excess(log: float) -> float:
            return _chance_below(log, mean, deviation, no_draws.per_token) - level

        return float(np.exp(brentq(excess, 20, 50)))

    seen = [tokens(level) for level in (0.025, 0.5, 0.975)]
    assert seen == pytest.approx([100.7e12, 133.5e12, 265.6e12], rel=0.001)
    assert seen == pytest.approx([100e12, 130e12, 260e12], rel=0.03)
