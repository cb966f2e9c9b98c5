"""The registry of sources, the state of each, and the word of people on held vintages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from flows.connectors.registry import CONNECTORS, connector
from flows.errors import UsageError
from flows.steps.prepare import ready, writing
from flows.workspace import Workspace
from forecasts.results import SourceRow
from warehouse import catalogue, guards, measured
from warehouse.connection import reader
from warehouse.content import content_sha256
from warehouse.store import read_sources

# Stands for every source without a band of its own.
EVERY = "*"


def source_rows(workspace: Workspace, as_of: date) -> list[SourceRow]:
    """State of every source at a date, those never loaded included, and of measured corpora."""
    with ready(workspace, as_of) as connection:
        stored = {row["source"]: row for row in read_sources(connection)}
    newest, count = catalogue.extent(as_of)
    rows = [SourceRow(catalogue.SOURCE, "Datawall", newest, _age(newest, as_of), count, "embedded")]
    for name, source in CONNECTORS.items():
        rows.append(
            _row(source.publisher, stored[name], as_of)
            if name in stored
            else SourceRow(name, source.publisher, None, None, 0, "never loaded")
        )
    if measured.SOURCE in stored:
        rows.append(_row(measured.PUBLISHER, stored[measured.SOURCE], as_of))
    return rows


def _row(publisher: str, stored: Mapping[str, Any], as_of: date) -> SourceRow:
    return SourceRow(
        source=str(stored["source"]),
        publisher=publisher,
        last_vintage=stored["last_vintage"],
        age_days=_age(stored["last_vintage"], as_of),
        rows=int(stored["rows"]),
        status=str(stored["last_status"]),
        last_change=stored["last_change"],
        change=stored["change"],
        changed=str(stored["changed"]),
        state=str(stored["state"]),
    )


def _age(vintage: date | None, as_of: date) -> int | None:
    return None if vintage is None else (as_of - vintage).days


def source_list(workspace: Workspace, as_of: date) -> dict[str, Any]:
    """The registry as one document, with the hash of all facts loaded so far."""
    listed = [asdict(row) | _whence(row.source) for row in source_rows(workspace, as_of)]
    with reader(workspace.published) as connection:
        return {"sources": listed, "content_sha256": content_sha256(connection)}


def _whence(source: str) -> dict[str, str]:
    if source in CONNECTORS:
        return {"url": CONNECTORS[source].url, "licence": CONNECTORS[source].licence}
    if source == measured.SOURCE:
        return {"url": "docs/commands.md#datawall-measure", "licence": "your own"}
    return {"url": "docs/catalogue.md", "licence": "per row"}


def _require_known(source: str) -> None:
    if source != measured.SOURCE:
        connector(source)


def acknowledge(
    workspace: Workspace, source: str, by: str, note: str, now: datetime
) -> list[guards.Held]:
    """Let forecasts use the held vintages of a source; returns them.

    Raises: UsageError for an unknown source or a blank name.
    """
    _require_known(source)
    with writing(workspace) as connection:
        return guards.acknowledge(connection, source, _name(by), note, now)


def set_band(
    workspace: Workspace, source: str, fall: float, rise: float, by: str, note: str, now: datetime
) -> bool:
    """Set by how much a source's totals may move; False if it was so already.

    Raises: UsageError for an unknown source, a blank name or a band that is none.
    """
    if source != EVERY:
        _require_known(source)
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
