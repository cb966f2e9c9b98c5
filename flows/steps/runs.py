"""Planned runs: from a file into the warehouse, and back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from flows.steps.prepare import ensure_ready, ready, writing
from flows.workspace import Workspace
from forecasts import plan
from forecasts.plan import PlannedRun
from warehouse.errors import NotFound
from warehouse.store import read_runs, save_runs


def import_runs(workspace: Workspace, path: Path, now: datetime) -> dict[str, str]:
    """Validate a plan file and store its runs; says for each whether it is new or changed."""
    plans = {run.run: (run.sha256(), run.document()) for run in plan.load(path)}
    ensure_ready(workspace)
    with writing(workspace) as connection:
        return save_runs(connection, plans, now)


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
