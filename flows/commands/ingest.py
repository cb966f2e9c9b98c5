"""Commands on sources: ingest, sources, and what people say of held vintages."""

from __future__ import annotations

from dataclasses import asdict
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
sources_app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.add_typer(sources_app, name="sources")


@app.command()
@guarded
def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Sources; all small ones if none.")
    ] = None,
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
    template: Annotated[
        bool, typer.Option("--template", help="Print a file for your own inventory, and stop.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Load the catalogue, and sources from the network or --from a folder."""
    if template:
        _print_template(json)
        return
    from flows.documents import ingest_document
    from flows.http import fetcher
    from flows.steps.ingest import failure
    from flows.steps.ingest import ingest as load

    named = sources or []
    place = open_workspace(workspace)
    with fetcher(online=folder is None and not offline) as http:
        results = load(place, named, folder, day(known_at), command.now(), note, http)
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


def _print_template(json: bool) -> None:
    from models import own_inventory

    if json:
        say(as_json({"columns": [asdict(column) for column in own_inventory.OWN_COLUMNS]}))
    else:
        say(own_inventory.template().rstrip())


@sources_app.callback()
@guarded
def sources(
    context: typer.Context,
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """The registry: publisher, feed, licence, last vintage, age, last change, status."""
    if context.invoked_subcommand is not None:
        return
    from flows.steps.sources import source_list
    from forecasts.reports.words import source_change, source_status
    from forecasts.results import SourceRow

    listed = source_list(open_workspace(workspace), as_of_day(known_at))
    if json:
        say(as_json(listed))
        return
    rows = [
        SourceRow(**{key: row[key] for key in SourceRow.__slots__}) for row in listed["sources"]
    ]
    table(
        ("source", "publisher", "licence", "last_vintage", "age_days", "rows", "status",
         "last change"),
        [
            (row.source, row.publisher, given["licence"], row.last_vintage, row.age_days, row.rows,
             source_status(row), source_change(row))
            for row, given in zip(rows, listed["sources"], strict=True)
        ],
    )  # fmt: skip
    say(f"content {listed['content_sha256'][:16]}")


By = Annotated[str, typer.Option("--by", help="Who looked at the figures.")]
Note = Annotated[str, typer.Option("--note", help="Why they are right.")]


@sources_app.command()
@guarded
def ack(
    source: Annotated[str, typer.Argument(help="Source with a held vintage.")],
    by: By,
    reason: Note = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Let forecasts use the held vintages of a source; out_vintages shows what moved."""
    from flows.steps.sources import acknowledge

    vintages = acknowledge(open_workspace(workspace), source, by, reason, command.now())
    if json:
        say(as_json({"source": source, "acknowledged": [asdict(v) for v in vintages]}))
        return
    for vintage in vintages:
        say(f"acknowledged: {vintage.words()}")
    say("next: datawall forecast" if vintages else f"nothing of {source} is held")


@sources_app.command()
@guarded
def band(
    source: Annotated[str, typer.Argument(help="Source, or '*' for all without a band.")],
    fall: Annotated[float, typer.Option(help="Largest fall of a total, 0–1.")],
    rise: Annotated[float, typer.Option(help="Largest rise, a ratio: 0.5 is +50 %.")],
    by: By,
    reason: Note = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Set by how much a source's totals may move before a vintage is held."""
    from flows.steps.sources import set_band

    changed = set_band(open_workspace(workspace), source, fall, rise, by, reason, command.now())
    if json:
        say(as_json({"source": source, "fall": fall, "rise": rise, "changed": changed}))
        return
    say(f"{source}: totals may move by −{fall:.0%} to +{rise:.0%} a year")
