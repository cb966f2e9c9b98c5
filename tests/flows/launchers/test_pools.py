"""Job variables of work pools, as Prefect's own libraries render them; nothing is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from flows.errors import LaunchRefused
from flows.launchers.pools import job_variables, with_gpus

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

# Prefect is loaded by the tests: every process of the suite collects this file.
ENV = {"DATAWALL_LAUNCH_KEY": "datawall-1"}
GPUS = {"gpus": 8, "node_selector": {"pool": "h100"}}


def test_process_pools_select_gpus_by_environment() -> None:
    chosen = job_variables("process", {}, {"gpus": 2}, ENV, "p")
    assert chosen == {"env": ENV | {"CUDA_VISIBLE_DEVICES": "0,1"}}
    assert job_variables("process", {}, None, ENV, "p")["env"]["CUDA_VISIBLE_DEVICES"] == ""


def _for_a_run(found: Any, flow_run: FlowRun) -> Any:
    """What a worker does to a configuration before it starts a run."""
    found.prepare_for_flow_run(flow_run)
    return found


@pytest.fixture
def flow_run() -> FlowRun:
    from prefect.client.schemas.objects import FlowRun

    return FlowRun(flow_id=uuid4(), name="datawall-1")


def test_process_workers_give_it_to_the_payload(flow_run: FlowRun) -> None:
    from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    known = template["variables"]["properties"]
    chosen = job_variables("process", known, GPUS, ENV, "p")
    assert set(chosen) <= set(known)
    found = _for_a_run(_rendered(ProcessJobConfiguration, template, chosen), flow_run)
    assert found.env["CUDA_VISIBLE_DEVICES"] == "0,1,2,3,4,5,6,7"
    assert found.env["DATAWALL_LAUNCH_KEY"] == "datawall-1"


def _rendered(configuration: Any, template: dict[str, Any], values: dict[str, Any]) -> Any:
    """What `from_template_and_values` makes, without asking a server for blocks."""
    from prefect.utilities.templating import apply_values

    variables = configuration._get_base_config_defaults(template["variables"]["properties"])
    filled = apply_values(template["job_configuration"], variables | values)
    return configuration(**filled)


def test_docker_renders_device_requests(flow_run: FlowRun) -> None:
    worker = pytest.importorskip("prefect_docker.worker")
    docker = pytest.importorskip("docker")
    template = worker.DockerWorker.get_default_base_job_template()
    chosen = job_variables("docker", template["variables"]["properties"], GPUS, ENV, "d")
    found = _for_a_run(_rendered(worker.DockerWorkerJobConfiguration, template, chosen), flow_run)
    assert found.env["DATAWALL_LAUNCH_KEY"] == "datawall-1"
    assert found.container_create_kwargs["shm_size"] == "16g"
    (request,) = found.container_create_kwargs["device_requests"]
    # docker-py takes the request as what it would send to the engine.
    host = docker.types.HostConfig(version="1.44", device_requests=[request], shm_size="16g")
    assert host["DeviceRequests"] == [
        {"Driver": "nvidia", "Count": 8, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
    ]


def test_kubernetes_renders_limits_and_node_selector(flow_run: FlowRun) -> None:
    worker = pytest.importorskip("prefect_kubernetes.worker")
    template = with_gpus(worker.KubernetesWorker.get_default_base_job_template())
    chosen = job_variables("kubernetes", template["variables"]["properties"], GPUS, ENV, "k")
    found = _for_a_run(
        _rendered(worker.KubernetesWorkerJobConfiguration, template, chosen), flow_run
    )
    pod = found.job_manifest["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 8
    assert pod["nodeSelector"] == {"pool": "h100"}
    given = {item["name"]: item["value"] for item in pod["containers"][0]["env"]}
    assert given["DATAWALL_LAUNCH_KEY"] == "datawall-1"


def test_kubernetes_without_gpus_asks_for_none() -> None:
    worker = pytest.importorskip("prefect_kubernetes.worker")
    template = with_gpus(worker.KubernetesWorker.get_default_base_job_template())
    chosen = job_variables("kubernetes", template["variables"]["properties"], None, ENV, "k")
    found = _rendered(worker.KubernetesWorkerJobConfiguration, template, chosen)
    limits = found.job_manifest["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == 0


def test_a_pool_that_cannot_give_gpus_is_refused() -> None:
    with pytest.raises(LaunchRefused, match="work pool k of type kubernetes has no job variable"):
        job_variables("kubernetes", {"image": {}}, GPUS, ENV, "k")
