"""Growth estimated by a view: against SciPy, a published example, and simulated truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import theilslopes
from sqlalchemy import Connection, text

from models.records import CorpusRecord, InventoryRecord, Metric, Parsed
from warehouse.catalogue import load as load_catalogue
from warehouse.claims import read_claims
from warehouse.connection import set_known_at
from warehouse.load import Artefact, file_origin, load

YEARS = np.arange(2015.0, 2025.0)
Years = Sequence[float]
Made = dict[str, tuple[Years, Years]]
Grow = Callable[..., dict[str, Any]]


@pytest.fixture
def grown(connection: Connection, now: datetime) -> Grow:
    """Call it with amounts by corpus; it loads them and gives the view's rows by corpus."""

    def ask(made: Made, metric: Metric = "new_urls", source: str = "lab") -> dict[str, Any]:
        load(connection, source, [_artefact(made, metric, source)], now)
        rows = connection.execute(text("FROM core_growth")).all()
        connection.rollback()
        return {row.corpus_id: row for row in rows}

    return ask


def _artefact(made: Made, metric: Metric, source: str) -> Artefact:
    corpora = tuple(CorpusRecord(name, name, "web", "open", "human") for name in made)
    figures = tuple(
        InventoryRecord(name, metric, "raw", date(int(year), 12, 31), float(amount), "urls")
        for name, (years, amounts) in made.items()
        for year, amount in zip(years, amounts, strict=True)
    )
    parsed = Parsed("counts", date(2030, 1, 1), corpora, figures)
    digest = hashlib.sha256(repr(parsed).encode()).hexdigest()
    origin = file_origin(source, "The Lab", "https://lab.example", "CC0", parsed, digest, 1)
    return Artefact(parsed, origin, Path("aa") / digest)


def _series(count: int) -> Iterator[tuple[str, tuple[Years, Years]]]:
    """Rough growth over 5 to 14 years with gaps; every third series has equal amounts in it."""
    random = np.random.default_rng(11)
    for number in range(count):
        years = np.sort(random.choice(np.arange(2000.0, 2025.0), random.integers(5, 15), False))
        amounts = np.exp(0.2 * (years - 2000) + random.normal(0, 0.5, years.size)) * 1e9
        if number % 3 == 0:
            amounts = np.ceil(amounts / 5e10) * 5e10
        yield f"series-{number}", (years, amounts)


@pytest.mark.parametrize("metric", ["new_urls", "urls"])
def test_agrees_with_scipy(grown: Grow, metric: Metric) -> None:
    made = dict(_series(150))
    rows = grown(made, metric)
    assert set(rows) == set(made)
    tied = 0
    for name, series in made.items():
        years, amounts = (np.array(part)[-10:] for part in series)
        # A stock is dated by its last day of the year, and a leap year has one more.
        days = np.array([date(int(year), 12, 31).timetuple().tm_yday for year in years])
        at = years + (0.5 if metric == "new_urls" else (days - 1) / days)
        slope, _, low, high = theilslopes(np.log(amounts), at, alpha=0.9)
        found = (rows[name].ratio, rows[name].low, rows[name].high)
        assert found == pytest.approx(tuple(np.exp((slope, low, high))), rel=1e-9)
        assert (rows[name].years, rows[name].last_year) == (years.size, pytest.approx(at[-1]))
        tied += len(set(amounts)) < amounts.size
    assert tied > 20


def test_the_published_example(grown: Grow) -> None:
    # Sen 1968, section 6: seven points, b = 4.0.
    t = np.array([1.0, 2, 3, 4, 10, 12, 18])
    x = np.array([9.0, 15, 19, 20, 45, 55, 78])
    slopes = {round((x[j] - x[i]) / (t[j] - t[i]), 6) for i, j in combinations(range(7), 2)}
    row = grown({"sen": (t + 2000, np.exp(x))})["sen"]
    assert np.log(row.ratio) == pytest.approx(4.0)
    assert {round(float(np.log(end)), 6) for end in (row.low, row.high)} <= slopes
    assert row.low < row.ratio < row.high


def test_nine_of_ten_intervals_hold_the_truth(grown: Grow) -> None:
    noise = np.random.default_rng(7).normal(0, 0.1, (600, YEARS.size))
    made = {
        str(number): (YEARS, np.exp(0.15 * (YEARS - 2015) + errors))
        for number, errors in enumerate(noise)
    }
    rows = grown(made).values()
    held = sum(row.low <= np.exp(0.15) <= row.high for row in rows)
    # Ranks are whole, so the level is kept or passed; three standard errors are 0.037.
    assert len(rows) == 600
    assert 0.863 <= held / 600 <= 0.99


def test_one_year_out_of_line_and_old_years_move_little(grown: Grow) -> None:
    steady = 1.2 ** (YEARS - 2015)
    broken = steady.copy()
    broken[4] *= 50
    long = np.arange(2000.0, 2025.0)
    bent = np.where(long < 2015, 5.0 ** (long - 2015), 1.1 ** (long - 2015))
    rows = grown({"broken": (YEARS, broken), "bent": (long, bent), "small": (YEARS, steady * 1e-9)})
    assert rows["broken"].ratio == pytest.approx(1.2, rel=0.01)
    assert rows["small"].ratio == pytest.approx(1.2)
    assert rows["bent"].ratio == pytest.approx(1.1)
    assert (rows["bent"].years, rows["bent"].first_year) == (10, 2015.5)


def test_what_has_no_trend(grown: Grow) -> None:
    zero = np.append(np.ones(9), 0)
    made = {"short": (YEARS[:4], np.ones(4)), "zero": (YEARS, zero), "flat": (YEARS, np.ones(10))}
    assert set(grown(made)) == {"flat"}
    # Two sources that state the same years disagree; which of them grows, nobody can tell.
    assert grown({"flat": (YEARS, np.ones(10) * 2)}, source="other") == {}


def test_scenarios_find_it_among_the_claims(connection: Connection, grown: Grow) -> None:
    rough = 1.2 ** (YEARS - 2015) * np.exp(np.random.default_rng(5).normal(0, 0.1, YEARS.size))
    grown({"steady": (YEARS, 1.2 ** (YEARS - 2015)), "rough": (YEARS, rough)})
    claims = read_claims(connection)
    steady = claims["measured:steady.new_urls.raw.growth"]
    assert (steady.shape, steady.low, steady.ci_prob) == ("fixed", None, None)
    claim = claims["measured:rough.new_urls.raw.growth"]
    assert (claim.shape, claim.unit, claim.status) == ("lognormal", "ratio_per_year", "derived")
    assert claim.low is not None
    assert claim.high is not None
    assert 1 < claim.low < claim.high < 1.5
    assert claim.basis == "Theil–Sen regression of 10 yearly figures, 2015.5 to 2024.5"
    assert claim.known_at == date(2030, 1, 1)
    assert claim.origin_id.startswith("lab-counts-2030-01-01")
    connection.rollback()
    set_known_at(connection, date(2029, 12, 31))
    assert not [name for name in read_claims(connection) if name.endswith(".growth")]


def test_without_a_feed_what_is_stated_is_all(connection: Connection, grown: Grow) -> None:
    """Claims are then read from the shorter view, which must leave out nothing."""
    load_catalogue(connection)
    everything = "SELECT reference FROM out_claims"
    alone = {row.reference for row in connection.execute(text(everything))}
    assert set(read_claims(connection)) == alone
    connection.rollback()
    grown({"steady": (YEARS, 1.2 ** (YEARS - 2015))})
    assert "measured:steady.new_urls.raw.growth" in set(read_claims(connection)) - alone
