"""The published copy: what readers open while a load holds the warehouse.

Published by COPY FROM DATABASE into a temporary file that atomically replaces the old copy, so a
reader sees one whole generation or the next.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
from sqlalchemy import Connection, text

from warehouse.connection import reader
from warehouse.errors import WarehouseLocked, WarehouseUnusable
from warehouse.migrate import is_current_schema


def bump(connection: Connection) -> None:
    """Count one committed change; part of the change's own transaction."""
    connection.execute(text("UPDATE generation SET number = number + 1"))


def generation(connection: Connection) -> int:
    """Number of changes committed so far."""
    return int(connection.execute(text("SELECT number FROM generation")).scalar_one())


def is_current(connection: Connection, published: Path) -> bool:
    """Whether the published copy shows the latest committed change."""
    if not published.exists():
        return False
    try:
        with reader(published) as copy:
            return is_current_schema(copy) and generation(copy) == generation(connection)
    except (WarehouseUnusable, WarehouseLocked):
        # It is only a copy: a damaged one, or one that somebody opened for writing, is replaced.
        return False


def publish(connection: Connection, published: Path) -> bool:
    """Replace the published copy if it is behind; True when it was replaced.

    Safe to repeat after a crash at any point: an unfinished temporary file is overwritten.
    """
    if is_current(connection, published):
        return False
    # The read above opened a transaction; COPY FROM DATABASE wants one of its own.
    connection.rollback()
    temporary = published.with_suffix(".publishing")
    try:
        _remove(temporary)
        _copy(connection, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(published)
    except (duckdb.Error, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WarehouseUnusable(
            f"cannot publish to {published}: {reason[:300]}; check its folder and free space"
        ) from error
    return True


def _remove(temporary: Path) -> None:
    for leftover in (temporary, temporary.with_name(f"{temporary.name}.wal")):
        leftover.unlink(missing_ok=True)


def _copy(connection: Connection, temporary: Path) -> None:
    """Copy all tables and views into a new file, complete without a write-ahead log beside it."""
    name = str(connection.execute(text("SELECT current_database()")).scalar_one())
    connection.rollback()
    raw = connection.connection.driver_connection
    if raw is None:
        raise WarehouseUnusable("the warehouse connection was closed while publishing; run again")
    quoted = str(temporary).replace("'", "''")
    raw.execute(f"ATTACH '{quoted}' AS publishing")
    try:
        raw.execute(f'COPY FROM DATABASE "{name}" TO publishing')
        # Detaching does this too, but says nothing when it fails.
        raw.execute("CHECKPOINT publishing")
    finally:
        raw.execute("DETACH publishing")
