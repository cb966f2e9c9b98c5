"""Settings of scheduled flows: the environment, where a parameter does not say otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flows.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a flow works, and the folder of publishers' files it reads if any."""

    workspace: Workspace
    folder: str | None


def settings(workspace: str | None = None, folder: str | None = None) -> Settings:
    """Parameters first, then DATAWALL_WORKSPACE and DATAWALL_FROM, then ./workspace."""
    root = workspace or os.environ.get("DATAWALL_WORKSPACE") or "workspace"
    source = folder or os.environ.get("DATAWALL_FROM") or None
    return Settings(Workspace(Path(root).absolute()), source)
