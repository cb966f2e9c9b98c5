"""Commands on the installation: run, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import command
from flows.command import (
    CHECK,
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    guarded,
    open_workspace,
)
from flows.output import as_json, say

app = typer.Typer()


@app.command("run")
@guarded
def run_flow(
    flow: Annotated[str, typer.Argument(help="ingest, forecast, decide, report or weekly.")],
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of the publishers' own files.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="Name or .yaml file.")] = "baseline",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Run a Prefect flow in this process."""
    from flows.local import run

    lines = run(flow, open_workspace(workspace), folder, scenario)
    if json:
        say(as_json({"flow": flow, "result": lines}))
        return
    for line in lines:
        say(line)


@app.command()
@guarded
def doctor(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Environment, warehouse, sources and disk: one line each, ok or what to do."""
    from flows.steps.doctor import examine

    findings = examine(open_workspace(workspace), command.now().date())
    if json:
        say(as_json({"findings": [finding.document() for finding in findings]}))
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else '!! '} {finding.what}: {finding.seen}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(CHECK)
