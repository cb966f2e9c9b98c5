"""Inserting many rows in one statement.

Rows travel as one JSON literal that DuckDB types by the table's own columns. Binding parameters
runs a textual INSERT once per row (a millisecond each), and both that and registering a frame make
the driver import pandas (a third of a second), which a forecast of one second should not pay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from warehouse.statements import literal


def _plain(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the warehouse")


def _types(connection: Connection, table: str) -> dict[str, str]:
    """Column types; JSON columns take the text and check it on insertion.

    Asked once a connection and table: `writer` opens one, and `migrate` has run by then. To list
    the columns of all tables and views at once takes the database thirty times as long.
    """
    known: dict[str, dict[str, str]] = connection.info.setdefault("column_types", {})
    if table not in known:
        asked = connection.exec_driver_sql(f"SELECT name, type FROM pragma_table_info('{table}')")  # noqa: S608
        known[table] = {
            str(name): "VARCHAR" if kind == "JSON" else str(kind) for name, kind in asked
        }
    return known[table]


def insert_rows(connection: Connection, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows whose keys are columns of the table, the same in each; returns how many.

    Raises: ValueError for NaN or infinity, which no column of the warehouse may hold, and for rows
    with different keys; DBAPIError for a value that its column cannot hold
    """
    batch = [dict(row) for row in rows]
    if not batch:
        return 0
    if any(row.keys() != batch[0].keys() for row in batch):
        raise ValueError(f"rows for {table} differ in their keys; give every row the same columns")
    types = _types(connection, table)
    shape = json.dumps([{column: types[column] for column in batch[0]}])
    content = json.dumps(batch, default=_plain, allow_nan=False, ensure_ascii=False)
    # Half of a surrogate pair (from a file name that is no UTF-8) has no place in any text: "?".
    content = content.encode("utf-8", "replace").decode()
    names = ", ".join(f'"{column}"' for column in batch[0])
    connection.exec_driver_sql(
        f'INSERT INTO "{table}" ({names}) SELECT {names} FROM '  # noqa: S608
        # Strict: the other form makes a value that does not fit its column null.
        f"(SELECT unnest(from_json_strict({literal(content)}, {literal(shape)}), max_depth := 2))"
    )
    return len(batch)
