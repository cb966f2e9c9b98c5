"""Doctor: what a user needs to know when something does not work."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict, dataclass
from datetime import date
from importlib import metadata
from typing import Any

from flows.steps.sources import source_rows
from flows.workspace import Workspace
from forecasts.results import SourceRow
from models.errors import DatawallError
from warehouse import catalogue, checks, measured
from warehouse.connection import reader
from warehouse.migrate import is_current_schema
from warehouse.statements import names

# A source this old has missed several of its publisher's releases.
STALE_DAYS = 400
FREE_BYTES = 1_000_000_000
# The versions that work together are narrow; the server's refuses to start outside them.
_PINNED = {"prefect": "3.8.", "fastapi": "0.141.", "duckdb": "1.5.", "sqlalchemy": "2.0."}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was seen, whether it is well."""

    what: str
    ok: bool
    seen: str

    def document(self) -> dict[str, Any]:
        """The finding for JSON."""
        return asdict(self)


def examine(workspace: Workspace, today: date) -> list[Finding]:
    """Look at everything without changing anything."""
    return [
        _python(),
        *(_package(name, prefix) for name, prefix in _PINNED.items()),
        _disk(workspace),
        *_warehouse(workspace, today),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("python", good, version if good else f"{version}; use 3.11 to 3.13")


def _package(name: str, prefix: str) -> Finding:
    version = metadata.version(name)
    good = version.startswith(prefix)
    return Finding(name, good, version if good else f"{version}; install from requirements/*.lock")


def _disk(workspace: Workspace) -> Finding:
    place = next(p for p in (workspace.root, *workspace.root.parents) if p.exists())
    free = shutil.disk_usage(place).free
    seen = f"{free / 1e9:.1f} GB free at {place}"
    return Finding("disk", free >= FREE_BYTES, seen if free >= FREE_BYTES else f"{seen}; make room")


def _warehouse(workspace: Workspace, today: date) -> list[Finding]:
    if not workspace.published.exists():
        seen = f"none at {workspace.published}; run: datawall ingest"
        return [Finding("warehouse", False, seen)]
    try:
        with reader(workspace.published) as connection:
            current = is_current_schema(connection) and catalogue.is_loaded(connection)
            broken = [name for name in names("checks") if checks.offending(connection, name)]
        if not current:
            return [Finding("warehouse", False, "made by another version; run: datawall ingest")]
        state = "published, current" if not broken else f"checks fail: {', '.join(broken)}"
        sources = [_source(row) for row in source_rows(workspace, today)]
    except DatawallError as error:
        return [Finding("warehouse", False, str(error))]
    return [Finding("warehouse", not broken, state), *sources]


def _source(row: SourceRow) -> Finding:
    what = f"source {row.source}"
    if row.age_days is None:
        # The catalogue stands in for it, so this is no fault.
        return Finding(what, True, "never loaded; the catalogue stands in")
    seen = f"{row.age_days} days old"
    if row.state == "held":
        seen = f"{seen}, its newest vintage is held from forecasts; look at out_vintages, then: "
        return Finding(what, False, f"{seen}datawall sources ack {row.source} --by NAME")
    good = row.age_days <= STALE_DAYS
    repair = "measure it again" if row.source == measured.SOURCE else "ingest a newer vintage"
    return Finding(what, good, seen if good else f"{seen}; {repair}")
