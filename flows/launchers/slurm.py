"""Launcher `slurm`: a job of a Slurm cluster, by submitit (extra `slurm`).

The job is named by its key, which `squeue` and `sacct` find, and runs its payload through job.py.
Slurm keeps no key unique, so the claim does: of two jobs with one key, one runs and the other ends
at once. The workspace has to be on a file system that the nodes share.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.errors import LaunchRefused
from flows.launchers import job
from flows.launchers.contract import PREFIX, Intent, Job, JobState, OutcomeUnknown

MINUTES = 60
_ASK_LIMIT_S = 60
_STATES: dict[str, JobState] = {
    "PENDING": "pending",
    "CONFIGURING": "pending",
    "REQUEUED": "pending",
    "SUSPENDED": "running",
    "RUNNING": "running",
    "COMPLETING": "running",
    "COMPLETED": "succeeded",
    "CANCELLED": "cancelled",
}


def parameters(intent: Intent) -> dict[str, Any]:
    """submitit's parameters of a job, from the manifest's resources."""
    asked = intent.manifest["resources"] or {}
    gpus, nodes = int(asked.get("gpus") or 0), int(asked.get("nodes") or 1)
    if gpus % nodes:
        raise LaunchRefused(
            f"{intent.run} asks for {gpus} GPUs on {nodes} nodes, which do not divide; change "
            "resources"
        )
    each = gpus // nodes
    kind = str(asked.get("gpu_type") or "")
    found: dict[str, Any] = {
        "job_name": intent.key,
        "time": max(1, round(float(asked.get("hours") or 1) * MINUTES)),
        "nodes": nodes,
        "ntasks_per_node": 1,
        "comment": f"manifest {intent.manifest_sha256}",
        # A job that Slurm starts again by itself would be a second one.
        "additional_parameters": {"no-requeue": True},
    }
    if each:
        found["gpus_per_node"] = f"{kind}:{each}" if kind else each
    if asked.get("partition"):
        found["partition"] = str(asked["partition"])
    return found


def run_job(manifest: str, folder: str, environment: dict[str, str]) -> int:
    """What the node executes: the runner of the job, to its end.

    Raises: RuntimeError where the payload failed, so that Slurm shows the job as failed
    """
    place = Path(folder)
    log = place.with_name(f"{place.name}.runner.log")
    code = job.start(Path(manifest), place, environment, log).wait()
    found = job.look(place)
    if found is None or found.state != "succeeded":
        raise RuntimeError(f"the payload did not succeed: {found}")
    return code


@dataclass(frozen=True, slots=True)
class Slurm:
    """Jobs of a cluster; `local` stands for processes of this machine and is for trying it out."""

    folder: Path
    cluster: str = "slurm"
    name: str = "slurm"

    def submit(self, intent: Intent) -> str:
        """Hand the job to sbatch."""
        executor = self._executor(intent)
        words = (str(intent.manifest_path), str(self.folder / intent.key), intent.environment())
        from submitit.core.utils import FailedJobError

        try:
            return str(executor.submit(run_job, *words).job_id)
        except (FailedJobError, subprocess.SubprocessError, OSError) as error:
            raise OutcomeUnknown(
                f"sbatch did not say whether it took the job of {intent.run} "
                f"({str(error).strip()[:200]}); next: datawall reconcile"
            ) from error

    def _executor(self, intent: Intent) -> Any:
        try:
            import submitit
        except ImportError as error:
            raise LaunchRefused(
                "the launcher slurm needs submitit; install it with: pip install 'datawall[slurm]'"
            ) from error
        logs = self.folder / "slurm"
        logs.mkdir(parents=True, exist_ok=True)
        if self.cluster == "local":
            here = submitit.LocalExecutor(folder=logs)
            here.update_parameters(timeout_min=parameters(intent)["time"])
            return here
        if shutil.which("sbatch") is None:
            raise LaunchRefused("there is no sbatch on this machine; launch from a login node")
        executor = submitit.SlurmExecutor(folder=logs)
        executor.update_parameters(**parameters(intent))
        return executor

    def find(self, intent: Intent) -> Job | None:
        """The job's folder if it has begun, else what Slurm knows under its name."""
        here = job.look(self.folder / intent.key)
        if self.cluster == "local":
            return here
        queued = next(self._listed(intent.key), None)
        if here is None or here.started_at is None:
            # A folder without a start is the mark that closes the key, or a claim just made.
            return queued or here
        name = here.external_id if queued is None else queued.external_id
        return replace(here, external_id=name)

    def cancel(self, intent: Intent) -> None:
        """Close the key, then have Slurm cancel what bears the name."""
        job.stop(self.folder / intent.key)
        if self.cluster != "local":
            _slurm("scancel", f"--name={intent.key}")

    def jobs(self) -> Iterator[Job]:
        """Every job whose name is one of our keys."""
        if self.cluster != "local":
            yield from self._listed("")

    def _listed(self, key: str) -> Iterator[Job]:
        """Jobs by name, or all of ours: those that wait or run by squeue, the others by sacct."""
        seen: set[str] = set()
        asked = [f"--name={key}"] if key else []
        questions = (
            ("squeue", "--noheader", "--me", "--format=%i|%j|%T", *asked),
            ("sacct", "--noheader", "--allocations", "--parsable2", "--format=JobID,JobName,State",
             "--starttime=now-30days", *asked),
        )  # fmt: skip
        for question in questions:
            for line in _slurm(*question).splitlines():
                number, name, state = line.strip().split("|")[:3]
                if name.startswith(PREFIX) and number not in seen:
                    seen.add(number)
                    word = state.split()[0] if state else ""
                    yield Job(name, number, _STATES.get(word, "failed"), state)


def _slurm(*command: str) -> str:
    """What one of Slurm's commands says."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASK_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise OutcomeUnknown(
            f"cannot ask Slurm: {command[0]} failed ({error}); try again where it runs"
        ) from error
    return done.stdout
