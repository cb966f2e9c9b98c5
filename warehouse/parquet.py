"""Reading one column of a Parquet file in blocks, by a database that sees only that file."""

from __future__ import annotations

import glob
from collections.abc import Iterator

import duckdb

from warehouse.errors import WarehouseError
from warehouse.statements import literal

_ROWS = 1000
# Columns that a refusal names, and characters it shows of each.
_NAMED, _SHOWN = 10, 40


class ParquetUnreadable(WarehouseError):
    """A file that is no Parquet, is damaged, or lacks the column; its message says which."""


def column(path: str, name: str) -> Iterator[object]:
    """Values of a column in file order; at most a thousand rows at a time are in memory.

    Raises: ParquetUnreadable
    """
    if glob.has_magic(path):
        # The database would take the name for a pattern.
        raise ParquetUnreadable("Parquet under a name with *, ? or [ in it")
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "512MB"})
    try:
        connection.execute(f"SET allowed_paths = [{literal(path)}]")
        connection.execute("SET enable_external_access = false")
        file = f"read_parquet({literal(path)})"
        described = connection.execute(f"DESCRIBE SELECT * FROM {file}").fetchall()  # noqa: S608
        columns = [row[0] for row in described]
        # Asked for here, because the database has columns of its own and knows no case.
        if name not in columns:
            seen = ", ".join(repr(each[:_SHOWN]) for each in columns[:_NAMED])
            raise ParquetUnreadable(f"no Parquet column {name!r}, only {seen}")
        quoted = '"' + name.replace('"', '""') + '"'
        rows = connection.execute(f"SELECT {quoted} FROM {file}")  # noqa: S608
        while block := rows.fetchmany(_ROWS):
            yield from (row[0] for row in block)
    except duckdb.Error as error:
        raise ParquetUnreadable("no Parquet, or damaged") from error
    finally:
        connection.close()
