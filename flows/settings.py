"""Settings of scheduled flows: the environment, where a parameter does not say otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flows.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a flow works, the folder of publishers' files it reads if any, and if it may fetch."""

    workspace: Workspace
    folder: str | None
    online: bool


def settings(
    workspace: str | None = None, folder: str | None = None, online: bool | None = None
) -> Settings:
    """Parameters first, then DATAWALL_WORKSPACE, _FROM and _ONLINE, then ./workspace, offline.

    Offline unless asked: a forecast is then the same on a machine without a network.
    """
    if online and folder is None:
        source = None  # told to fetch: the worker's own folder is for the flows that are not
    else:
        source = folder or os.environ.get("DATAWALL_FROM") or None
    root = workspace or os.environ.get("DATAWALL_WORKSPACE") or "workspace"
    if online is None:
        online = os.environ.get("DATAWALL_ONLINE", "0") == "1"
    return Settings(Workspace(Path(root).absolute()), source, online and source is None)
