"""Commands on the published copy: sql."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    KnownAt,
    WorkspaceOption,
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
