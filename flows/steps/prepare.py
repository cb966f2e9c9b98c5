"""A warehouse that is ready: schema and catalogue of this version, published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date

from sqlalchemy import Connection

from flows.workspace import Workspace, make
from warehouse import catalogue
from warehouse.connection import reader, set_known_at, writer
from warehouse.errors import WarehouseUnusable
from warehouse.load import LoadResult
from warehouse.migrate import is_current_schema, migrate
from warehouse.publish import publish


@contextmanager
def writing(workspace: Workspace) -> Iterator[Connection]:
    """The warehouse for writing; what was committed is published when the block ends well."""
    make(workspace)
    with writer(workspace.warehouse) as connection:
        migrate(connection)
        yield connection
        publish(connection, workspace.published)


def prepare(workspace: Workspace) -> LoadResult:
    """Make or upgrade the warehouse, load the catalogue, publish; repeating changes nothing."""
    with writing(workspace) as connection:
        return catalogue.load(connection)


@contextmanager
def ready(workspace: Workspace, known_at: date | None = None) -> Iterator[Connection]:
    """The published copy for reading, made first if this version's catalogue is not in it.

    Looking needs no lock, so readers of a ready workspace never wait for a writer.
    """
    with ExitStack() as stack:
        connection = _open_current(stack, workspace)
        if connection is None:
            prepare(workspace)
            connection = stack.enter_context(reader(workspace.published))
        if known_at is not None:
            set_known_at(connection, known_at)
        yield connection


def _open_current(stack: ExitStack, workspace: Workspace) -> Connection | None:
    """The published copy, or None where it is missing, of another version or damaged."""
    if not workspace.published.exists():
        return None
    with ExitStack() as trial:
        try:
            connection = trial.enter_context(reader(workspace.published))
        except WarehouseUnusable:
            return None  # publishing replaces it
        if not (is_current_schema(connection) and catalogue.is_loaded(connection)):
            return None
        stack.enter_context(trial.pop_all())
        return connection


def ensure_ready(workspace: Workspace) -> None:
    """Prepare the workspace if it is not ready."""
    with ready(workspace):
        return
