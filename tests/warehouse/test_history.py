"""What was known when: derived from vintages, equal in whatever order they were loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from warehouse import guards
from warehouse.connection import set_known_at, writer
from warehouse.content import content_sha256
from warehouse.load import Artefact, load
from warehouse.migrate import migrate

Make = Callable[..., Artefact]
Rows = Callable[..., list[tuple[Any, ...]]]
HISTORY = "SELECT corpus_id, metric, known_at, known_until, value FROM core_inventory_history"
EVERYTHING = "FROM core_inventory_history"
FIGURES = "SELECT corpus_id, metric, stage, valid_on, value, low, high, unit FROM out_inventory"
REVISIONS = "SELECT corpus_id, known_at, revised_at, value, revised_to, change FROM out_revisions"
JAN, FEB, MAR, APR = (date(2024, month, 1) for month in (1, 2, 3, 4))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, now: datetime) -> Path:
    """A warehouse whose guards let everything pass: figures of three pages move a lot."""
    path = tmp_path_factory.mktemp("template") / "warehouse.duckdb"
    with writer(path) as connection:
        migrate(connection)
        guards.set_band(connection, "*", 0.999999, 1e9, "tests", "", now)
    return path


def _loaded(
    fresh: Callable[[], Path], files: Sequence[Artefact], now: datetime, *asked: str
) -> list[Any]:
    """Content and answers of a warehouse into which files were loaded one by one."""
    with writer(fresh()) as connection:
        for file in files:
            load(connection, "lab", [file], now)
        # These vintages jump on purpose; a held one shows only once somebody has looked at it.
        while guards.acknowledge(connection, "lab", "tests", "", now):
            pass
        answers = [sorted(map(tuple, connection.execute(text(sql))), key=repr) for sql in asked]
        return [content_sha256(connection), *answers]


def _history(
    connection: Connection, rows_of: Rows, now: datetime, *files: Artefact
) -> list[tuple[Any, ...]]:
    load(connection, "lab", files, now)
    return rows_of(connection, HISTORY)


def test_a_revised_value_closes_and_opens(
    connection: Connection, rows_of: Rows, artefact: Make, now: datetime
) -> None:
    found = _history(
        connection, rows_of, now,
        artefact("2024-01-01", {"a": 10, "b": 5}), artefact("2024-02-01", {"a": 12, "b": 5}),
    )  # fmt: skip
    assert found == [
        ("a", "pages", JAN, FEB, 10.0),
        ("a", "pages", FEB, None, 12.0),
        ("b", "pages", JAN, None, 5.0),
    ]
    assert rows_of(connection, REVISIONS) == [("a", JAN, FEB, 10.0, 12.0, pytest.approx(0.2))]


def test_a_value_that_comes_back(
    connection: Connection, rows_of: Rows, artefact: Make, now: datetime
) -> None:
    found = _history(
        connection, rows_of, now,
        artefact("2024-03-01", {"a": 10}), artefact("2024-01-01", {"a": 10}),
        artefact("2024-02-01", {"a": 8}),
    )  # fmt: skip
    assert found == [
        ("a", "pages", JAN, FEB, 10.0),
        ("a", "pages", FEB, MAR, 8.0),
        ("a", "pages", MAR, None, 10.0),
    ]


def test_a_withdrawn_row_that_comes_back(
    connection: Connection, rows_of: Rows, artefact: Make, now: datetime
) -> None:
    files = (
        artefact("2024-01-01", {"a": 10, "b": 1}),
        artefact("2024-02-01", {"b": 1}),
        artefact("2024-03-01", {"a": 10, "b": 1}),
    )
    assert _history(connection, rows_of, now, *files[:2]) == [
        ("a", "pages", JAN, FEB, 10.0), ("b", "pages", JAN, None, 1.0),
    ]  # fmt: skip
    assert rows_of(connection, REVISIONS) == [("a", JAN, FEB, 10.0, None, None)]
    # Equal value, but between the two nobody stated it.
    assert _history(connection, rows_of, now, *files) == [
        ("a", "pages", JAN, FEB, 10.0),
        ("a", "pages", MAR, None, 10.0),
        ("b", "pages", JAN, None, 1.0),
    ]


def test_a_dropped_metric_stays_in_force(
    connection: Connection, rows_of: Rows, artefact: Make, now: datetime
) -> None:
    found = _history(
        connection, rows_of, now,
        artefact("2024-01-01", {("a", "pages"): 10, ("a", "urls"): 7}),
        artefact("2024-02-01", {("a", "pages"): 11}),
        artefact("2024-03-01", {("a", "pages"): 11, ("b", "urls"): 9}),
    )  # fmt: skip
    assert found == [
        ("a", "pages", JAN, FEB, 10.0),
        ("a", "pages", FEB, None, 11.0),
        # Not withdrawn by February, which has no URLs at all; by March, which has.
        ("a", "urls", JAN, MAR, 7.0),
        ("b", "urls", MAR, None, 9.0),
    ]


def test_an_interval_or_unit_alone_is_a_revision(
    connection: Connection, rows_of: Rows, artefact: Make, now: datetime
) -> None:
    found = _history(
        connection, rows_of, now,
        artefact("2024-01-01", {"a": 10}), artefact("2024-02-01", {"a": 10}, interval=2),
        artefact("2024-03-01", {"a": 10}, interval=2, unit="kilopages"),
    )  # fmt: skip
    assert [row[2:4] for row in found] == [(JAN, FEB), (FEB, MAR), (MAR, None)]
    units = rows_of(connection, "SELECT known_at, unit FROM core_inventory_history")
    assert units == [(JAN, "pages"), (FEB, "pages"), (MAR, "kilopages")]


def test_series_and_sources_do_not_close_each_other(
    connection: Connection, rows_of: Rows, artefact: Make, now: datetime
) -> None:
    load(connection, "lab", [artefact("2024-01-01", {"a": 1})], now)
    load(connection, "lab", [artefact("2024-02-01", {"a": 2}, series="other")], now)
    load(connection, "rival", [artefact("2024-03-01", {"a": 3})], now)
    assert [row[3:] for row in rows_of(connection, HISTORY)] == [
        (None, 1.0), (None, 2.0), (None, 3.0),
    ]  # fmt: skip


def test_the_known_at_view_is_the_vintage_loaded_alone(
    connection: Connection,
    fresh: Callable[[], Path],
    rows_of: Rows,
    artefact: Make,
    now: datetime,
) -> None:
    files = [
        artefact("2024-01-01", {"a": 1, "b": 2, "c": 3}),
        artefact("2024-02-01", {"a": 1, "b": 4}),
        artefact("2024-03-01", {"a": 1, "b": 2, "c": 3, "d": 4}, interval=1),
        artefact("2024-04-01", {"a": 1, "d": 5}),
    ]
    load(connection, "lab", files[::-1], now)
    for place, file in enumerate(files):
        _, alone = _loaded(fresh, [file], now, FIGURES)
        _, *until_then = _loaded(fresh, files[: place + 1], now, EVERYTHING, REVISIONS)
        for days in (0, 15):
            set_known_at(connection, file.parsed.vintage + timedelta(days=days))
            assert rows_of(connection, FIGURES) == alone
            assert [rows_of(connection, EVERYTHING), rows_of(connection, REVISIONS)] == until_then
    set_known_at(connection, JAN - timedelta(days=1))
    assert rows_of(connection, FIGURES) == []


def test_every_order_of_three_vintages_gives_the_same(
    fresh: Callable[[], Path], artefact: Make, now: datetime
) -> None:
    files = [
        artefact("2024-01-01", {"a": 1, "b": 2, ("a", "urls"): 9}),
        artefact("2024-02-01", {"b": 3, "c": 1}),
        artefact("2024-03-01", {"a": 1, "b": 2, ("a", "urls"): 9}),
    ]
    first = _loaded(fresh, files, now, EVERYTHING, REVISIONS, FIGURES)
    for order in permutations(files):
        assert _loaded(fresh, order, now, EVERYTHING, REVISIONS, FIGURES) == first


VINTAGES = st.lists(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["pages", "urls"])),
        st.sampled_from([0.0, 1.0, 2.5]),
        max_size=4,
    ),
    min_size=2,
    max_size=4,
)


@pytest.mark.campaign
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(VINTAGES, st.randoms(use_true_random=False))
def test_any_vintages_in_any_order(
    fresh: Callable[[], Path],
    artefact: Make,
    now: datetime,
    vintages: list[dict[tuple[str, str], float]],
    shuffler: Any,
) -> None:
    files = [
        artefact(f"2024-{month:02}-01", figures) for month, figures in enumerate(vintages, start=1)
    ]
    shuffled = list(files)
    shuffler.shuffle(shuffled)
    content, history, figures = _loaded(fresh, shuffled, now, HISTORY, FIGURES)
    with writer(fresh()) as connection:
        load(connection, "lab", shuffled, now)
        assert content_sha256(connection) == content
    assert figures == sorted(_figures_by_hand(vintages), key=repr)
    for corpus, metric, known_at, known_until, value in history:
        # Each row is a run of vintages that state it: the first does, the one before and after not.
        stating = [
            f"2024-{month:02}-01"
            for month, vintage in enumerate(vintages, start=1)
            if vintage.get((corpus, metric)) == value
        ]
        assert str(known_at) in stating
        assert known_until is None or str(known_until) not in stating


def _figures_by_hand(vintages: list[dict[tuple[str, str], float]]) -> list[tuple[Any, ...]]:
    """What stands at the end: of each metric, the newest vintage that has it at all."""
    newest: dict[str, dict[tuple[str, str], float]] = {}
    for vintage in vintages:
        for metric in {metric for _, metric in vintage}:
            newest[metric] = {key: n for key, n in vintage.items() if key[1] == metric}
    return [
        (corpus, metric, "raw", date(2020, 1, 1), value, None, None, "pages")
        for figures in newest.values()
        for (corpus, metric), value in figures.items()
    ]


def test_a_catalogue_figure_is_revised_by_its_own_origin(
    connection: Connection, plant: Callable[..., None], rows_of: Rows
) -> None:
    placed = {"source": "catalogue", "series": "catalogue", "corpus_id": "books"}
    plant(connection, "inventory", **placed, origin_id="x", known_at=JAN, value=1.0)
    plant(connection, "inventory", **placed, origin_id="x", known_at=FEB, value=2.0)
    # Somebody else's figure of that day is no revision of it.
    plant(connection, "inventory", **placed, origin_id="y", known_at=FEB, value=9.0)
    connection.commit()
    assert rows_of(connection, REVISIONS) == [("books", JAN, FEB, 1.0, 2.0, 1.0)]
    standing = "SELECT origin_id, value FROM core_inventory_now"
    assert rows_of(connection, standing) == [("x", 2.0), ("y", 9.0)]
    set_known_at(connection, JAN)
    assert rows_of(connection, standing) == [("x", 1.0)]


def test_training_runs_show_the_newest_vintage_of_each_series(
    connection: Connection,
    artefact: Make,
    model: Callable[..., Any],
    now: datetime,
    rows_of: Rows,
) -> None:
    files = [
        artefact("2024-01-01", {}, runs=(model("A"), model("B"))),
        artefact("2024-02-01", {}, runs=(model("A", 5e24),)),
        artefact("2024-01-01", {}, runs=(model("Z"),), series="notable"),
    ]
    load(connection, "lab", files, now)
    asked = "SELECT series, model, compute_flop FROM out_training_runs"
    assert rows_of(connection, asked) == [("counts", "A", 5e24), ("notable", "Z", 1e24)]
    set_known_at(connection, JAN)
    assert rows_of(connection, asked) == [
        ("counts", "A", 1e24), ("counts", "B", 1e24), ("notable", "Z", 1e24),
    ]  # fmt: skip
