"""What every launcher that starts something can do, and what it promises.

`submit` starts at most one job for a key, however often and from however many processes it is
called. When it fails after something may have been started it raises OutcomeUnknown, and `find`
tells later. `cancel` stops the job with a key if there is one, and makes sure that none with this
key ever starts, even if a `submit` is under way in a process that sleeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from flows.errors import FlowError

JobState = Literal["pending", "running", "succeeded", "failed", "cancelled", "gone"]
PREFIX = "datawall-"


class OutcomeUnknown(FlowError):
    """A job may or may not have been started; never submit it again, reconcile."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One launch as a launcher sees it. `key` names its job wherever it runs."""

    launch_id: str
    run: str
    manifest: Mapping[str, Any]
    manifest_sha256: str
    manifest_path: Path
    workspace: Path

    @property
    def key(self) -> str:
        """Name of the job: one launch, one key."""
        return f"{PREFIX}{self.launch_id}"

    def environment(self) -> dict[str, str]:
        """What the payload finds in its environment."""
        return {
            "DATAWALL_MANIFEST": str(self.manifest_path),
            "DATAWALL_LAUNCH_KEY": self.key,
            "DATAWALL_WORKSPACE": str(self.workspace),
        }


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its scheduler knows it; cost_usd: what it cost by its own report, if it made one."""

    key: str
    external_id: str
    state: JobState
    detail: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cost_usd: float | None = None


class Launcher(Protocol):
    """One way to start jobs."""

    @property
    def name(self) -> str:
        """What the command line calls it."""

    def submit(self, intent: Intent) -> str:
        """Start the job; returns the scheduler's name for it."""

    def find(self, intent: Intent) -> Job | None:
        """The job with this key, if the scheduler has one."""

    def cancel(self, intent: Intent) -> None:
        """Stop the job, and make sure that none with this key starts later."""

    def jobs(self) -> Iterable[Job]:
        """All jobs that carry a key of ours, for finding those that no ledger knows."""
