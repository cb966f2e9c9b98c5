"""The registry of sources and the state of each."""

from __future__ import annotations

from datetime import date
from typing import Any

from flows.connectors.registry import CONNECTORS
from flows.steps.prepare import ready
from flows.workspace import Workspace
from forecasts.results import SourceRow
from warehouse import catalogue
from warehouse.connection import reader
from warehouse.content import content_sha256
from warehouse.store import read_sources


def source_rows(workspace: Workspace, as_of: date) -> list[SourceRow]:
    """State of every source at a date, those never loaded included."""
    with ready(workspace, as_of) as connection:
        stored = {row["source"]: row for row in read_sources(connection)}
    newest, count = catalogue.extent(as_of)
    rows = [SourceRow(catalogue.SOURCE, "Datawall", newest, _age(newest, as_of), count, "embedded")]
    for name, connector in CONNECTORS.items():
        row = stored.get(name)
        vintage = None if row is None else row["last_vintage"]
        rows.append(
            SourceRow(
                source=name,
                publisher=connector.publisher,
                last_vintage=vintage,
                age_days=_age(vintage, as_of),
                rows=0 if row is None else int(row["rows"]),
                status="never loaded" if row is None else str(row["last_status"]),
            )
        )
    return rows


def _age(vintage: date | None, as_of: date) -> int | None:
    return None if vintage is None else (as_of - vintage).days


def source_list(workspace: Workspace, as_of: date) -> dict[str, Any]:
    """The registry as one document, with the hash of all facts loaded so far."""
    listed = []
    for row in source_rows(workspace, as_of):
        connector = CONNECTORS.get(row.source)
        listed.append(
            {
                "source": row.source,
                "publisher": row.publisher,
                "url": "docs/catalogue.md" if connector is None else connector.url,
                "licence": "per row" if connector is None else connector.licence,
                "last_vintage": row.last_vintage,
                "age_days": row.age_days,
                "rows": row.rows,
                "status": row.status,
            }
        )
    with reader(workspace.published) as connection:
        return {"sources": listed, "content_sha256": content_sha256(connection)}
