"""Flow `job`: the payload of one launch, on the worker of a work pool.

Started by the launcher `prefect`, never by hand or schedule. No retries: the payload is claimed
once (flows/launchers/job.py), so a second run of this flow finds it taken. Needs: a workspace.
"""

from __future__ import annotations

import json
from typing import Any

from prefect import flow

from flows.errors import LaunchRefused
from flows.launchers import job as jobs
from flows.launchers.contract import PREFIX
from flows.settings import settings
from warehouse.snapshots import write_atomically


@flow(name="job", persist_result=False)
def job(launch_id: str, manifest: dict[str, Any], workspace: str | None = None) -> str:
    """Run the payload of a manifest; returns the folder it ran in."""
    place = settings(workspace).workspace
    folder = place.jobs / f"{PREFIX}{launch_id}"
    path = place.launches / f"{launch_id}.json"
    if not path.exists():  # a worker on another machine
        content = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        write_atomically(path, content.encode())
    environment = {
        "DATAWALL_MANIFEST": str(path),
        "DATAWALL_LAUNCH_KEY": folder.name,
        "DATAWALL_WORKSPACE": str(place.root),
    }
    log = folder.with_name(f"{folder.name}.runner.log")
    runner = jobs.start(path, folder, environment, log)
    try:
        runner.wait()
    except BaseException:
        # The run is being cancelled, and its payload with it.
        jobs.stop(folder)
        raise
    found = jobs.look(folder)
    if found is None or found.state != "succeeded":
        raise LaunchRefused(f"the payload of {folder.name} did not succeed: {found}")
    return str(folder)
