"""Opening the ledger: SQLite in the workspace, or PostgreSQL by URL.

A block that writes is one transaction that starts by locking the head of the chain of events. All
writers therefore wait for one another, on both databases, and what a block has read of budgets,
approvals and intents still holds when it commits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from warehouse.errors import LedgerUnusable
from warehouse.ledger import tables

# The newest migration; a test compares it with the files.
REVISION = "0025"
LOCK_WAIT_S = 30.0
_ADVISORY_LOCK = 7_241_025


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the ledger is: a file of the workspace, or a database server."""

    url: URL

    @property
    def place(self) -> str:
        """The address without its password, for messages."""
        if self.url.drivername.startswith("sqlite"):
            return str(self.url.database)
        return self.url.render_as_string(hide_password=True)


def open_ledger(file: Path, url: str | None = None) -> Ledger:
    """The ledger at a URL if one is given, else in a file.

    Raises: LedgerUnusable for a URL that is neither SQLite's nor PostgreSQL's
    """
    if not url:
        return Ledger(URL.create("sqlite", database=str(file)))
    try:
        given = make_url(url)
    except ArgumentError as error:
        raise LedgerUnusable(
            "DATAWALL_LEDGER_URL is no database address; give one such as "
            "postgresql://user@host:5432/datawall"
        ) from error
    kind = given.get_backend_name()
    if kind == "sqlite":
        return Ledger(given)
    if kind in ("postgresql", "postgres"):
        return Ledger(given.set(drivername="postgresql+psycopg"))
    raise LedgerUnusable(f"DATAWALL_LEDGER_URL names {kind!r}; allowed: sqlite, postgresql")


def _engine(ledger: Ledger) -> Engine:
    if ledger.url.get_backend_name() != "sqlite":
        options: dict[str, Any] = {"connect_timeout": 10, "application_name": "datawall"}
        return create_engine(ledger.url, poolclass=NullPool, connect_args=options)
    engine = create_engine(ledger.url, poolclass=NullPool, connect_args={"timeout": LOCK_WAIT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # The driver's own transactions begin late and never IMMEDIATE.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    # Durable at every commit: an intent must not be forgotten after its job was submitted.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _begun(ledger: Ledger, *, reading: bool) -> Iterator[Connection]:
    engine = _engine(ledger)
    try:
        with engine.connect() as opened:
            connection = opened.execution_options(reading=reading)
            if reading and connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                _require_schema(connection)
                yield connection
    except DBAPIError as error:
        if not isinstance(error.orig, Exception) or _is_ours(error):
            raise
        reason = str(error.orig).strip().splitlines()
        raise LedgerUnusable(
            f"cannot use the launch ledger {ledger.place}: {reason[0][:200] if reason else error}; "
            "nothing more was started; then run: datawall reconcile"
        ) from error
    finally:
        engine.dispose()


def _is_ours(error: DBAPIError) -> bool:
    """Whether a statement was wrong, as against a database that cannot be used now."""
    return type(error).__name__ in ("IntegrityError", "ProgrammingError", "DataError")


def _require_schema(connection: Connection) -> None:
    """Make or upgrade the tables; one process at a time, the others find them done."""
    if _revision(connection) == REVISION:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    elif connection.get_execution_options().get("reading", False):
        # Reading began without the lock that writing takes.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    found = _revision(connection)
    if found is not None and found > REVISION:
        raise LedgerUnusable(
            f"the launch ledger was made by a newer version (revision {found}); upgrade datawall"
        )
    if found != REVISION:
        upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision inside the caller's transaction."""
    # Only a ledger that is made or upgraded needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    with resources.as_file(resources.files("warehouse.ledger") / "migrations") as folder:
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def reading(ledger: Ledger) -> Iterator[Connection]:
    """One consistent state of the ledger; never waits for a writer once the tables are there."""
    with _begun(ledger, reading=True) as connection:
        yield connection


@contextmanager
def locked(ledger: Ledger) -> Iterator[Connection]:
    """A transaction in which nobody else writes the ledger."""
    with _begun(ledger, reading=False) as connection:
        # SQLite's BEGIN IMMEDIATE has locked already, and it knows no FOR UPDATE.
        connection.execute(select(tables.head).with_for_update())
        yield connection
