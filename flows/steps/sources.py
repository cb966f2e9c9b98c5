"""The registry of sources, the state of each, and the word of people on held vintages."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from flows.connectors.registry import CONNECTORS, connector
from flows.errors import UsageError
from flows.steps.prepare import ready, writing
from flows.workspace import Workspace
from forecasts.results import SourceRow
from warehouse import catalogue, guards
from warehouse.connection import reader
from warehouse.content import content_sha256
from warehouse.store import read_sources

# Stands for every source without a band of its own.
EVERY = "*"


def source_rows(workspace: Workspace, as_of: date) -> list[SourceRow]:
    """State of every source at a date, those never loaded included."""
    with ready(workspace, as_of) as connection:
        stored = {row["source"]: row for row in read_sources(connection)}
    newest, count = catalogue.extent(as_of)
    rows = [SourceRow(catalogue.SOURCE, "Datawall", newest, _age(newest, as_of), count, "embedded")]
    for name, source in CONNECTORS.items():
        row = stored.get(name)
        if row is None:
            rows.append(SourceRow(name, source.publisher, None, None, 0, "never loaded"))
            continue
        rows.append(
            SourceRow(
                source=name,
                publisher=source.publisher,
                last_vintage=row["last_vintage"],
                age_days=_age(row["last_vintage"], as_of),
                rows=int(row["rows"]),
                status=str(row["last_status"]),
                last_change=row["last_change"],
                change=row["change"],
                changed=str(row["changed"]),
                state=str(row["state"]),
            )
        )
    return rows


def _age(vintage: date | None, as_of: date) -> int | None:
    return None if vintage is None else (as_of - vintage).days


def source_list(workspace: Workspace, as_of: date) -> dict[str, Any]:
    """The registry as one document, with the hash of all facts loaded so far."""
    listed = []
    for row in source_rows(workspace, as_of):
        source = CONNECTORS.get(row.source)
        given = {
            "url": "docs/catalogue.md" if source is None else source.url,
            "licence": "per row" if source is None else source.licence,
        }
        listed.append(asdict(row) | given)
    with reader(workspace.published) as connection:
        return {"sources": listed, "content_sha256": content_sha256(connection)}


def acknowledge(
    workspace: Workspace, source: str, by: str, note: str, now: datetime
) -> list[guards.Held]:
    """Let forecasts use the held vintages of a source; returns them.

    Raises: UsageError for an unknown source or a blank name.
    """
    connector(source)
    with writing(workspace) as connection:
        return guards.acknowledge(connection, source, _name(by), note, now)


def set_band(
    workspace: Workspace, source: str, fall: float, rise: float, by: str, note: str, now: datetime
) -> bool:
    """Set by how much a source's totals may move; False if it was so already.

    Raises: UsageError for an unknown source, a blank name or a band that is none.
    """
    if source != EVERY:
        connector(source)
    if not (0 < fall < 1 and 0 < rise < float("inf")):
        raise UsageError(
            f"a band from −{fall:g} to +{rise:g} is none; --fall lies between 0 and 1, --rise is "
            "above 0 (0.5 is +50 %)"
        )
    with writing(workspace) as connection:
        return guards.set_band(connection, source, fall, rise, _name(by), note, now)


def _name(by: str) -> str:
    if not by.strip():
        raise UsageError("--by is blank; give the name of who looked at the figures")
    return by.strip()
