"""Launcher `local`: a supervised process on this machine that outlives the command.

The runner, not the launcher, claims the job (job.py). A launcher that is killed before, during
or after starting it, or starts it twice, therefore never runs it twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.launchers import job
from flows.launchers.contract import PREFIX, Intent, Job, OutcomeUnknown

START_LIMIT_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Local:
    """Jobs in folders below one folder of the workspace."""

    folder: Path
    name: str = "local"

    def submit(self, intent: Intent) -> str:
        """Start a runner and wait until it has claimed the job."""
        place = self.folder / intent.key
        log = self.folder / f"{intent.key}.runner.log"
        job.start(intent.manifest_path, place, intent.environment(), log)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            found = job.look(place)
            if found is not None and found.state != "pending":
                return found.external_id
            time.sleep(_POLL_S)
        raise OutcomeUnknown(
            f"the job of {intent.run} did not begin within {START_LIMIT_S:g} s; "
            f"{log} may say why; next: datawall reconcile"
        )

    def find(self, intent: Intent) -> Job | None:
        """The job's folder, if a runner has claimed it."""
        return job.look(self.folder / intent.key)

    def cancel(self, intent: Intent) -> None:
        """Stop the payload; where nothing was claimed, claim it so that nobody runs it."""
        job.stop(self.folder / intent.key)

    def jobs(self) -> Iterator[Job]:
        """Every job folder."""
        for place in sorted(self.folder.glob(f"{PREFIX}*/")):
            found = job.look(place)
            if found is not None:
                yield found
