"""Commands on scenarios: list, show, diff, validate."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    as_of_day,
    guarded,
    open_workspace,
)
from flows.output import as_json, say, table

app = typer.Typer(no_args_is_help=True, help="List, show, compare and check scenarios.")


@app.command("list")
@guarded
def scenario_list(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Scenarios that come with the package."""
    del workspace  # the same in every workspace; every command takes the option
    from forecasts import scenario as scenarios

    found = [scenarios.load(name) for name in scenarios.names()]
    if json:
        listed = [{"name": s.name, "title": s.title, "answers": s.answers} for s in found]
        say(as_json({"scenarios": listed}))
        return
    table(("scenario", "answers"), [(s.name, s.answers) for s in found])


@app.command("show")
@guarded
def scenario_show(
    name: str, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """One scenario, complete, as it is run."""
    del workspace
    import yaml

    from forecasts import scenario as scenarios

    document = scenarios.load(name).model_dump(mode="json", exclude_none=True)
    if json:
        say(as_json(document))
    else:
        say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


@app.command("diff")
@guarded
def scenario_diff(
    first: str,
    second: str,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Keys in which two scenarios differ."""
    del workspace
    from forecasts import scenario as scenarios

    changes = scenarios.difference(scenarios.load(first), scenarios.load(second))
    if json:
        say(as_json({"differences": [{"key": k, first: a, second: b} for k, a, b in changes]}))
    elif changes:
        table(("key", first, second), changes)
    else:
        say("no difference")


@app.command("validate")
@guarded
def scenario_validate(
    file: str,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Claims known on this date.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Check a scenario and that the warehouse knows every claim it names."""
    from flows.steps.forecast import know
    from forecasts import scenario as scenarios

    loaded = scenarios.load(file)
    placed = scenarios.resolve(loaded, know(open_workspace(workspace), as_of_day(as_of)).claims)
    if json:
        say(as_json({"scenario": loaded.name, "valid": True, "quantities": len(placed)}))
    else:
        say(f"scenario {loaded.name} is valid: {len(placed)} quantities resolved")
