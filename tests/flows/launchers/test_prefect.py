"""Launcher `prefect` on a server: one flow run a key, a closed key, what was never started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.errors import LaunchRefused
from flows.launchers.contract import Intent, OutcomeUnknown
from flows.launchers.prefect import PrefectLauncher

pytestmark = [pytest.mark.campaign, pytest.mark.server]


@pytest.fixture(scope="module")
def client(own_prefect: None) -> Iterator[Any]:
    """A server with deployments job/job, on a process pool, and loose/loose, on none."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.testing.utilities import prefect_test_harness
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name="p", type="process", base_job_template=template)
    with prefect_test_harness(server_startup_timeout=120), get_client(sync_client=True) as here:
        here.create_work_pool(pool)
        for name, where in (("job", "p"), ("loose", None)):
            flow = here.create_flow_from_name(name)
            here.create_deployment(flow, name, work_pool_name=where)
        yield here


@pytest.fixture
def launcher(client: Any, tmp_path: Path) -> PrefectLauncher:
    return PrefectLauncher(tmp_path / "jobs")


def _intent(launch_id: str, tmp_path: Path, sha256: str = "f" * 64, **manifest: Any) -> Intent:
    content = {"payload": "true", "resources": None} | manifest
    return Intent(launch_id, "a-run", content, sha256, tmp_path / "m.json", tmp_path)


def test_a_key_gets_one_flow_run(launcher: PrefectLauncher, client: Any, tmp_path: Path) -> None:
    wanted = _intent("once", tmp_path)
    assert launcher.find(wanted) is None
    assert launcher.submit(wanted) == launcher.submit(wanted)
    found = launcher.find(wanted)
    assert found is not None
    assert (found.state, found.started_at) == ("pending", None)
    run = client.read_flow_run(found.external_id)
    assert run.job_variables["env"]["DATAWALL_LAUNCH_KEY"] == "datawall-once"
    assert run.parameters["launch_id"] == "once"
    assert "datawall-once" in [job.key for job in launcher.jobs()]
    # Another manifest never gets the run of this one.
    assert launcher.find(_intent("once", tmp_path, "e" * 64)) is None


def test_a_closed_key_was_never_started(launcher: PrefectLauncher, tmp_path: Path) -> None:
    """A run that is made cancelled has a start time on the server, and ran for no second."""
    wanted = _intent("closed", tmp_path)
    launcher.cancel(wanted)
    late = launcher.submit(wanted)
    found = launcher.find(wanted)
    assert found is not None
    assert (found.external_id, found.state, found.started_at) == (late, "cancelled", None)


def test_cancelled_while_it_waits(launcher: PrefectLauncher, tmp_path: Path) -> None:
    wanted = _intent("waits", tmp_path)
    name = launcher.submit(wanted)
    launcher.cancel(wanted)
    found = launcher.find(wanted)
    assert found is not None
    assert (found.external_id, found.state, found.started_at) == (name, "cancelled", None)
    assert (tmp_path / "jobs" / wanted.key / "cancelled").exists()


def test_a_run_that_ran_has_its_times(
    launcher: PrefectLauncher, client: Any, tmp_path: Path
) -> None:
    from prefect.states import Cancelled, Running

    wanted = _intent("ran", tmp_path)
    name = launcher.submit(wanted)
    client.set_flow_run_state(name, Running(), force=True)
    client.set_flow_run_state(name, Cancelled(), force=True)
    found = launcher.find(wanted)
    assert found is not None
    assert found.state == "cancelled"
    assert found.started_at is not None
    assert found.ended_at is not None
    assert found.started_at <= found.ended_at


def test_what_cannot_be_started_is_refused(launcher: PrefectLauncher, tmp_path: Path) -> None:
    with pytest.raises(LaunchRefused, match="Prefect has no deployment 'no/such'"):
        launcher.submit(_intent("none", tmp_path, deployment="no/such"))
    with pytest.raises(LaunchRefused, match="'loose/loose' has no work pool"):
        launcher.submit(_intent("loose", tmp_path, deployment="loose/loose"))
    assert launcher.find(_intent("none", tmp_path)) is None


def test_without_a_server_nothing_is_started_and_nothing_is_known(
    launcher: PrefectLauncher, tmp_path: Path
) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    gone = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    wanted = _intent("gone", tmp_path)
    with temporary_settings(gone):
        with pytest.raises(LaunchRefused, match="nothing was started"):
            launcher.submit(wanted)
        with pytest.raises(OutcomeUnknown, match="did not answer as it should"):
            launcher.find(wanted)
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(OutcomeUnknown, match="no Prefect server is set"),
    ):
        launcher.find(wanted)
