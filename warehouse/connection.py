"""Opening the warehouse: one writer for a moment, readers on the published copy at any time.

DuckDB locks its file for one process. NullPool gives the lock back as soon as a block ends, and a
writer waits a little for another one to finish before it gives up.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from warehouse.errors import WarehouseLocked, WarehouseUnusable

LOCK_WAIT_S = 10.0
_POLL_S = 0.05
# What the disk or the file causes, as against a statement that is wrong.
_BROKEN = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.OutOfMemoryException,
    duckdb.SerializationException,
    # There is one writer, so a commit fails for want of space, not for a conflict.
    duckdb.TransactionException,
)


def _engine(path: Path, *, read_only: bool) -> Engine:
    connect_args: dict[str, object] = {"read_only": read_only}
    if read_only:
        # A user's query must not read or write files beside the warehouse.
        connect_args["config"] = {"enable_external_access": "false"}
    url = URL.create("duckdb", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args=connect_args)
    event.listen(engine, "connect", _settle)
    return engine


def _settle(connection: duckdb.DuckDBPyConnection, _: object) -> None:
    # Asked first: `read.run` locks the settings, for every connection of this process to the file.
    if connection.execute("SELECT current_setting('TimeZone')").fetchone() != ("UTC",):
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
    if connection.execute("SELECT current_setting('lock_configuration')").fetchone() == (False,):
        # The bar would stand among the answers: the database draws it on standard output.
        connection.execute("SET enable_progress_bar = false")


def _explain(error: Exception, path: Path) -> WarehouseLocked | WarehouseUnusable:
    message = str(getattr(error, "orig", None) or error)
    if "lock on file" in message:
        holder = re.search(r"PID (\d+)", message)
        who = f"process {holder.group(1)}" if holder else "another process"
        return WarehouseLocked(
            f"the warehouse {path} is being written by {who}; try again when it has finished"
        )
    first = message.strip().splitlines()[0] if message.strip() else type(error).__name__
    return WarehouseUnusable(
        f"cannot use the warehouse {path}: {first[:300]}; check the file, its folder's "
        "permissions and free space, or choose another --workspace"
    )


def _make(path: Path) -> None:
    """Make an empty database under another name, then give it its own.

    A kill while DuckDB writes the first headers would leave a file that nobody can open. It is
    linked, not renamed, so that it never replaces what another process made meanwhile.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.making")
    # Where this fails (another process was first, no links on this file system, no permission),
    # opening the file in place either works or says why not.
    with suppress(OSError, duckdb.Error):
        temporary.unlink(missing_ok=True)
        try:
            duckdb.connect(temporary).close()
            os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _connect(engine: Engine, path: Path, wait_s: float) -> Connection:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return engine.connect()
        except (DBAPIError, OSError) as error:
            problem = _explain(error, path)
            if isinstance(problem, WarehouseUnusable) or time.monotonic() >= deadline:
                raise problem from error
        time.sleep(_POLL_S)


@contextmanager
def _open(path: Path, wait_s: float, *, read_only: bool) -> Iterator[Connection]:
    if "?" in str(path):
        raise WarehouseUnusable(
            f"cannot use the warehouse {path}: DuckDB takes '?' in a path for the start of "
            "options; choose another --workspace"
        )
    engine = _engine(path, read_only=read_only)
    connection = _connect(engine, path, wait_s)
    try:
        yield connection
    except DBAPIError as error:
        if isinstance(error.orig, _BROKEN):
            raise _explain(error, path) from error
        raise
    finally:
        connection.close()
        engine.dispose()


def _lock_wait_s() -> float:
    given = os.environ.get("DATAWALL_LOCK_WAIT_S", "")
    try:
        return float(given) if given else LOCK_WAIT_S
    except ValueError as error:
        raise WarehouseUnusable(
            f"DATAWALL_LOCK_WAIT_S is {given!r}; give seconds to wait for another writer, such as "
            f"{LOCK_WAIT_S:g}"
        ) from error


@contextmanager
def writer(path: Path, wait_s: float | None = None) -> Iterator[Connection]:
    """Connection that may write; each block of statements is committed by `with conn.begin()`.

    Raises: WarehouseLocked after waiting for another writer, WarehouseUnusable otherwise.
    """
    wait_s = _lock_wait_s() if wait_s is None else wait_s
    if not path.exists():
        _make(path)
    with _open(path, wait_s, read_only=False) as connection:
        yield connection


@contextmanager
def reader(path: Path, known_at: date | None = None) -> Iterator[Connection]:
    """Read-only connection to a published copy, showing what was known on a date."""
    if not path.exists():
        raise WarehouseUnusable(
            f"there is no published warehouse at {path}; run `datawall ingest` first"
        )
    with _open(path, 0.0, read_only=True) as connection:
        if known_at is not None:
            set_known_at(connection, known_at)
        yield connection


def set_known_at(connection: Connection, known_at: date) -> None:
    """Make core_* and out_* views show the state of knowledge of a date."""
    connection.execute(text(f"SET VARIABLE known_at = DATE '{known_at.isoformat()}'"))
