"""SQL of fixed shape lives in files; Python only calls it by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import Connection, CursorResult

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


@cache
def script(folder: str, name: str) -> str:
    """Text of warehouse/<folder>/<name>.sql."""
    return (resources.files("warehouse") / folder / f"{name}.sql").read_text("utf-8")


def literal(content: str) -> str:
    """A standard SQL string: only the quote needs care, there are no escapes."""
    return "'" + content.replace("'", "''") + "'"


def _written(value: object) -> str:
    if type(value) is date:
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return literal(value)
    raise TypeError(f"{type(value).__name__} has no place in a query; give a text or a date")


def execute(
    connection: Connection, statement: str, values: Mapping[str, object] | None = None
) -> CursorResult[Any]:
    """Run a statement with its :parameters.

    Values are written into it: to bind them makes the driver import pandas, which takes a quarter
    of a second, a twentieth of a load of millions of figures.
    """
    given = values or {}
    written = _PARAMETER.sub(lambda found: _written(given[found[1]]), statement)
    return connection.exec_driver_sql(written)


def ask(
    connection: Connection, name: str, values: Mapping[str, object] | None = None
) -> CursorResult[Any]:
    """`execute` warehouse/queries/<name>.sql."""
    return execute(connection, script("queries", name), values)


@cache
def names(folder: str) -> tuple[str, ...]:
    """Names of the .sql files of a folder, sorted."""
    files = (resources.files("warehouse") / folder).iterdir()
    return tuple(sorted(f.name.removesuffix(".sql") for f in files if f.name.endswith(".sql")))
