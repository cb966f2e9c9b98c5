"""Commands on launches: approve, launch, launches, reconcile, cancel, pause, resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from flows import command
from flows.command import (
    DEFAULT_WORKSPACE,
    LAUNCH,
    JsonOption,
    WorkspaceOption,
    guarded,
    open_workspace,
)
from flows.output import as_json, note, say, table

app = typer.Typer()
ReasonOption = Annotated[str, typer.Option(help="Why, for whoever finds launches paused.")]


@app.command()
@guarded
def approve(
    decision: Annotated[str, typer.Argument(help="Decision that says launch.")],
    by: Annotated[str, typer.Option(help="Who approves; not who asked for the run.")],
    days: Annotated[
        float | None, typer.Option(min=0.0001, help="Days it holds; at most the policy's.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Approve exactly what a decision would launch, for a limited time."""
    from flows.steps.ledger import approve as run_approve

    row = run_approve(open_workspace(workspace), decision, by, command.now(), days)
    keys = ("decision_id", "manifest_sha256", "requester", "approver", "approved_at", "expires_at")
    if json:
        say(as_json({key: row[key] for key in keys}))
        return
    say(f"decision {row['decision_id']}: approved by {row['approver']}")
    say(f"  manifest {row['manifest_sha256']}, until {row['expires_at']:%Y-%m-%d %H:%M} UTC")
    say(f"  next: datawall launch {row['decision_id']} --launcher NAME")


@app.command()
@guarded
def launch(
    decisions: Annotated[
        list[str] | None, typer.Argument(help="Decisions; all that say launch if none.")
    ] = None,
    launcher: Annotated[str, typer.Option(help="dry_run renders the job and starts nothing.")] = (
        "dry_run"
    ),
    retry: Annotated[
        bool, typer.Option("--retry", help="Start another attempt after one that failed.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Render the exact job of a decision that says launch, or start it at most once."""
    from flows.errors import UsageError
    from flows.steps import launch as step
    from flows.steps.ledger import show

    if launcher not in step.LAUNCHERS:
        raise UsageError(f"no launcher is named {launcher!r}; allowed: {', '.join(step.LAUNCHERS)}")
    place, now = open_workspace(workspace), command.now()
    if launcher == "dry_run":
        done = step.Started(step.launch(place, decisions or [], now.date()), [])
    else:
        done = step.start(place, decisions or [], launcher, now, retry=retry)
        show(place, now)
    if json:
        say(as_json({"launches": [_launch_document(item) for item in done.launches]}))
    else:
        for item in done.launches:
            _print_launch(item)
    for error in done.refused:
        note(f"datawall: {error}")
    if done.refused:
        raise typer.Exit(LAUNCH)


def _print_launch(item: Any) -> None:
    what = "nothing started" if item.state == "rendered" else f"job {item.external_id or 'unknown'}"
    say(f"launch {item.launch_id}: {item.state}, {what}")
    say(f"  manifest {item.manifest_path}")
    if item.state == "submitting":
        say("  next: datawall reconcile")


def _launch_document(item: Any) -> dict[str, Any]:
    return {
        "launch_id": item.launch_id,
        "decision_id": item.decision_id,
        "state": item.state,
        "external_id": item.external_id,
        "manifest_sha256": item.manifest_sha256,
        "manifest_path": str(item.manifest_path),
    }


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("launch_id", "decision_id", "run", "attempt", "launcher", "state", "external_id")
    cents = row["spent_cents"]
    return {key: row[key] for key in keys} | {
        "manifest_sha256": row["manifest_sha256"],
        "requester": row["requester"],
        "month": row["month"],
        "reserved_usd": row["reserved_cents"] / 100,
        "spent_usd": None if cents is None else cents / 100,
        "reconciled": row["reconciled"],
        "detail": row["detail"],
        "created_at": row["created_at"],
        "changed_at": row["changed_at"],
    }


_SHOWN = ("launch_id", "run", "attempt", "launcher", "state", "external_id", "reserved_usd",
          "spent_usd", "detail")  # fmt: skip


def _print_entries(entries: list[dict[str, Any]]) -> None:
    table(_SHOWN, [tuple(entry[key] for key in _SHOWN) for entry in entries])


@app.command()
@guarded
def launches(
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute the chain of events and every row.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """What was launched, where it stands and what it costs."""
    from flows.steps.ledger import contents

    found = contents(open_workspace(workspace), verify)
    entries = [_entry(row) for row in found.launches]
    checked = found.chain
    if json:
        chain = (
            None
            if checked is None
            else {"events": checked.events, "head_sha256": checked.head_sha256}
        )
        say(as_json({"launches": entries, "paused": found.paused, "chain": chain}))
        return
    if found.paused:
        say("launches are paused; to go on: datawall resume")
    if entries:
        _print_entries(entries)
    else:
        say("nothing was launched yet; next: datawall decide")
    if checked is not None:
        say(f"chain: {checked.events} events, all in order; head {checked.head_sha256}")


@app.command()
@guarded
def reconcile(
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds that a launch may take before it is settled.")
    ] = 60.0,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Settle launches whose outcome is unknown, note jobs that ended, and show orphans."""
    from flows.steps.ledger import show
    from flows.steps.reconcile import reconcile as run_reconcile

    place, now = open_workspace(workspace), command.now()
    done = run_reconcile(place, now, grace)
    show(place, now)
    entries = [_entry(row) for row in done.changed]
    orphans = [
        {"launcher": name, "key": job.key, "external_id": job.external_id, "state": job.state}
        for name, job in done.orphans
    ]
    if json:
        say(as_json({"launches": entries, "orphans": orphans}))
        return
    if entries:
        _print_entries(entries)
    else:
        say("nothing to settle")
    for orphan in orphans:
        say(
            f"orphan: {orphan['launcher']} job {orphan['external_id']} ({orphan['state']}) has key "
            f"{orphan['key']}, which the ledger does not know; stop it by hand if it is not yours"
        )


@app.command()
@guarded
def cancel(
    launch: Annotated[str, typer.Argument(help="Launch id or its first four characters or more.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Stop a launch, and make sure that it never starts if it has not."""
    from flows.steps.ledger import show
    from flows.steps.reconcile import cancel as run_cancel

    place, now = open_workspace(workspace), command.now()
    entry = _entry(run_cancel(place, launch, now))
    show(place, now)
    if json:
        say(as_json(entry))
        return
    say(f"launch {entry['launch_id']}: {entry['state']}")
    if entry["state"] == "cancelling":
        say("  its job is being stopped; next: datawall reconcile")


@app.command()
@guarded
def pause(
    reason: ReasonOption = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Kill switch: nothing new starts until `resume`; what runs goes on."""
    _turn(True, reason, workspace, json)


@app.command()
@guarded
def resume(
    reason: ReasonOption = "",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Let launches start again."""
    _turn(False, reason, workspace, json)


def _turn(paused: bool, reason: str, workspace: Any, json: bool) -> None:
    from flows.steps.ledger import turn_switch

    row = turn_switch(open_workspace(workspace), paused, reason, command.now())
    if json:
        say(as_json({key: row[key] for key in ("paused", "reason", "actor", "changed_at")}))
        return
    say("launches are paused; to go on: datawall resume" if paused else "launches may start")
