"""Commands on planned runs: template, import, list, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flows import command
from flows.command import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, guarded, open_workspace
from flows.output import as_json, say, table

if TYPE_CHECKING:
    from flows.steps.runs import Imported

app = typer.Typer(no_args_is_help=True, help="Planned runs: template, import, list, show.")


@app.command("template")
@guarded
def runs_template(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """A complete, commented plan file that `runs import` accepts unchanged."""
    del workspace
    from forecasts.plan import template

    say(template().rstrip())


@app.command("import")
@guarded
def runs_import(
    file: Path, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """Check a plan file and store its runs; a changed run becomes a new version."""
    from flows.steps.runs import import_and_compare

    outcome = import_and_compare(open_workspace(workspace), file, command.now())
    if json:
        say(as_json({"runs": [_imported(item) for item in outcome]}))
        return
    table(("run", "status"), [(item.run, item.status) for item in outcome])
    for item in outcome:
        for key, before, after in item.changes:
            say(f"{item.run}: {key} {as_json(before)} → {as_json(after)}")
    say("next: datawall decide")


def _imported(item: Imported) -> dict[str, Any]:
    found: dict[str, Any] = {"run": item.run, "status": item.status}
    if item.changes:
        found["changes"] = [
            {"key": key, "before": before, "after": after} for key, before, after in item.changes
        ]
    return found


@app.command("list")
@guarded
def runs_list(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Planned runs."""
    from flows.steps.runs import planned_runs

    runs = planned_runs(open_workspace(workspace))
    if json:
        say(as_json({"runs": [run.model_dump(mode="json") for run in runs]}))
    elif runs:
        columns = ("run", "needed_on", "compute_flop", "params", "tokens", "required_probability")
        table(columns, [tuple(getattr(run, c) for c in columns) for run in runs])
    else:
        say("no run is planned; write one with: datawall runs template > plan.yaml")


@app.command("show")
@guarded
def runs_show(
    run: str, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """One planned run, complete."""
    import yaml

    from flows.steps.runs import planned_runs

    document = planned_runs(open_workspace(workspace), [run])[0].model_dump(mode="json")
    if json:
        say(as_json(document))
    else:
        say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())
