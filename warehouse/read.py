"""Running a user's SQL on the published copy, read-only and without access to other files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from warehouse.connection import reader
from warehouse.errors import NotFound, QueryFailed, WarehouseUnusable
from warehouse.statements import literal

BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Table:
    """Column names and rows of a query's answer."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def run(published: Path, sql: str, known_at: date | None = None) -> Table:
    """Answer SQL; of several statements, the last one's answer.

    Raises: QueryFailed with the database's own first lines; WarehouseUnusable without a copy.
    """
    with asking(published, known_at) as connection:
        result = connection.exec_driver_sql(sql)
        if not result.returns_rows:
            return Table((), [])
        return Table(tuple(result.keys()), [tuple(row) for row in result])


@contextmanager
def asking(published: Path, known_at: date | None) -> Iterator[Connection]:
    """Connection for a user's own SQL, which may not change settings either.

    Raises: QueryFailed for whatever the database refuses; WarehouseUnusable without a copy.
    """
    try:
        with reader(published, known_at) as connection:
            # Some settings name files to write, such as that of the profiler. They are locked for
            # all connections of this process to the file, so once is enough.
            lock = "SELECT current_setting('lock_configuration')"
            if not connection.exec_driver_sql(lock).scalar_one():
                connection.exec_driver_sql("SET lock_configuration = true")
            yield connection
    except (duckdb.Error, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise QueryFailed(f"the query was refused: {' '.join(reason[:2])[:400]}") from error


def views(connection: Connection) -> list[str]:
    """Names of the public views."""
    found = connection.execute(
        text("SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'out\\_%' ESCAPE '\\'")
    )
    return sorted(str(row.view_name) for row in found)


@contextmanager
def view(
    published: Path, name: str, known_at: date | None = None
) -> Iterator[tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]]:
    """Columns and rows of a public view, a batch at a time.

    Raises: NotFound with the closest name.
    """
    with reader(published, known_at) as connection:
        _require_view(connection, name)
        result = connection.execution_options(stream_results=True).exec_driver_sql(
            f'SELECT * FROM "{name}" ORDER BY ALL'  # noqa: S608  (one of the views there are)
        )
        yield (
            tuple(result.keys()),
            (tuple(row) for rows in result.partitions(BATCH) for row in rows),
        )


def _require_view(connection: Connection, name: str) -> None:
    known = views(connection)
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise NotFound(f"no view is named {name!r}{hint}; there are: {', '.join(known)}")


def view_to_parquet(published: Path, name: str, known_at: date | None, file: Path) -> int:
    """Write all rows of a public view to a Parquet file, types kept; returns how many.

    Readers of the copy may write no file, so a connection of its own attaches it: it runs this one
    statement, in which only names that exist stand.
    Raises: NotFound with the closest name; WarehouseUnusable when the file cannot be written.
    """
    with reader(published) as connection:
        _require_view(connection, name)
    try:
        with duckdb.connect() as database:
            database.execute("SET enable_progress_bar = false")
            database.execute(f"ATTACH {literal(str(published))} AS published (READ_ONLY)")
            database.execute("USE published")
            database.execute("SET TimeZone = 'UTC'")
            if known_at is not None:
                database.execute(f"SET VARIABLE known_at = DATE {literal(known_at.isoformat())}")
            rows = f'SELECT * FROM "{name}" ORDER BY ALL'  # noqa: S608  (one of the views there are)
            to = f"{literal(str(file))} (FORMAT parquet)"
            written = database.execute(f"COPY ({rows}) TO {to}").fetchone()
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0]
        raise WarehouseUnusable(
            f"cannot write {file}: {reason[:300]}; check its folder and free space"
        ) from error
    return 0 if written is None else int(written[0])
