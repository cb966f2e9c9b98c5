"""Commands on verdicts: decide."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from flows import command
from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    as_of_day,
    guarded,
    open_workspace,
)
from flows.output import as_json, say

if TYPE_CHECKING:
    from forecasts.results import Decision

app = typer.Typer()


@app.command()
@guarded
def decide(
    runs: Annotated[list[str] | None, typer.Argument(help="Planned runs; all if none.")] = None,
    scenario: Annotated[str, typer.Option(help="Name or .yaml file.")] = "baseline",
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Use what was known on this date.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Launch, hold or reject: one verdict per planned run, with reasons."""
    from flows.documents import decisions_document
    from flows.steps.decide import decide as run_decide

    decisions = run_decide(
        open_workspace(workspace), runs or [], scenario, as_of_day(as_of), command.now()
    )
    if json:
        say(as_json(decisions_document(decisions)))
        return
    for decision in decisions:
        _print_decision(decision)
        say(f"  card {open_workspace(workspace).cards / decision.run}.md")
    say(f"next: datawall report {decisions[0].forecast_id}")


def _print_decision(decision: Decision) -> None:
    say(f"{decision.run}: {decision.verdict}  (decision {decision.decision_id})")
    for reason in decision.reasons:
        say(f"  {reason}")
    if decision.verdict == "launch":
        say(f"  valid until {decision.expires_at}; next: datawall launch {decision.decision_id}")
