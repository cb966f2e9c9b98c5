"""The launchers by name. dry_run is not among them: it starts nothing, so nothing can go wrong."""

from __future__ import annotations

from flows.launchers.contract import Launcher
from flows.launchers.local import Local
from flows.workspace import Workspace

STARTING = ("local", "prefect", "slurm")


def launcher(name: str, workspace: Workspace) -> Launcher:
    """A launcher for a workspace; what it needs beyond that it takes from the environment."""
    if name == "prefect":
        from flows.launchers.prefect import PrefectLauncher

        return PrefectLauncher(workspace.jobs)
    if name == "slurm":
        from flows.launchers.slurm import Slurm

        return Slurm(workspace.jobs)
    return Local(workspace.jobs)
