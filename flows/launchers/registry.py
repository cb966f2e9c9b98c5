"""The launchers by name. dry_run is not among them: it starts nothing, so nothing can go wrong."""

from __future__ import annotations

from flows.launchers.contract import Launcher
from flows.launchers.local import Local
from flows.workspace import Workspace

STARTING = ("local",)


def launcher(name: str, workspace: Workspace) -> Launcher:
    """A launcher for a workspace."""
    return {"local": lambda: Local(workspace.jobs)}[name]()
