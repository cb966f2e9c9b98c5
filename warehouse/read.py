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
from warehouse.errors import NotFound, QueryFailed


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


def view(published: Path, name: str, known_at: date | None = None) -> Table:
    """All rows of a public view.

    Raises: NotFound with the closest name.
    """
    with reader(published, known_at) as connection:
        known = views(connection)
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise NotFound(f"no view is named {name!r}{hint}; there are: {', '.join(known)}")
        result = connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608
        return Table(tuple(result.keys()), [tuple(row) for row in result])
