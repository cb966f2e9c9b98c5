"""The workspace: one folder that holds everything Datawall keeps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flows.errors import WorkspaceUnusable


@dataclass(frozen=True, slots=True)
class Workspace:
    """Places inside a workspace folder."""

    root: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that loads write."""
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """The read-only copy that readers open."""
        return self.root / "published.duckdb"

    @property
    def snapshots(self) -> Path:
        """Raw bytes of sources, by content."""
        return self.root / "snapshots"

    @property
    def reports(self) -> Path:
        """Rendered reports."""
        return self.root / "reports"

    @property
    def launches(self) -> Path:
        """Rendered manifests."""
        return self.root / "launches"

    @property
    def cards(self) -> Path:
        """One page per planned run: its newest decision."""
        return self.root / "cards"

    @property
    def jobs(self) -> Path:
        """One folder per job that was started here, named by its launch."""
        return self.root / "jobs"

    @property
    def ledger(self) -> Path:
        """The launch ledger, unless DATAWALL_LEDGER_URL names a server."""
        return self.root / "ledger.sqlite"

    @property
    def policy(self) -> Path:
        """Limits on launches; defaults hold for what it does not say."""
        return self.root / "policy.yaml"

    @property
    def probes(self) -> Path:
        """Folders of probe runs: checkpoint, loss curve, result."""
        return self.root / "probes"


def make(workspace: Workspace) -> None:
    """Make the workspace folder if it is missing; called by whatever is about to write.

    Raises: WorkspaceUnusable when it is no folder or cannot be written.
    """
    if workspace.root.exists() and not workspace.root.is_dir():
        raise WorkspaceUnusable(
            f"workspace {workspace.root} is a file, not a folder; choose another --workspace"
        )
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot use workspace {workspace.root}: {error.strerror or error}; choose another "
            "--workspace"
        ) from error
    if not os.access(workspace.root, os.W_OK | os.X_OK):
        raise WorkspaceUnusable(
            f"workspace {workspace.root} cannot be written by this user; change its permissions "
            "or choose another --workspace"
        )
