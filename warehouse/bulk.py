"""Millions of figures from one Parquet file: read, judged and inserted by the database itself.

The file's rows never pass through Python, so that a load costs little more than a copy of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import duckdb
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.own_inventory import OWN_COLUMNS, REQUIRED
from models.records import (
    DOMAINS,
    METRICS,
    STAGES,
    STATUSES,
    AccessClass,
    InformationOrigin,
)
from warehouse.errors import CheckFailed
from warehouse.statements import literal, script

# Enough for every step of it; what does not fit goes to disk.
MEMORY_LIMIT = "600MB"
_TYPES = {"valid_on": "DATE", "value": "DOUBLE", "low": "DOUBLE", "high": "DOUBLE",
          "ci_prob": "DOUBLE"}  # fmt: skip
_DEFAULTS = {
    "unit": "metric",
    "name": "corpus_id",
    "parent_corpus": "''",
    "access_class": "'unknown'",
    "information_origin": "'human'",
    "status": "'estimate'",
    "basis": "''",
}


def insert_parquet(connection: Connection, file: Path, place: Mapping[str, Any]) -> tuple[int, int]:
    """Insert figures and corpora of a Parquet file of own columns; returns how many figures
    and how many rejected rows.

    Rows that cannot be read go to quarantine with their reason.
    Raises: CheckFailed for a file that is no Parquet, lacks columns, or has more rows that cannot
    be read than others.
    """
    values = {key: literal(str(value)) for key, value in place.items()}
    _lean(connection)
    try:
        found = _columns(connection, file)
        connection.exec_driver_sql(script("bulk", "staged").format(**_staged(file, found)))
        values["described_by"] = ", ".join(name for name in _CORPUS if name in found)

        def run(name: str) -> None:
            connection.exec_driver_sql(script("bulk", name).format(**values))

        run("described")
        figures, rejected = _count(connection)
        # Judging rows a second time would cost a sixth of the load, where all can be read.
        values["readable"] = "problem IS NULL" if rejected else "TRUE"
        run("figures")
        run("corpora")
        if rejected:
            run("rejected")
    except DBAPIError as error:
        if isinstance(error.orig, _DAMAGE) or type(error.orig) is duckdb.Error:
            reason = str(error.orig).strip().splitlines()[0]
            raise CheckFailed(
                f"{file.name}: cannot be read as Parquet: {reason[:300]}; write the file again"
            ) from error
        raise
    if rejected > figures:
        raise CheckFailed(
            f"{rejected} of {figures + rejected} rows of the Parquet file cannot be read, at most "
            f"half may be; the first: {_first_problem(connection)}"
        )
    return figures, rejected


# What a damaged file raises; where its own encoding is broken, an error without a class.
_DAMAGE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.NotImplementedException,
    duckdb.OutOfMemoryException,
    duckdb.OutOfRangeException,
    duckdb.SerializationException,
)
_CORPUS = (
    "corpus_id", "name", "domain", "parent_corpus", "access_class", "information_origin",
)  # fmt: skip
_WORDS = {
    "domains": DOMAINS,
    "metrics": METRICS,
    "stages": STAGES,
    "statuses": STATUSES,
    "access_classes": get_args(AccessClass),
    "information_origins": get_args(InformationOrigin),
}


def _lean(connection: Connection) -> None:
    for setting in (f"memory_limit = '{MEMORY_LIMIT}'", "preserve_insertion_order = false"):
        connection.exec_driver_sql(f"SET {setting}")


def _count(connection: Connection) -> tuple[int, int]:
    """Rows that can be read, and rows that cannot."""
    counted = "SELECT coalesce(sum(figures), 0), coalesce(sum(rejected), 0) FROM described"
    row = connection.exec_driver_sql(counted).one()
    return int(row[0]), int(row[1])


def _columns(connection: Connection, file: Path) -> set[str]:
    """Columns of the file, of which the required ones are there."""
    read = f"read_parquet({literal(str(file))})"
    described = connection.exec_driver_sql(f"DESCRIBE SELECT * FROM {read}")  # noqa: S608
    found = {str(row[0]) for row in described}
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise CheckFailed(
            f"the Parquet file lacks columns: {', '.join(missing)}; it has: "
            f"{', '.join(sorted(found))[:300]}; `datawall ingest --template` shows what is needed"
        )
    return found


def _staged(file: Path, found: set[str]) -> dict[str, str]:
    """Parts of the staging view: the file, its columns in the warehouse's types, allowed words."""
    columns = [*(_expression(c.name, found) for c in OWN_COLUMNS), "file_row_number + 1 AS line"]
    words = {name: ", ".join(map(literal, allowed)) for name, allowed in _WORDS.items()}
    return words | {"file": literal(str(file)), "columns": ",\n        ".join(columns)}


def _expression(name: str, found: set[str]) -> str:
    kind, default = _TYPES.get(name, "VARCHAR"), _DEFAULTS.get(name)
    if name not in found:
        return f'CAST({default or "NULL"} AS {kind}) AS "{name}"'
    read = f'TRY_CAST("{name}" AS {kind})'
    return f'{read if default is None else f"coalesce({read}, {default})"} AS "{name}"'


def _first_problem(connection: Connection) -> str:
    found = connection.exec_driver_sql(
        "SELECT line, problem FROM staged WHERE problem IS NOT NULL ORDER BY line LIMIT 1"
    ).one()
    return f"row {found[0]}: {found[1]}"
