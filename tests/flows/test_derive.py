"""Derived inventories: series from vintages, growth that scenarios can name, tokens, papers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows import cli
from flows.steps.derive import derived
from flows.steps.forecast import Options, forecast, know
from flows.steps.prepare import writing
from flows.workspace import Workspace
from models.claims import quantiles
from models.records import CorpusRecord, InventoryRecord, Parsed
from warehouse.load import Artefact, file_origin, load
from warehouse.read import run

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
GROWTH = "measured:common-crawl.new_urls.unique.growth"
# Crawls of a year's middle, and one whose id says December and which ended in January.
LATE = "cc-main-2023-52"


def _artefact(source: str, series: str, vintage: date, corpora: Any, figures: Any) -> Artefact:
    parsed = Parsed(series, vintage, tuple(corpora), tuple(figures))
    content = repr(parsed).encode()
    digest = hashlib.sha256(content).hexdigest()
    origin = file_origin(
        source, "The Lab", "https://lab.example", "CC0", parsed, digest, len(content)
    )
    return Artefact(parsed, origin, Path("aa/bb"))


@pytest.fixture(scope="module")
def workspace(
    with_catalogue: Callable[[Path], Workspace], tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """New URLs that grow by 20 % a year from 2016 on, and papers by 4 %."""
    place = with_catalogue(tmp_path_factory.mktemp("derived") / "workspace")
    crawls = {f"cc-main-{year}-26": date(year, 6, 30) for year in range(2016, 2025)}
    crawls |= {LATE: date(2023, 12, 31)}
    whole = CorpusRecord("common-crawl", "Common Crawl", "web", "open", "human")
    parts = [CorpusRecord(c, c, "web", "open", "human", "common-crawl") for c in crawls]
    new = [
        InventoryRecord(c, "new_urls", "unique", day, 1e9 * 1.2 ** (day.year - 2016), "urls")
        for c, day in crawls.items() if c != LATE
    ] + [InventoryRecord(LATE, "new_urls", "unique", crawls[LATE], 1e6, "urls")]  # fmt: skip
    dated = [
        CorpusRecord(LATE, LATE, "web", "open", "human", "common-crawl", date(2023, 12, 28),
                     date(2024, 1, 9)),
        whole,
    ]  # fmt: skip
    spoken = CorpusRecord(
        "cc-main-2024-26-deu", "German", "web", "open", "human", "cc-main-2024-26"
    )
    german = InventoryRecord(spoken.corpus_id, "pages", "raw", date(2024, 6, 30), 1e8, "pages")
    with writing(place) as connection:
        load(connection, "common_crawl", [
            _artefact("common_crawl", "monthly_new", date(2024, 7, 1), [whole, *parts], new),
            _artefact("common_crawl", "collinfo", date(2024, 7, 1), dated, []),
            _artefact("common_crawl", "languages", date(2024, 7, 1), [spoken], [german]),
        ], NOW)  # fmt: skip
    return place


def test_new_urls_by_year_use_the_dates_of_the_crawl_list(workspace: Workspace) -> None:
    asked = "SELECT year, value, periods, whole FROM out_new_by_year ORDER BY year"
    rows = {row[0]: row[1:] for row in run(workspace.published, asked).rows}
    assert rows[2023] == (pytest.approx(1e9 * 1.2**7), 1, True)
    # The late crawl counts in the year it ended; 2024 had not ended at the vintage.
    assert rows[2024] == (pytest.approx(1e9 * 1.2**8 + 1e6), 2, False)


def test_growth_is_a_claim_with_its_series(workspace: Workspace) -> None:
    claim = know(workspace, date(2026, 11, 21)).claims[GROWTH]
    assert (claim.value, claim.unit) == (pytest.approx(1.2), "ratio_per_year")
    assert "8 yearly figures, 2016.5 to 2023.5" in claim.basis
    assert claim.known_at == date(2024, 7, 1)
    assert GROWTH not in know(workspace, date(2024, 6, 30)).claims


def test_a_scenario_may_name_it(
    workspace: Workspace, write_scenario: Callable[[str], Path]
) -> None:
    spec = write_scenario(
        f"name: measured-growth\nsupply:\n  crawled_web:\n    growth: ['{GROWTH}']\n"
    )
    result = forecast(workspace, [str(spec)], date(2026, 11, 21), Options(worlds=100), NOW)[0]
    assert GROWTH in {row.name for row in result.inputs}


def test_tokens_by_domain_and_language(workspace: Workspace) -> None:
    rows = derived(workspace, date(2026, 11, 21))["tokens"]
    german = next(row for row in rows if row["language"] == "deu")
    assert (german["domain"], german["value"]) == ("web", 1e8)
    # A second method: the same three numbers by independent plain draws.
    claims = know(workspace, date(2026, 11, 21)).claims
    random = np.random.default_rng(3)
    drawn = (
        1e8 * quantiles(claims["factor:text_bytes_per_page"], random.uniform(size=200_000))
        / quantiles(claims["factor:bytes_per_token"], random.uniform(size=200_000))
    )  # fmt: skip
    for key, level in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95)):
        assert german[key] == pytest.approx(np.quantile(drawn, level), rel=0.02)
    assert {row["domain"] for row in rows} >= {"web", "books", "papers"}


def test_the_essays_papers_stand_beside_the_corrected_total(workspace: Workspace) -> None:
    essay = derived(workspace, date(2026, 11, 21))["papers"][0]
    assert (essay["source"], essay["flat_total"]) == ("essay", 4e8)
    assert essay["growth_corrected_total"] == pytest.approx(1.0194e8, rel=1e-4)


def test_papers_are_counted_where_a_source_gives_years(
    with_catalogue: Callable[[Path], Workspace], tmp_path: Path
) -> None:
    place = with_catalogue(tmp_path / "workspace")
    corpus = CorpusRecord("openalex", "OpenAlex", "papers", "open", "human")
    figures = [
        InventoryRecord("openalex", "new_works", "unique", date(y, 12, 31), 1e6, "works")
        for y in range(2018, 2024)
    ]
    with writing(place) as connection:
        artefact = _artefact("openalex", "works_by_year", date(2024, 2, 1), [corpus], figures)
        load(connection, "openalex", [artefact], NOW)
    counted = derived(place, date(2026, 11, 21))["papers"][1]
    assert (counted["source"], counted["year"], counted["counted_total"]) == ("openalex", 2023, 6e6)
    assert counted["flat_total"] == 1e8


def test_the_command(workspace: Workspace) -> None:
    args = ["derived", "--workspace", str(workspace.root)]
    document = json.loads(CliRunner().invoke(cli.app, [*args, "--json"]).stdout)
    assert set(document) == {"growth", "tokens", "papers"}
    shown = CliRunner().invoke(cli.app, args)
    assert shown.exit_code == 0
    assert GROWTH in shown.stdout
