"""Schema changes are applied once, in order, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from warehouse import migrate as module
from warehouse.connection import writer
from warehouse.errors import WarehouseUnusable
from warehouse.migrate import is_current_schema, migrate
from warehouse.statements import names, script


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """The scripts as `migrate` finds them; a test may change them."""
    found = {
        (folder, name): script(folder, name)
        for folder in ("migrations", "views")
        for name in names(folder)
    }

    def listed(folder: str) -> tuple[str, ...]:
        return tuple(sorted(name for place, name in found if place == folder))

    monkeypatch.setattr(module, "names", listed)
    monkeypatch.setattr(module, "script", lambda folder, name: found[folder, name])
    return found


def _schema(connection: Connection) -> list[tuple[object, ...]]:
    found = connection.execute(
        text(
            "SELECT table_name AS name, sql FROM duckdb_tables() UNION ALL "
            "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
        )
    )
    rows = [tuple(row) for row in found]
    connection.rollback()
    return rows


def test_a_new_file_becomes_a_current_warehouse(tmp_path: Path) -> None:
    with writer(tmp_path / "w.duckdb") as connection:
        assert not is_current_schema(connection)
        connection.rollback()
        assert migrate(connection)
        assert is_current_schema(connection)


def test_migrating_twice_changes_nothing(connection: Connection) -> None:
    before = _schema(connection)
    assert not migrate(connection)
    assert _schema(connection) == before


def test_an_edited_migration_is_refused(
    connection: Connection, scripts: dict[tuple[str, str], str]
) -> None:
    scripts["migrations", "0001_core"] += "\n-- an afterthought"
    with pytest.raises(WarehouseUnusable, match="0001_core differs"):
        migrate(connection)
    assert not is_current_schema(connection)


def test_a_newer_warehouse_is_refused(connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("INSERT INTO schema_migration VALUES ('0099_later', 'x')"))
    with pytest.raises(WarehouseUnusable, match=r"0099_later.*upgrade datawall"):
        migrate(connection)
    assert not is_current_schema(connection)


def test_a_changed_view_is_replaced_and_one_no_longer_there_is_dropped(
    connection: Connection, scripts: dict[tuple[str, str], str]
) -> None:
    scripts["views", "4_out_forecasts"] = (
        "CREATE OR REPLACE VIEW out_forecasts AS SELECT 42 AS a;\n"
    )
    del scripts["views", "4_out_quarantine"]
    with connection.begin():
        connection.execute(text("CREATE VIEW my_own AS SELECT 1 AS one"))
    assert migrate(connection)
    assert connection.execute(text("FROM out_forecasts")).scalar_one() == 42
    views = connection.execute(text("SELECT view_name FROM duckdb_views()")).scalars().all()
    assert "out_quarantine" not in views
    assert "my_own" in views
    connection.rollback()
    assert not migrate(connection)


def test_a_second_migration_runs_once(
    connection: Connection, scripts: dict[tuple[str, str], str]
) -> None:
    scripts["migrations", "0002_more"] = (
        "CREATE TABLE more (a BIGINT);\nINSERT INTO more VALUES (1);"
    )
    assert migrate(connection)
    assert not migrate(connection)
    assert connection.execute(text("SELECT count(*) FROM more")).scalar_one() == 1


@pytest.mark.parametrize("folder", ["migrations", "views"])
def test_a_failure_rolls_back_the_whole(
    connection: Connection, scripts: dict[tuple[str, str], str], folder: str
) -> None:
    before = _schema(connection)
    scripts["migrations", "0002_more"] = "CREATE TABLE more (a BIGINT);\n"
    scripts[folder, "9999_broken"] = "CREATE TABLE half (a BIGINT);\nSELECT * FROM nowhere;\n"
    with pytest.raises(DBAPIError, match="nowhere"):
        migrate(connection)
    assert _schema(connection) == before


def test_a_failure_on_a_new_file_leaves_it_empty(
    tmp_path: Path, scripts: dict[tuple[str, str], str]
) -> None:
    scripts["views", "9_broken"] = "CREATE VIEW broken AS SELECT * FROM nowhere;\n"
    with writer(tmp_path / "w.duckdb") as connection:
        with pytest.raises(DBAPIError, match="nowhere"):
            migrate(connection)
        assert _schema(connection) == []
