"""Forecasts, planned runs and decisions come back as they were stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from warehouse import store
from warehouse.connection import reader
from warehouse.errors import NotFound
from warehouse.publish import generation, publish

SampleRow = Callable[..., dict[str, Any]]
Rows = Callable[..., list[tuple[Any, ...]]]


def _forecast(
    connection: Connection, sample_row: SampleRow, forecast_id: str, scenario: str = "base"
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    head = sample_row(connection, "forecast", forecast_id=forecast_id, scenario=scenario)
    del head["created_at"]

    def some(table: str, *different: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            sample_row(connection, table, forecast_id=forecast_id, **given) for given in different
        ]

    return head, {
        "forecast_domain": some("forecast_domain", {"domain": "web"}, {"domain": "books"}),
        "forecast_quantile": some(
            "forecast_quantile", *({"year": year} for year in range(2060, 2020, -1))
        ),
        "forecast_wall": some("forecast_wall", {"p10": None, "p50": None, "p90": None}),
        "forecast_input": some(
            "forecast_input", {"name": "b", "low": None, "known_at": None}, {"name": "a"}
        ),
    }


def _save(
    connection: Connection,
    sample_row: SampleRow,
    now: datetime,
    *named: str,
    scenario: str = "base",
) -> None:
    for forecast_id in named:
        head, parts = _forecast(connection, sample_row, forecast_id, scenario)
        connection.rollback()
        store.save_forecast(connection, head, parts, now)


def test_a_forecast_comes_back_in_its_order(
    connection: Connection, sample_row: SampleRow, now: datetime, tmp_path: Path
) -> None:
    head, parts = _forecast(connection, sample_row, "f1")
    connection.rollback()
    store.save_forecast(connection, head, parts, now)
    _save(connection, sample_row, now, "f2")
    assert store.has_forecast(connection, "f1")
    assert store.read_forecast(connection, "f1") == (head | {"created_at": now}, parts)
    connection.rollback()
    publish(connection, tmp_path / "published.duckdb")
    with reader(tmp_path / "published.duckdb") as copy:
        assert store.read_forecast(copy, "f1") == (head | {"created_at": now}, parts)
        with pytest.raises(NotFound, match="'f3'"):
            store.read_forecast(copy, "f3")


def test_storing_a_forecast_again_changes_nothing(
    connection: Connection, sample_row: SampleRow, now: datetime
) -> None:
    _save(connection, sample_row, now, "f1")
    before = generation(connection)
    connection.rollback()
    _save(connection, sample_row, now + timedelta(days=1), "f1")
    assert generation(connection) == before
    assert store.read_forecast(connection, "f1")[0]["created_at"] == now


def test_a_forecast_is_stored_whole_or_not_at_all(
    connection: Connection, sample_row: SampleRow, now: datetime
) -> None:
    head, parts = _forecast(connection, sample_row, "f1")
    connection.rollback()
    parts["forecast_input"][0]["drawn_p50"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        store.save_forecast(connection, head, parts, now)
    assert not store.has_forecast(connection, "f1")
    assert generation(connection) == 1


def test_finding_a_forecast(connection: Connection, sample_row: SampleRow, now: datetime) -> None:
    with pytest.raises(NotFound, match="run `datawall forecast` first"):
        store.find_forecast(connection, None)
    connection.rollback()
    _save(connection, sample_row, now, "aaaa1111", "aaaa2222")
    _save(connection, sample_row, now, "bbbb3333", scenario="essay")
    _save(connection, sample_row, now - timedelta(days=1), "cccc4444")
    # Of those of one moment, the one stored last.
    assert store.find_forecast(connection, None) == "bbbb3333"
    assert store.find_forecast(connection, "base") == "aaaa2222"
    assert store.find_forecast(connection, "essay") == "bbbb3333"
    assert store.find_forecast(connection, "cccc") == "cccc4444"
    assert store.find_forecast(connection, "aaaa1111") == "aaaa1111"
    with pytest.raises(NotFound, match="'aaaa' is the beginning of several"):
        store.find_forecast(connection, "aaaa")
    for unknown in ("ccc", "dddd", "%", ""):
        with pytest.raises(NotFound, match=r"is no stored forecast; stored scenarios: base, essay"):
            store.find_forecast(connection, unknown)


def test_planned_runs_have_versions(connection: Connection, now: datetime, rows_of: Rows) -> None:
    spec = {"tokens": 1e13, "why": 'it\'s "big"', "mixture": {"web": 0.7}}
    first = {"b": ("s1", json.dumps(spec)), "a": ("s2", "{}")}
    assert store.save_runs(connection, first, now) == {"b": "new", "a": "new"}
    before = generation(connection)
    connection.rollback()
    assert store.save_runs(connection, first, now) == {"b": "unchanged", "a": "unchanged"}
    assert generation(connection) == before
    connection.rollback()
    assert store.save_runs(connection, {"a": ("s3", "[1]")}, now) == {"a": "changed"}
    found = store.read_runs(connection)
    assert [(run["run"], run["version"], run["spec"]) for run in found] == [
        ("a", 2, [1]), ("b", 1, spec),
    ]  # fmt: skip
    connection.rollback()
    versions = rows_of(connection, "SELECT run, version, sha256 FROM planned_run")
    assert versions == [("a", 1, "s2"), ("a", 2, "s3"), ("b", 1, "s1")]


def test_decisions_come_back(connection: Connection, sample_row: SampleRow, now: datetime) -> None:
    _save(connection, sample_row, now, "f1", "f2")

    def decision(decision_id: str, run: str, forecast_id: str = "f1") -> dict[str, Any]:
        row = sample_row(
            connection, "decision", decision_id=decision_id, run=run, forecast_id=forecast_id,
            reasons=json.dumps(["it's late", 'a "reason"']), gates=json.dumps([{"gate": "g"}]),
            earliest_date=None, expires_at=date(2025, 6, 1),
        )  # fmt: skip
        connection.rollback()
        del row["decided_at"]
        return row

    store.save_decisions(connection, [decision("d1", "b"), decision("d2", "a")], now)
    before = generation(connection)
    connection.rollback()
    store.save_decisions(connection, [decision("d1", "b")], now + timedelta(days=2))
    assert generation(connection) == before
    connection.rollback()
    later = now + timedelta(days=1)
    store.save_decisions(connection, [decision("d1", "b"), decision("d3", "a", "f2")], later)
    assert [row["decision_id"] for row in store.read_decisions(connection)] == ["d3", "d2", "d1"]
    found = store.read_decisions(connection, "f1")
    assert [row["decision_id"] for row in found] == ["d2", "d1"]
    connection.rollback()
    given = decision("d1", "b")
    shown = found[1] | {"reasons": given["reasons"], "gates": given["gates"]}
    assert found[1]["reasons"] == ["it's late", 'a "reason"']
    assert found[1]["gates"] == [{"gate": "g"}]
    assert shown == given | {"decided_at": now, "scenario": "base", "as_of": date(2024, 5, 6)}


def test_nothing_stored_is_nothing_found(connection: Connection) -> None:
    store.save_decisions(connection, [], datetime(2025, 1, 1))
    assert store.save_runs(connection, {}, datetime(2025, 1, 1)) == {}
    assert generation(connection) == 1
    assert store.read_runs(connection) == []
    assert store.read_decisions(connection) == []
    assert store.read_sources(connection) == []
