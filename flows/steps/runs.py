"""Planned runs: from a file into the warehouse, and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.steps.prepare import ensure_ready, ready, writing
from flows.workspace import Workspace
from forecasts import plan
from forecasts.plan import PlannedRun
from warehouse.errors import NotFound
from warehouse.store import read_runs, save_runs


@dataclass(frozen=True, slots=True)
class Imported:
    """What happened to one run: its status, and every key that changed with both values."""

    run: str
    status: str
    changes: tuple[tuple[str, Any, Any], ...]


def import_runs(workspace: Workspace, path: Path, now: datetime) -> dict[str, str]:
    """Validate a plan file and store its runs; says for each whether it is new or changed."""
    return {item.run: item.status for item in import_and_compare(workspace, path, now)}


def import_and_compare(workspace: Workspace, path: Path, now: datetime) -> list[Imported]:
    """The same, with every key that changed."""
    runs = plan.load(path)
    plans = {run.run: (run.sha256(), run.document()) for run in runs}
    ensure_ready(workspace)
    with writing(workspace) as connection:
        before = {row["run"]: plan.parse(row["spec"]) for row in read_runs(connection)}
        connection.rollback()  # what read began a transaction, and saving begins its own
        outcome = save_runs(connection, plans, now)
    return [
        Imported(
            run.run,
            outcome[run.run],
            plan.differences(before[run.run], run) if outcome[run.run] == "changed" else (),
        )
        for run in runs
    ]


def planned_runs(workspace: Workspace, names: list[str] | None = None) -> list[PlannedRun]:
    """Stored planned runs, all or those named.

    Raises: NotFound for a name that is not stored, with those that are
    """
    with ready(workspace) as connection:
        stored = {row["run"]: plan.parse(row["spec"]) for row in read_runs(connection)}
    if not names:
        return list(stored.values())
    unknown = [name for name in names if name not in stored]
    if unknown:
        known = ", ".join(stored) or "none yet; import some with `datawall runs import FILE`"
        raise NotFound(f"no planned run is named {unknown[0]!r}; there are: {known}")
    return [stored[name] for name in names]
