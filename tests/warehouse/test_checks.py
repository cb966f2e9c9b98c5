"""Every check finds its offence, and passes on what is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection

from warehouse import catalogue
from warehouse.checks import offending, require_clean
from warehouse.content import content_sha256
from warehouse.errors import CheckFailed
from warehouse.statements import names, script

DAYS = OLD, NEW, MAR = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)
CRAWL = {
    "source": "common_crawl", "known_at": NEW, "low": None, "high": None, "ci_prob": None,
}  # fmt: skip


def _crawl(
    series: str, metric: str, day: date, value: float, known_at: date = NEW
) -> tuple[str, dict[str, Any]]:
    return "inventory", CRAWL | {
        "series": series, "metric": metric, "valid_on": day, "value": value, "known_at": known_at,
    }  # fmt: skip


def _crawls(
    series: str, metric: str, values: tuple[float, ...], known_at: date = NEW
) -> list[tuple[str, dict[str, Any]]]:
    days = zip(DAYS, values, strict=True)
    return [_crawl(series, metric, day, float(value), known_at) for day, value in days]


def _spoken(language: str, day: date, pages: float) -> tuple[str, dict[str, Any]]:
    table, row = _crawl("languages", "pages", day, pages)
    return table, row | {"corpus_id": f"cc-main-2024-01-{language}"}


def _corpus(name: str, parent: str, known_at: date = OLD) -> tuple[str, dict[str, Any]]:
    return "corpus", {"corpus_id": name, "parent_corpus": parent, "known_at": known_at}


def _figure(**given: Any) -> tuple[str, dict[str, Any]]:
    return "inventory", given


# Of each check: what surrounds the offence and is right, then offences, each enough by itself.
OFFENCES: dict[str, tuple[list[tuple[str, dict[str, Any]]], list[tuple[str, dict[str, Any]]]]] = {
    "amounts_are_not_negative": (
        [_figure(value=0.0, low=None, high=None)],
        [
            _figure(series="a", value=-1.0),
            _figure(series="b", low=-1.0),
        ],
    ),
    "cumulative_pages_are_running_sum": (
        [
            _crawl("monthly", "pages", OLD, 5.0),
            _crawl("monthly", "pages", NEW, 6.0),
            _crawl("cumulative", "pages", OLD, 5.0),
            # Other metrics and a crawl that only one series has are no offence.
            _crawl("cumulative", "urls", NEW, 7.0),
            _crawl("cumulative", "pages", MAR, 99.0),
        ],
        [_crawl("cumulative", "pages", NEW, 11.5)],
    ),
    "every_row_has_its_vintage": (
        [
            ("vintage", {"source": "lab", "series": "s", "known_at": OLD}),
            _figure(source="lab", series="s", known_at=OLD),
            _figure(source="catalogue", series="catalogue", known_at=NEW),
        ],
        [
            _figure(source="lab", series="s", known_at=NEW),
            ("training_run", {"source": "lab", "series": "t", "known_at": OLD}),
        ],
    ),
    "factor_has_origin": (
        [("origin", {"origin_id": "o"}), ("factor", {"origin_id": "o"})],
        [
            ("factor", {"name": "x", "origin_id": "nobody"}),
            ("law_fit", {"origin_id": "nobody"}),
        ],
    ),
    "interval_is_ordered": (
        [
            _figure(value=2.0, low=2.0, high=2.0, ci_prob=1.0),
            ("factor", {"value": None, "low": 1.0, "high": 2.0}),
        ],
        [
            _figure(series="a", value=2.0, low=3.0, high=4.0),
            _figure(series="b", value=2.0, low=0.0, high=1.0),
            _figure(series="c", ci_prob=0.0),
            _figure(series="d", ci_prob=1.5),
            ("factor", {"name": "e", "value": None, "low": 2.0, "high": 1.0}),
            ("factor", {"name": "f", "value": 3.0, "low": 1.0, "high": 2.0}),
        ],
    ),
    "inventory_has_corpus_and_origin": (
        [
            ("origin", {"origin_id": "o"}), ("corpus", {"corpus_id": "c"}),
            _figure(corpus_id="c", origin_id="o"),
        ],
        [
            _figure(corpus_id="nobody", origin_id="o"),
            _figure(corpus_id="c", origin_id="nobody"),
        ],
    ),
    "lineage_is_a_tree": (
        # A parent may change with time; that gives a corpus two ancestors and no cycle.
        [_corpus("root", ""), _corpus("a", "root"), _corpus("b", "a"), _corpus("b", "root", NEW)],
        [
            _corpus("a", "b", NEW),
            _corpus("root", "root", NEW),
            _corpus("c", "nobody"),
        ],
    ),
    "new_digests_are_capped_differences": (
        [
            # Steps of URLs 5, 4, 3; of digests 6, 5, 9, of which the crawl's own 7 cap the last.
            *_crawls("cumulative", "urls", (5, 9, 12), MAR),
            *_crawls("cumulative", "digests", (6, 11, 20), MAR),
            *_crawls("monthly", "digests", (7, 7, 7)),
            *_crawls("monthly_new", "new_urls", (5, 4, 3)),
            _crawl("monthly_new", "new_digests", DAYS[0], 6.0),
            _crawl("monthly_new", "new_digests", DAYS[2], 7.0),
            # Other sketches: the step of URLs is another one, so nothing can be said.
            _crawl("monthly", "digests", OLD, 7.0, OLD),
            _crawl("monthly_new", "new_urls", OLD, 4.0, OLD),
            _crawl("monthly_new", "new_digests", OLD, 1.0, OLD),
        ],
        [_crawl("monthly_new", "new_digests", DAYS[1], 4.5)],
    ),
    "new_digests_are_within_their_crawl": (
        [
            _crawl("monthly", "digests", OLD, 7.0),
            _crawl("monthly", "digests", NEW, 7.0),
            _crawl("monthly_new", "new_digests", OLD, 7.0),
            # Another metric and a crawl of one series are no offence.
            _crawl("monthly_new", "new_urls", OLD, 9.0),
            _crawl("monthly_new", "new_digests", MAR, 99.0),
        ],
        [_crawl("monthly_new", "new_digests", NEW, 7.5)],
    ),
    "pages_by_language_are_within_their_crawl": (
        [
            _crawl("monthly", "pages", OLD, 7.0),
            _spoken("eng", OLD, 4.0),
            _spoken("deu", OLD, 3.0),
            _spoken("eng", NEW, 99.0),
        ],
        [_spoken("fra", OLD, 0.5)],
    ),
    "urls_of_monthly_and_domain_agree": (
        [
            _crawl("monthly", "urls", OLD, 5.0),
            _crawl("monthly", "urls", NEW, 6.0),
            _crawl("domain", "urls", OLD, 5.0),
            _crawl("domain", "domains", NEW, 2.0),
            _crawl("domain", "urls", MAR, 99.0),
        ],
        [_crawl("domain", "urls", NEW, 6.5)],
    ),
    "new_urls_are_cumulative_differences": (
        [
            _crawl("cumulative", "urls", OLD, 5.0),
            _crawl("cumulative", "urls", NEW, 9.0),
            _crawl("monthly_new", "new_urls", OLD, 5.0),
        ],
        [_crawl("monthly_new", "new_urls", NEW, 4.5)],
    ),
}  # fmt: skip
CASES = [
    pytest.param(name, offence, id=f"{name}-{number}")
    for name, (_, offences) in OFFENCES.items()
    for number, offence in enumerate(offences)
]


def test_every_check_has_an_offence() -> None:
    assert set(OFFENCES) == set(names("checks"))
    for name in OFFENCES:
        assert script("checks", name).startswith("-- ")


@pytest.mark.parametrize(("name", "offence"), CASES)
def test_an_offence_is_found(
    connection: Connection,
    plant: Callable[..., None],
    name: str,
    offence: tuple[str, dict[str, Any]],
) -> None:
    for table, row in OFFENCES[name][0]:
        plant(connection, table, **_placed(table, row))
    assert offending(connection, name) == []
    table, row = offence
    plant(connection, table, **_placed(table, row))
    assert offending(connection, name)
    with pytest.raises(CheckFailed, match=r"check \w+ failed on \d+ row\(s\), nothing was loaded"):
        require_clean(connection)


def _placed(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row that is right but for what it says: sample numbers have no order."""
    orderly = {"value": 2.0, "low": 1.0, "high": 3.0, "ci_prob": 0.9}
    return orderly | row if table in ("inventory", "factor") else row


def test_many_parents_are_climbed_in_a_moment(
    connection: Connection, plant: Callable[..., None]
) -> None:
    # Each corpus has had two parents: 2⁴⁰ ways to the root.
    plant(connection, "corpus", corpus_id="0", parent_corpus="")
    plant(connection, "corpus", corpus_id="1", parent_corpus="0")
    for step in range(2, 42):
        for known_at, back in ((OLD, 1), (NEW, 2)):
            plant(
                connection, "corpus", corpus_id=str(step), parent_corpus=str(step - back),
                known_at=known_at,
            )  # fmt: skip
    start = time.monotonic()
    assert offending(connection, "lineage_is_a_tree") == []
    assert time.monotonic() - start < 2


def test_an_empty_warehouse_and_the_catalogue_pass(connection: Connection) -> None:
    require_clean(connection)
    connection.rollback()
    assert catalogue.load(connection).status == "loaded"
    require_clean(connection)
    connection.rollback()
    before = content_sha256(connection)
    connection.rollback()
    assert catalogue.load(connection).status == "unchanged"
    assert content_sha256(connection) == before


def test_a_catalogue_of_another_version_is_merged_and_a_changed_row_refused(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.load(connection)
    # As if the installed one were newer: another checksum, and one factor known since later.
    newer = catalogue.tables()
    corrected = newer["factor"][0] | {"known_at": date(2030, 1, 1), "basis": "corrected"}
    newer["factor"].append(corrected)
    monkeypatch.setattr(catalogue, "sha256", lambda: "newer")
    monkeypatch.setattr(catalogue, "tables", lambda: newer)
    result = catalogue.load(connection)
    assert (result.status, result.added) == ("loaded", 1)
    assert catalogue.is_loaded(connection)
    connection.rollback()
    before = content_sha256(connection)
    connection.rollback()
    monkeypatch.setattr(catalogue, "sha256", lambda: "newest")
    newer["factor"][1] = newer["factor"][1] | {"unit": "bushels"}
    with pytest.raises(CheckFailed, match=r"catalogue factor row .* changed in place"):
        catalogue.load(connection)
    assert content_sha256(connection) == before
