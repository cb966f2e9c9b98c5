"""Commands on sources: ingest, sources."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows import command
from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    KnownAt,
    WorkspaceOption,
    as_of_day,
    day,
    guarded,
    open_workspace,
)
from flows.output import as_json, note, say, table

app = typer.Typer()


@app.command()
@guarded
def ingest(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources; all if none.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of the publishers' own files.")
    ] = None,
    known_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Vintage of the files, if they do not tell."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network; files and catalogue only.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Load the catalogue and publishers' files; a rerun changes nothing."""
    from flows.documents import ingest_document
    from flows.steps.ingest import failure
    from flows.steps.ingest import ingest as load

    del offline  # every source is read from files, so there is no network to forbid
    named = sources or []
    results = load(open_workspace(workspace), named, folder, day(known_at), command.now(), note)
    if json:
        say(as_json(ingest_document(results)))
    else:
        table(
            ("source", "status", "vintage", "rows", "added", "closed", "quarantined", "message"),
            [
                (r.source, r.status, r.vintage, r.rows, r.added, r.closed, r.quarantined, r.message)
                for r in results
            ],
        )
        say("next: datawall forecast")
    problem = failure(results, named)
    if problem is not None:
        raise problem


@app.command()
@guarded
def sources(
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """The registry: publisher, feed, licence, last vintage, age, status."""
    from flows.steps.sources import source_list

    listed = source_list(open_workspace(workspace), as_of_day(known_at))
    if json:
        say(as_json(listed))
        return
    columns = ("source", "publisher", "licence", "last_vintage", "age_days", "rows", "status")
    table(columns, [tuple(row[c] for c in columns) for row in listed["sources"]])
    say(f"content {listed['content_sha256'][:16]}")
