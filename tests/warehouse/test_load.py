"""A load merges a source's vintages whole or not at all, and repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.records import RejectedRow, TrainingRunRecord
from warehouse import load as module
from warehouse.content import content_sha256
from warehouse.errors import CheckFailed, VintageConflict
from warehouse.load import Artefact, LoadResult, load, record_failure
from warehouse.publish import generation

Make = Callable[..., Artefact]
Rows = Callable[..., list[tuple[Any, ...]]]
RUNS = "SELECT source, status, added, closed, message FROM ingest_run"


def _content(connection: Connection) -> tuple[str, int]:
    found = content_sha256(connection), generation(connection)
    connection.rollback()
    return found


def test_a_first_load_says_what_it_did(
    connection: Connection, artefact: Make, now: datetime, rows_of: Rows
) -> None:
    files = [artefact("2024-02-01", {"a": 1, "b": 3}), artefact("2024-01-01", {"a": 1, "b": 2})]
    result = load(connection, "lab", files, now)
    assert result == LoadResult("lab", "loaded", date(2024, 2, 1), 4, 3, 1, 0, "2 of 2 file(s) new")
    assert rows_of(connection, RUNS) == [("lab", "loaded", 3, 1, "2 of 2 file(s) new")]
    assert rows_of(connection, "SELECT finished_at FROM ingest_run") == [(now,)]
    origins = rows_of(connection, "SELECT origin_id, sha256, snapshot_path, size_bytes FROM origin")
    assert len(origins) == 2
    for origin_id, sha256, path, size in origins:
        assert origin_id.endswith(sha256[:12])
        assert path == f"aa/{sha256}"
        assert size > 0


def test_a_rerun_changes_nothing(
    connection: Connection, artefact: Make, now: datetime, rows_of: Rows
) -> None:
    files = [artefact("2024-01-01", {"a": 1, "b": 2})]
    load(connection, "lab", files, now)
    before, log = _content(connection), rows_of(connection, RUNS)
    result = load(connection, "lab", [*files, *files], now)
    assert (result.status, result.added, result.message) == (
        "unchanged", 0, "2 file(s) already loaded",
    )  # fmt: skip
    assert _content(connection) == before
    assert rows_of(connection, RUNS) == log


def test_equal_bytes_of_one_vintage_count_once(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    file = artefact("2024-01-01", {"a": 1})
    assert load(connection, "lab", [file, file], now).message == "1 of 2 file(s) new"


def test_two_artefacts_of_one_vintage_conflict(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    first, second = artefact("2024-01-01", {"a": 1}), artefact("2024-01-01", {"a": 2})
    before = _content(connection)
    for files in ([first, second], [second, first]):
        with pytest.raises(VintageConflict, match=r"lab: .*counts.*2024-01-01.*--known-at"):
            load(connection, "lab", files, now)
        assert _content(connection) == before
    load(connection, "lab", [first], now)
    loaded = _content(connection)
    third = artefact("2024-02-01", {"a": 5})
    with pytest.raises(VintageConflict, match=second.origin.sha256[:8]):
        load(connection, "lab", [third, second], now)
    assert _content(connection) == loaded
    # Another source, or another series, may well publish on that day.
    assert load(connection, "other", [second], now).status == "loaded"
    assert load(connection, "lab", [artefact("2024-01-01", {"a": 2}, series="more")], now).added


def test_one_figure_twice_in_a_file_fails_the_load(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    good, twice = artefact("2024-01-01", {"a": 1}), artefact("2024-02-01", {"a": 1})
    parsed = replace(twice.parsed, inventory=twice.parsed.inventory * 2)
    before = _content(connection)
    with pytest.raises(CheckFailed, match=r"lab: its counts of 2024-02-01 states one thing twice"):
        load(connection, "lab", [good, replace(twice, parsed=parsed)], now)
    assert _content(connection) == before
    assert load(connection, "lab", [good], now).status == "loaded"


def test_a_failed_check_rolls_everything_back(
    connection: Connection, artefact: Make, now: datetime, rows_of: Rows
) -> None:
    load(connection, "lab", [artefact("2024-01-01", {"a": 1})], now)
    before, log = _content(connection), rows_of(connection, RUNS)
    bad = artefact("2024-03-01", {"a": 3})
    orphan = replace(bad.parsed, corpora=())
    orphan = replace(orphan, inventory=(replace(orphan.inventory[0], corpus_id="nobody"),))
    files = [artefact("2024-02-01", {"a": 2}), replace(bad, parsed=orphan)]
    with pytest.raises(CheckFailed, match=r"inventory_has_corpus_and_origin.*corpus_id nobody"):
        load(connection, "lab", files, now)
    assert _content(connection) == before
    assert rows_of(connection, RUNS) == log


def test_an_error_in_the_last_step_rolls_everything_back(
    connection: Connection, artefact: Make, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Connection) -> None:
        raise KeyboardInterrupt

    before = _content(connection)
    monkeypatch.setattr(module, "bump", stop)
    with pytest.raises(KeyboardInterrupt):
        load(connection, "lab", [artefact("2024-01-01", {"a": 1})], now)
    assert _content(connection) == before


def test_rejected_rows_are_kept(
    connection: Connection, artefact: Make, now: datetime, rows_of: Rows
) -> None:
    rejected = (RejectedRow(3, "no number", "a,'x'\n"), RejectedRow(9, "3 cells", "1,2,3"))
    file = artefact("2024-01-01", {"a": 1}, rejected=rejected)
    assert load(connection, "lab", [file], now).quarantined == 2
    assert rows_of(connection, "FROM out_quarantine") == [
        ("lab", "counts", date(2024, 1, 1), 3, "no number", "a,'x'\n"),
        ("lab", "counts", date(2024, 1, 1), 9, "3 cells", "1,2,3"),
    ]
    before = _content(connection)
    assert load(connection, "lab", [file], now).quarantined == 2
    assert _content(connection) == before


def test_training_runs_count_what_opened_and_closed(
    connection: Connection,
    artefact: Make,
    model: Callable[..., TrainingRunRecord],
    now: datetime,
    rows_of: Rows,
) -> None:
    first = artefact("2024-01-01", {}, runs=(model("A"), model("B")))
    second = artefact("2024-02-01", {}, runs=(model("A"), model("B", 2e24), model("C")))
    result = load(connection, "lab", [first], now)
    assert (result.added, result.closed) == (2, 0)
    result = load(connection, "lab", [second], now)
    assert (result.added, result.closed) == (2, 1)
    assert rows_of(connection, "SELECT model, compute_flop FROM out_training_runs") == [
        ("A", 1e24), ("B", 2e24), ("C", 1e24),
    ]  # fmt: skip


def test_a_vintage_without_rows_is_a_vintage(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    corpora = artefact("2024-01-01", {"a": 1}).parsed.corpora
    empty, listing = artefact("2024-01-01", {}), artefact("2024-01-01", {}, series="list")
    listing = replace(listing, parsed=replace(listing.parsed, corpora=corpora))
    result = load(connection, "lab", [empty, listing], now)
    assert (result.rows, result.added) == (1, 0)
    assert load(connection, "lab", [empty], now).status == "unchanged"


def test_a_failure_is_recorded_and_forgiven(
    connection: Connection, artefact: Make, now: datetime, rows_of: Rows
) -> None:
    sources = "SELECT source, last_vintage, last_status, message FROM out_sources"
    files = [artefact("2024-01-01", {"a": 1})]
    load(connection, "lab", files, now)
    before = _content(connection)
    failed = LoadResult("lab", "failed", None, 0, 0, 0, 0, "it's broken")
    record_failure(connection, failed, now.replace(hour=13))
    assert rows_of(connection, sources) == [("lab", date(2024, 1, 1), "failed", "it's broken")]
    assert _content(connection) == (before[0], before[1] + 1)
    # The file is as good as before: the source is no longer in trouble, though nothing is new.
    load(connection, "lab", files, now.replace(hour=14))
    assert rows_of(connection, sources) == [
        ("lab", date(2024, 1, 1), "unchanged", "1 file(s) already loaded")
    ]
    load(connection, "lab", files, now.replace(hour=15))
    assert len(rows_of(connection, RUNS)) == 3


def test_content_does_not_depend_on_when_or_in_what_order(
    fresh: Callable[[], Any], artefact: Make, now: datetime
) -> None:
    from warehouse.connection import writer

    # The third has the bytes of the first: a publisher took a revision back.
    first, second = artefact("2024-01-01", {"a": 1, "b": 2}), artefact("2024-02-01", {"a": 1.5})
    again = artefact("2024-03-01", {"a": 1, "b": 2})
    assert first.origin.sha256 == again.origin.sha256
    seen = set()
    for hour, order in enumerate(permutations([first, second, again])):
        with writer(fresh()) as connection:
            for file in order:
                load(connection, "lab", [file], now.replace(hour=hour))
            seen.add(content_sha256(connection))
    assert len(seen) == 1


def test_content_sees_every_fact(
    connection: Connection, plant: Callable[..., None], artefact: Make, now: datetime
) -> None:
    from warehouse.content import FACT_TABLES

    seen = [_content(connection)[0]]
    for table in FACT_TABLES:
        plant(connection, table)
        connection.commit()
        seen.append(_content(connection)[0])
    assert len(set(seen)) == len(FACT_TABLES) + 1
    connection.execute(text("UPDATE origin SET retrieved_at = NULL"))
    assert content_sha256(connection) == seen[-1]
