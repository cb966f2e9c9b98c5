"""Launcher `prefect`: a run of a deployment, on whatever work pool it belongs to.

The server keeps one flow run for an idempotency key, for good. So a submission that is repeated, or
that arrives late, gets the run there is; and a run that is made cancelled from the start closes the
key. The bundled deployment `job/job` runs the payload through job.py, which claims it once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import prefect_env
from flows.errors import LaunchRefused
from flows.launchers import job
from flows.launchers.contract import PREFIX, Intent, Job, JobState, OutcomeUnknown
from flows.launchers.pools import job_variables

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

DEPLOYMENT = "job/job"
TAG = "datawall-launch"
_STATES: dict[str, JobState] = {
    "SCHEDULED": "pending",
    "PENDING": "pending",
    "RUNNING": "running",
    "PAUSED": "running",
    "CANCELLING": "running",
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "CRASHED": "failed",
    "CANCELLED": "cancelled",
}
_ENDED = ("succeeded", "failed", "cancelled")


def idempotency_key(intent: Intent) -> str:
    """Key and configuration: another manifest never gets the run of this one."""
    return f"{intent.key}-{intent.manifest_sha256[:16]}"


@contextmanager
def _asking(what: str) -> Iterator[SyncPrefectClient]:
    """A client; whatever goes wrong on the way leaves the outcome unknown."""
    prefect_env.apply()
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value() is None:
        # Prefect would start a temporary server, which no worker asks and which forgets the key.
        raise OutcomeUnknown(f"{what}: no Prefect server is set; set PREFECT_API_URL")
    with get_client(sync_client=True) as client:
        try:
            yield client
        except (httpx.HTTPError, PrefectException) as error:
            raise OutcomeUnknown(
                f"{what}: Prefect's server at {client.api_url} did not answer as it should "
                f"({str(error).strip() or type(error).__name__}); next: datawall reconcile"
            ) from error


@dataclass(frozen=True, slots=True)
class PrefectLauncher:
    """Runs of deployments of the server that PREFECT_API_URL names; folder: jobs run here."""

    folder: Path
    name: str = "prefect"

    def submit(self, intent: Intent) -> str:
        """Make the flow run, or get the one that has this key."""
        deployment_id, variables = self._prepared(intent)
        with _asking(f"submitting {intent.run}") as client:
            run = client.create_flow_run_from_deployment(
                deployment_id,
                parameters={"launch_id": intent.launch_id, "manifest": dict(intent.manifest)},
                name=intent.key,
                tags=[TAG, intent.key],
                idempotency_key=idempotency_key(intent),
                job_variables=variables,
            )
        return str(run.id)

    def _prepared(self, intent: Intent) -> tuple[Any, dict[str, Any]]:
        """What is read before anything is started, so that its failure starts nothing."""
        from prefect.exceptions import ObjectNotFound

        name = str(intent.manifest.get("deployment") or DEPLOYMENT)
        try:
            with _asking(f"looking for deployment {name}") as client:
                try:
                    deployment = client.read_deployment_by_name(name)
                except ObjectNotFound as error:
                    raise LaunchRefused(
                        f"Prefect has no deployment {name!r}; deploy it with `prefect deploy --all`"
                        ", or correct `deployment` in the plan"
                    ) from error
                if deployment.work_pool_name is None:
                    raise LaunchRefused(f"deployment {name!r} has no work pool; give it one")
                pool = client.read_work_pool(deployment.work_pool_name)
        except OutcomeUnknown as error:
            raise LaunchRefused(f"nothing was started: {error}") from error
        known = pool.base_job_template.get("variables", {}).get("properties", {})
        return deployment.id, job_variables(
            pool.type, known, intent.manifest["resources"], intent.environment(), pool.name
        )

    def find(self, intent: Intent) -> Job | None:
        """The flow run with this key; how its payload fares, where that can be seen from here."""
        with _asking(f"looking for {intent.key}") as client:
            run = _run_of(client, intent)
        if run is None:
            return None
        found = _as_job(intent.key, run)
        here = job.look(self.folder / intent.key)
        if here is None or here.started_at is None:
            return found
        # The payload itself, even where its flow run was killed or shows a state long past.
        return replace(here, external_id=found.external_id)

    def cancel(self, intent: Intent) -> None:
        """Cancel the flow run, or make a cancelled one under this key; stop its payload."""
        from prefect.states import Cancelled

        with _asking(f"cancelling {intent.key}") as client:
            run = _run_of(client, intent)
            if run is None:
                name = str(intent.manifest.get("deployment") or DEPLOYMENT)
                deployment = client.read_deployment_by_name(name)
                # Whoever else has made the run meanwhile gets it back here, and then cancelled.
                run = client.create_flow_run_from_deployment(
                    deployment.id,
                    parameters={"launch_id": intent.launch_id, "manifest": {}},
                    state=Cancelled(message="closed by Datawall: nothing was submitted"),
                    name=intent.key,
                    tags=[TAG, intent.key],
                    idempotency_key=idempotency_key(intent),
                )
            if _as_job(intent.key, run).state not in _ENDED:
                client.set_flow_run_state(run.id, Cancelled(message="by Datawall"), force=True)
        job.stop(self.folder / intent.key)

    def jobs(self) -> Iterator[Job]:
        """Every flow run with our tag."""
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags

        page = 200
        tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG]))
        with _asking("looking for orphans") as client:
            offset = 0
            while found := client.read_flow_runs(flow_run_filter=tagged, limit=page, offset=offset):
                for run in found:
                    key = next(
                        (tag for tag in run.tags if tag.startswith(PREFIX) and tag != TAG), ""
                    )
                    yield _as_job(key, run)
                offset += page


def _run_of(client: SyncPrefectClient, intent: Intent) -> FlowRun | None:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey

    key = FlowRunFilterIdempotencyKey(any_=[idempotency_key(intent)])
    found = client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=key), limit=2)
    return found[0] if found else None


def _as_job(key: str, run: FlowRun) -> Job:
    state = None if run.state is None else run.state.type.value
    detail = "" if run.state is None else (run.state.message or "")
    # The server gives a start to what was cancelled before it ran, too.
    started = run.start_time if run.run_count else None
    return Job(
        key, str(run.id), _STATES.get(state or "", "pending"), detail[:300], started, run.end_time
    )
