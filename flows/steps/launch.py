"""Launch: a verdict of launch to a rendered job, or to a job that was started at most once.

    intent and reservation in one transaction ─▶ claim ─▶ submit under the intent's key ─▶ record

Whatever ends the process in between leaves an intent whose state says what may have happened;
`reconcile` (flows/steps/reconcile.py) settles it by asking the launcher for the key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flows.errors import LaunchRefused
from flows.launchers import dry_run
from flows.launchers.contract import Intent, Launcher, OutcomeUnknown
from flows.launchers.dry_run import Launch
from flows.launchers.registry import STARTING, launcher
from flows.output import note
from flows.steps.facts import facts_behind
from flows.steps.ledger import (
    Row,
    actor,
    ledger_of,
    next_attempt,
    policy_of,
    requester_of,
    require_untampered,
)
from flows.steps.rendering import Candidate, candidates
from flows.workspace import Workspace
from forecasts.decide import training_flop
from forecasts.gates import start_gates
from forecasts.policy import Policy
from models.errors import DatawallError
from warehouse.errors import NotPermitted
from warehouse.ledger import intents
from warehouse.ledger.connection import Ledger, locked, reading
from warehouse.ledger.tables import RELEASED
from warehouse.snapshots import write_atomically

LAUNCHERS = (dry_run.name, *STARTING)


def launch(workspace: Workspace, ids: Sequence[str], today: date) -> list[Launch]:
    """Render the jobs of the decisions named, or of all current ones that say launch.

    Raises: NotFound for an unknown decision; LaunchRefused, before anything is rendered, for a
    verdict other than launch, an expired decision, or a plan changed since.
    """
    chosen = candidates(workspace, ids, today)
    return [dry_run.submit(workspace.launches, candidate.render()) for candidate in chosen]


@dataclass(frozen=True, slots=True)
class Started:
    """What was launched, now or before, and why each of the others was not."""

    launches: list[Launch]
    refused: list[DatawallError]


def start(
    workspace: Workspace, ids: Sequence[str], name: str, now: datetime, *, retry: bool = False
) -> Started:
    """Start the jobs of the decisions named, or of all current ones that say launch.

    A decision that was launched already is returned as it is. One that is refused keeps none of
    the others.
    Raises: as `launch`
    """
    done = Started([], [])
    for candidate in candidates(workspace, ids, now.date()):
        _start_into(done, workspace, candidate, launcher(name, workspace), now, retry)
    return done


def start_small(workspace: Workspace, now: datetime) -> tuple[Started, list[Candidate]]:
    """Start what may start without a person at hand: runs that cost no more than a small run's.

    Their plans name the launcher. The others that say launch are returned: somebody has to.
    """
    limit, done = policy_of(workspace).small_run_usd, Started([], [])
    asked: list[Candidate] = []
    try:
        found = candidates(workspace, [], now.date())
    except LaunchRefused:
        return done, asked  # no current decision says launch
    for candidate in found:
        run = candidate.run
        if run.launcher is None or run.budget_usd is None or run.budget_usd > limit:
            asked.append(candidate)
        else:
            _start_into(done, workspace, candidate, launcher(run.launcher, workspace), now, False)
    return done, asked


def _start_into(
    done: Started, workspace: Workspace, candidate: Candidate, with_launcher: Launcher,
    now: datetime, retry: bool,
) -> None:  # fmt: skip
    try:
        done.launches.append(_start_one(workspace, candidate, with_launcher, now, retry))
    except (LaunchRefused, NotPermitted) as error:
        done.refused.append(error)


def _start_one(
    workspace: Workspace, candidate: Candidate, with_launcher: Launcher, now: datetime, retry: bool
) -> Launch:
    ledger, policy = ledger_of(workspace), policy_of(workspace)
    with reading(ledger) as connection:
        tries = intents.of_decision(connection, candidate.decision_id)
    if tries and tries[0]["state"] not in RELEASED:
        row: Row = tries[0]
    else:
        attempt = next_attempt(tries) if retry or not tries else int(tries[0]["attempt"])
        request = _request(candidate, with_launcher.name, attempt)
        _require_gates(workspace, candidate, policy, now.date())
        with locked(ledger) as connection:
            require_untampered(connection)
            row = intents.reserve(connection, request, _limits(policy, request), now)
    if row["state"] == "intended" and row["launcher"] == with_launcher.name:
        row = _submit(workspace, ledger, row, with_launcher)
    return as_launch(workspace, row)


def _request(candidate: Candidate, name: str, attempt: int) -> intents.Request:
    run = candidate.run
    if run.launcher not in (None, name):
        raise LaunchRefused(
            f"the plan of {run.run} says launcher {run.launcher}, not {name}; launch it with that, "
            "or change the plan and decide again"
        )
    if run.budget_usd is None:
        raise LaunchRefused(
            f"the plan of {run.run} has no budget_usd, so nothing can be reserved; give the most "
            "it may cost and decide again"
        )
    if not run.payload and not run.deployment:
        raise LaunchRefused(f"the plan of {run.run} has no payload; say what the job runs")
    rendered = candidate.render(attempt)
    return intents.Request(
        launch_id=rendered.launch_id,
        decision_id=candidate.decision_id,
        run=run.run,
        plan_sha256=run.sha256(),
        attempt=attempt,
        launcher=name,
        manifest_sha256=rendered.sha256,
        manifest=rendered.content,
        requester=requester_of(candidate),
        reserve_cents=intents.cents(run.budget_usd),
    )


def _require_gates(workspace: Workspace, candidate: Candidate, policy: Policy, today: date) -> None:
    """The gates before a start as they are today, whenever the decision was made.

    Raises: LaunchRefused with every gate that fails
    """
    run, decision = candidate.run, candidate.decision
    facts = facts_behind(workspace, decision.forecast_id, today)
    compute = training_flop(run, decision.demand_tokens[1])
    gates = start_gates(run, compute, facts, policy, today)
    failed = [f"{gate.gate}: {gate.evidence}" for gate in gates if not gate.passed]
    if failed:
        raise LaunchRefused(f"{run.run} may not start: {'; '.join(failed)}")


def _limits(policy: Policy, request: intents.Request) -> intents.Limits:
    cap, wish = intents.cents_below, request.reserve_cents
    return intents.Limits(
        run_cents=cap(policy.run_budget_usd),
        month_cents=cap(policy.month_budget_usd),
        max_pending=policy.max_pending,
        cooldown=timedelta(hours=policy.cooldown_hours),
        passes=1 if wish <= cap(policy.small_run_usd) else policy.passes,
        needs_approval=wish > cap(policy.approval_above_usd),
    )


def _submit(workspace: Workspace, ledger: Ledger, row: Row, with_launcher: Launcher) -> Row:
    """Claim the intent, submit its job under its key, and record what came of it."""
    launch_id, who = str(row["launch_id"]), actor()
    with locked(ledger) as connection:
        mine = intents.claim(connection, launch_id, who, _now())
        current = intents.find(connection, launch_id)
    if not mine:
        return current
    intent = as_intent(workspace, row)
    write_atomically(intent.manifest_path, str(row["manifest"]).encode())
    try:
        external_id = with_launcher.submit(intent)
    except OutcomeUnknown as error:
        note(f"datawall: {error}")
        return current
    except LaunchRefused as error:
        # Nothing was started: the launcher says so.
        with locked(ledger) as connection:
            intents.never_started(
                connection, launch_id, "failed", str(error), who, _now(), before=("submitting",)
            )
        raise
    with locked(ledger) as connection:
        intents.launched(connection, launch_id, external_id, who, _now())
        return intents.find(connection, launch_id)


def _now() -> datetime:
    from flows import command

    return command.now()


def as_intent(workspace: Workspace, row: Row) -> Intent:
    """A row of the ledger as launchers see it."""
    return Intent(
        launch_id=str(row["launch_id"]),
        run=str(row["run"]),
        manifest=json.loads(row["manifest"]),
        manifest_sha256=str(row["manifest_sha256"]),
        manifest_path=workspace.launches / f"{row['launch_id']}.json",
        workspace=workspace.root,
    )


def as_launch(workspace: Workspace, row: Row) -> Launch:
    """A row of the ledger as commands show it."""
    return Launch(
        str(row["launch_id"]), str(row["decision_id"]), str(row["state"]), row["external_id"],
        str(row["manifest_sha256"]), workspace.launches / f"{row['launch_id']}.json",
    )  # fmt: skip
