"""Rows reach their table as they are, whatever stands in them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from warehouse.insert import insert_rows

ODD = [
    "it's",
    '"quoted"',
    "two\nlines\r\nand\ttabs",
    "back\\slash \\n \\u0041",
    "Ünïcode 漢字 🎉 \u2028",
    "nul \x00 inside",
    "what ? is",
    ":name %(name)s %s 100%",
    "$$ $1 {brace}",
    "'); DROP TABLE origin; --",
    "NULL",
    "",
]
Row = Callable[..., dict[str, Any]]


def _stored(connection: Connection, column: str, table: str = "quarantine") -> list[Any]:
    return list(connection.execute(text(f'SELECT "{column}" FROM {table} ORDER BY ALL')).scalars())  # noqa: S608


def test_hostile_text_is_stored_literally(connection: Connection, sample_row: Row) -> None:
    rows = [
        sample_row(connection, "quarantine", line=line, raw=odd) for line, odd in enumerate(ODD)
    ]
    assert insert_rows(connection, "quarantine", rows) == len(ODD)
    found = connection.execute(text("SELECT raw FROM quarantine ORDER BY line")).scalars().all()
    assert found == ODD
    assert _stored(connection, "origin_id", "origin") == []


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_stored_literally(connection: Connection, sample_row: Row, odd: str) -> None:
    connection.execute(text("DELETE FROM ingest_run"))
    insert_rows(connection, "ingest_run", [sample_row(connection, "ingest_run", message=odd)])
    assert _stored(connection, "message", "ingest_run") == [odd]


def test_half_a_surrogate_becomes_a_question_mark(connection: Connection, sample_row: Row) -> None:
    insert_rows(connection, "quarantine", [sample_row(connection, "quarantine", raw="file\udc80")])
    assert _stored(connection, "raw") == ["file?"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_stored_exactly(
    connection: Connection, sample_row: Row, real: float, whole: int
) -> None:
    connection.execute(text("DELETE FROM factor"))
    connection.execute(text("DELETE FROM quarantine"))
    insert_rows(connection, "factor", [sample_row(connection, "factor", value=real)])
    insert_rows(connection, "quarantine", [sample_row(connection, "quarantine", line=whole)])
    assert _stored(connection, "value", "factor") == [real]
    assert _stored(connection, "line") == [whole]


def test_nothing_dates_times_and_json(connection: Connection, sample_row: Row) -> None:
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
    origin = sample_row(
        connection, "origin", published_on=None, size_bytes=None, retrieved_at=moment
    )
    insert_rows(connection, "origin", [origin])
    stored = connection.execute(text("FROM origin")).mappings().one()
    assert dict(stored) == origin
    coefficients = json.dumps({"α": 0.34, "note": 'it\'s \\ "so"\n'})
    fit = sample_row(connection, "law_fit", coefficients=coefficients, known_at=date(2022, 3, 29))
    insert_rows(connection, "law_fit", [fit])
    sql = "SELECT CAST(coefficients AS VARCHAR) AS given, known_at FROM law_fit"
    assert tuple(connection.execute(text(sql)).one()) == (coefficients, date(2022, 3, 29))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_refused(
    connection: Connection, sample_row: Row, value: float
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        insert_rows(connection, "factor", [sample_row(connection, "factor", value=value)])


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("origin", "size_bytes", 2**63),
        ("factor", "value", "many"),
        ("factor", "valid_on", "2024-13-01"),
        ("law_fit", "coefficients", "{no json"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_not_dropped(
    connection: Connection, sample_row: Row, table: str, column: str, value: Any
) -> None:
    row = sample_row(connection, table, **{column: value})
    with pytest.raises(DBAPIError):
        insert_rows(connection, table, [row])


def test_rows_of_different_keys_are_refused(connection: Connection, sample_row: Row) -> None:
    whole = sample_row(connection, "quarantine")
    for other in (whole | {"more": 1}, {key: whole[key] for key in list(whole)[1:]}):
        with pytest.raises(ValueError, match="differ in their keys"):
            insert_rows(connection, "quarantine", [whole, other])


def test_an_unknown_type_is_refused(connection: Connection, sample_row: Row) -> None:
    with pytest.raises(TypeError, match="Path has no place"):
        insert_rows(connection, "origin", [sample_row(connection, "origin", url=Path("a"))])


def test_no_rows_are_no_statement(connection: Connection) -> None:
    assert insert_rows(connection, "no such table", []) == 0


def test_inserting_loads_no_pandas(fresh: Callable[[], Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from warehouse.connection import writer;"
        "from warehouse.insert import insert_rows\n"
        "with writer(Path(sys.argv[1])) as c:\n"
        "    insert_rows(c, 'planned_run', [{'run': 'a', 'version': 1, 'sha256': '', 'spec': '{}',"
        " 'imported_at': '2024-01-01T00:00:00Z', 'withdrawn': False}])\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(fresh())],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "False\n"
