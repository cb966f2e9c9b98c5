"""Commands on the published copy: sql, export, derived."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
from flows.output import as_json, say, table

app = typer.Typer()


@app.command()
@guarded
def sql(
    query: Annotated[str, typer.Argument(help='One statement, such as "FROM out_data_wall".')],
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Ask the published copy; it is read-only and reaches no other file."""
    import sys

    from flows.errors import UsageError
    from flows.output import finite, write_csv
    from flows.steps.prepare import ensure_ready
    from warehouse.read import run

    if csv and json:
        raise UsageError("--csv and --json exclude each other; give one")
    place = open_workspace(workspace)
    ensure_ready(place)
    answer = run(place.published, query, day(known_at))
    if json:
        rows = (map(finite, row) for row in answer.rows)
        say(as_json([dict(zip(answer.columns, row, strict=True)) for row in rows]))
    elif csv:
        write_csv(sys.stdout, answer.columns, answer.rows)
    else:
        table(answer.columns, answer.rows)


@app.command()
@guarded
def export(
    view: Annotated[str, typer.Argument(help="A public view, such as out_inventory.")],
    to: Annotated[Path, typer.Option(help="File to write: .csv, .parquet, .xlsx or .json.")],
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Write a public view to a file; a spreadsheet runs none of its text as a formula."""
    from dataclasses import asdict

    from flows.export import export as write

    written = write(open_workspace(workspace), view, to.absolute(), day(known_at))
    if json:
        say(as_json(asdict(written)))
        return
    say(f"{written.rows:,} rows of {written.view}: {written.file}")


@app.command()
@guarded
def derived(
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """What follows from the counts: growth, tokens by domain and language, papers of a century."""
    from flows.steps.derive import derived as compute

    document = compute(open_workspace(workspace), as_of_day(known_at))
    if json:
        say(as_json(document))
        return
    for part, rows in document.items():
        say(f"\n{part}")
        if rows:
            table(tuple(rows[0]), [tuple(row.values()) for row in rows])
