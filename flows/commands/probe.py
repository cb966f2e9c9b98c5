"""Commands on probe runs: run, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import command
from flows.command import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, guarded, open_workspace
from flows.output import as_json, note, say, table

app = typer.Typer(no_args_is_help=True, help="Probe runs: small real trainings that measure.")


@app.command("run")
@guarded
def probe_run(
    manifest: Annotated[Path, typer.Argument(help="Probe file, YAML or JSON.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; default: in the workspace.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Train one probe here and now, or go on with one that was stopped."""
    from flows.probe import load_step, report
    from flows.probing.manifest import read_settings

    settings, approved = read_settings(manifest, [])
    folder = out or open_workspace(workspace).probes / settings.run
    result = load_step()(settings, folder, note, decision_id=str(approved.get("decision_id", "")))
    if json:
        say(as_json(result.model_dump(mode="json")))
    else:
        report(result, folder)


@app.command("import")
@guarded
def probe_import(
    folders: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Store measured results, and their claims for scenarios; a rerun changes nothing."""
    from flows.steps.probe_import import import_probes

    imported = import_probes(open_workspace(workspace), folders, command.now())
    rows = [
        {"run": item.result.run, "status": item.status, "loss_nats": item.result.loss_nats,
         "loss_se": item.result.loss_se, "claim": item.claim}
        for item in imported
    ]  # fmt: skip
    if json:
        say(as_json({"results": rows}))
        return
    table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    say("next: datawall forecast")
