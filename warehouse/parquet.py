"""Reading one column of a Parquet file in blocks, by a database that sees only that file."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from warehouse.errors import WarehouseError
from warehouse.statements import literal

_ROWS = 1000


class ParquetUnreadable(WarehouseError):
    """A file that is no Parquet, is damaged, or lacks the column."""


def column(path: str, name: str) -> Iterator[object]:
    """Values of a column in file order; at most a thousand rows at a time are in memory.

    Raises: ParquetUnreadable
    """
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "512MB"})
    try:
        connection.execute(f"SET allowed_paths = [{literal(path)}]")
        connection.execute("SET enable_external_access = false")
        quoted = '"' + name.replace('"', '""') + '"'
        # A pattern's signs in a file's own name must not match other files.
        rows = connection.execute(f"SELECT {quoted} FROM read_parquet({literal(path)})")  # noqa: S608
        while block := rows.fetchmany(_ROWS):
            yield from (row[0] for row in block)
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        raise ParquetUnreadable(first[:200]) from error
    finally:
        connection.close()
