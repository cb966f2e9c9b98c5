"""Decide: one verdict per planned run under one forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from flows.rows import decision_from_row, decision_row
from flows.steps.facts import facts_of
from flows.steps.forecast import Options, compute, know, load_scenario, store, worlds_of
from flows.steps.ledger import policy_of, record_decisions
from flows.steps.prepare import writing
from flows.steps.runs import planned_runs
from flows.workspace import Workspace
from forecasts.decide import decide as decide_run
from forecasts.reports.run_card import render_card
from forecasts.results import Decision
from warehouse.connection import reader
from warehouse.errors import NotFound
from warehouse.snapshots import write_atomically
from warehouse.store import read_decisions, save_decisions


def decide(
    workspace: Workspace, names: Sequence[str], spec: str, as_of: date, now: datetime
) -> list[Decision]:
    """Decide on the named runs, or all, under a scenario; verdicts are stored.

    Raises: NotFound for an unknown run or when none is planned
    """
    runs = planned_runs(workspace, list(names))
    if not runs:
        raise NotFound(
            "no run is planned; write one with `datawall runs template > plan.yaml`, then "
            "`datawall runs import plan.yaml`"
        )
    scenario = load_scenario(spec, Options())
    knowledge = know(workspace, as_of)
    worlds = worlds_of(scenario, knowledge)
    result = compute(scenario, knowledge)
    facts, policy = facts_of(workspace, result.inputs, as_of, as_of), policy_of(workspace)
    decisions = [decide_run(worlds, run, result.forecast_id, as_of, facts, policy) for run in runs]
    store(workspace, [result], now)
    plans = {run.run: run for run in runs}
    rows = [decision_row(d, plans[d.run].sha256()) for d in decisions]
    with writing(workspace) as connection:
        save_decisions(connection, rows, now)
    record_decisions(workspace, decisions, plans, now)
    for decision in decisions:
        card = workspace.cards / f"{decision.run}.md"
        write_atomically(card, render_card(decision).encode())
    return decisions


def stored_decisions(workspace: Workspace, forecast_id: str | None = None) -> list[Decision]:
    """Decisions under one forecast or all, newest first."""
    with reader(workspace.published) as connection:
        return [decision_from_row(row) for row in read_decisions(connection, forecast_id)]
