"""A user's SQL reads the published copy and nothing else."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from warehouse.connection import reader, writer
from warehouse.errors import NotFound, QueryFailed, WarehouseUnusable
from warehouse.frames import frame
from warehouse.load import Artefact, load
from warehouse.publish import publish
from warehouse.read import Table, run, view


@pytest.fixture(scope="module")
def loaded(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    artefact: Callable[..., Artefact],
    now: datetime,
) -> Path:
    """A published copy of two vintages, to copy."""
    path = Path(shutil.copy(template, tmp_path_factory.mktemp("loaded") / "warehouse.duckdb"))
    copy = path.with_name("published.duckdb")
    files = [artefact("2024-01-01", {"a": 1, "b": 2}), artefact("2024-02-01", {"a": 2, "b": 2})]
    with writer(path) as connection:
        load(connection, "lab", files, now)
        publish(connection, copy)
    return copy


@pytest.fixture
def published(loaded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(loaded, tmp_path / "published.duckdb"))


def test_an_answer_has_columns_and_rows(published: Path) -> None:
    sql = "SELECT corpus_id, value, known_at FROM out_inventory ORDER BY 1"
    assert run(published, sql) == Table(
        ("corpus_id", "value", "known_at"),
        [("a", 2.0, date(2024, 2, 1)), ("b", 2.0, date(2024, 1, 1))],
    )
    assert run(published, sql, date(2024, 1, 31)).rows[0] == ("a", 1.0, date(2024, 1, 1))
    assert run(published, "SELECT '?' AS a, ':x' AS b, '100%' AS c").rows == [("?", ":x", "100%")]


@pytest.mark.parametrize("sql", ["", "   ", "-- nothing", ";"])
def test_nothing_asked_nothing_answered(published: Path, sql: str) -> None:
    assert run(published, sql) == Table((), [])


def test_of_several_statements_the_last_answers(published: Path) -> None:
    assert run(published, "SELECT 1 AS a; SELECT 2 AS b;") == Table(("b",), [(2,)])
    sql = "SET VARIABLE known_at = DATE '2024-01-15'; SELECT sum(value) AS s FROM out_inventory"
    assert run(published, sql).rows == [(3.0,)]
    # The first that is refused ends it, whatever comes after.
    with pytest.raises(QueryFailed, match="read-only"):
        run(published, "DELETE FROM inventory; SELECT 1")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO generation VALUES (9)",
        "DELETE FROM inventory",
        "UPDATE origin SET url = ''",
        "DROP VIEW out_inventory",
        "CREATE TABLE t (a INT)",
        "CREATE OR REPLACE VIEW out_inventory AS SELECT 1",
        "VACUUM FULL",
    ],
)
def test_writes_are_refused(published: Path, sql: str) -> None:
    before = published.read_bytes()
    with pytest.raises(QueryFailed, match=r"^the query was refused: .+"):
        run(published, sql)
    assert published.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{inside}')",
        "SELECT * FROM '{inside}'",
        "SELECT * FROM read_text('{inside}')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY inventory TO '{outside}'",
        "EXPORT DATABASE '{outside}'",
        "ATTACH '{outside}' AS other",
        "INSTALL httpfs",
        "LOAD '{inside}'",
        "SET enable_external_access = true",
        "SET temp_directory = '{outside}'",
        "SET lock_configuration = false",
        "SET profiling_output = '{outside}'",
        "PRAGMA enable_profiling = 'json'; SET profiling_output = '{outside}'; SELECT 1",
        "CREATE PERSISTENT SECRET s (TYPE http)",
    ],
)
def test_files_and_settings_are_out_of_reach(published: Path, tmp_path: Path, sql: str) -> None:
    inside, outside = tmp_path / "secret.csv", tmp_path / "new"
    inside.write_text("a,b\n1,2\n")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(QueryFailed, match=r"^the query was refused: .+"):
        run(published, sql.format(inside=inside, outside=outside, folder=tmp_path))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELEC 1", "syntax error at or near"),
        ("SELECT * FROM out_inventry", 'Did you mean "out_inventory"'),
        ("SELECT nothing FROM out_inventory", '"nothing" not found'),
        ("SELECT ?", "parameters: 1"),
        ("SELECT 'a'::INT", "Could not convert string 'a' to INT32"),
    ],
)
def test_a_mistake_is_one_clear_sentence(published: Path, sql: str, says: str) -> None:
    with pytest.raises(QueryFailed) as raised:
        run(published, sql)
    message = str(raised.value)
    assert message.startswith("the query was refused: ")
    assert says in message
    assert "\n" not in message
    assert "sqlalche.me" not in message
    assert len(message) < 450


def test_reading_twice_at_once_in_one_process(published: Path) -> None:
    # The first locks the settings of the copy; the second must not need to change any.
    with reader(published):
        assert run(published, "SELECT 1").rows == [(1,)]
        with reader(published, date(2024, 1, 1)):
            assert run(published, "SELECT 2").rows == [(2,)]


def test_a_view_by_name(published: Path) -> None:
    with view(published, "out_inventory", date(2024, 1, 1)) as (columns, rows):
        assert columns[0] == "corpus_id"
        assert len(list(rows)) == 2
    with (
        pytest.raises(NotFound, match=r"'out_inventry'; did you mean out_inventory\?"),
        view(published, "out_inventry"),
    ):
        pass
    # Tables and inner views are no public interface.
    for name in ("inventory", "core_factor", "out_claims; DROP TABLE origin"):
        with (
            pytest.raises(NotFound, match="there are: out_assumptions"),
            view(published, name),
        ):
            pass


def test_without_a_copy(tmp_path: Path) -> None:
    for ask in (run, frame):
        with pytest.raises(WarehouseUnusable, match="datawall ingest"):
            ask(tmp_path / "published.duckdb", "SELECT 1")
    assert list(tmp_path.iterdir()) == []


def test_a_frame_keeps_types(published: Path) -> None:
    sql = (
        "SELECT corpus_id, value, low, known_at, o.retrieved_at, size_bytes "
        "FROM out_inventory AS i JOIN origin AS o USING (origin_id) ORDER BY 1"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = frame(published, sql)
    assert list(found["corpus_id"]) == ["a", "b"]
    assert {name: kind.kind for name, kind in found.dtypes.items() if name != "corpus_id"} == {
        "value": "f", "low": "f", "known_at": "M", "retrieved_at": "M", "size_bytes": "i",
    }  # fmt: skip
    assert str(found["retrieved_at"].iloc[0]) == "2025-03-01 12:00:00+00:00"
    assert found["low"].isna().all()
    assert list(frame(published, sql, date(2024, 1, 5))["value"]) == [1.0, 2.0]


def test_a_frame_of_nothing_is_empty_and_a_mistake_is_said(published: Path) -> None:
    empty = frame(published, "SELECT corpus_id FROM out_inventory WHERE value > 99")
    assert (list(empty.columns), len(empty)) == (["corpus_id"], 0)
    assert frame(published, "").empty
    assert frame(published, "-- nothing").empty
    with pytest.raises(QueryFailed, match="refused: Parser Error"):
        frame(published, "SELEC 1")
    with pytest.raises(QueryFailed, match="read-only"):
        frame(published, "DELETE FROM inventory")
