"""What Prefect's work pools need to be told so that a run gets its environment and its GPUs.

A process pool takes environment variables, a Docker pool arguments of container creation. A
Kubernetes pool knows nothing of GPUs until its base job template is extended:

    python -m flows.launchers.pools > template.json
    prefect work-pool create gpu --type kubernetes --base-job-template template.json
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from typing import Any

from flows.errors import LaunchRefused

GPU = "nvidia.com/gpu"
SHARED_MEMORY = "16g"
ADDED: dict[str, Any] = {
    "gpus": {
        "title": "GPUs",
        "description": "Number of GPUs of the container.",
        "type": "integer",
        "minimum": 0,
        "default": 0,
    },
    "node_selector": {
        "title": "Node selector",
        "description": "Labels of the nodes that may run the pod.",
        "type": "object",
        "additionalProperties": {"type": "string"},
        "default": {},
    },
}


def with_gpus(template: Mapping[str, Any]) -> dict[str, Any]:
    """A Kubernetes base job template, extended by the variables `gpus` and `node_selector`."""
    extended = copy.deepcopy(dict(template))
    extended["variables"]["properties"] |= ADDED
    pod = extended["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    pod["containers"][0].setdefault("resources", {}).setdefault("limits", {})[GPU] = "{{ gpus }}"
    pod["nodeSelector"] = "{{ node_selector }}"
    return extended


def job_variables(
    kind: str,
    known: Mapping[str, Any],
    resources: Mapping[str, Any] | None,
    environment: Mapping[str, str],
    where: str,
) -> dict[str, Any]:
    """Job variables of one run in a pool of a kind, whose template has the variables `known`.

    Raises: LaunchRefused where GPUs are asked for and the pool could not give them
    """
    asked = resources or {}
    gpus = int(asked.get("gpus") or 0)
    env = dict(environment)
    if kind == "process":
        return {"env": env | {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(gpus)))}}
    if gpus == 0:
        return {"env": env}
    if kind == "docker":
        request = {"Driver": "nvidia", "Count": gpus, "Capabilities": [["gpu"]]}
        created = {"device_requests": [request], "shm_size": SHARED_MEMORY}
        return {"env": env, "container_create_kwargs": created}
    if set(ADDED) <= set(known):
        return {"env": env, "gpus": gpus, "node_selector": dict(asked.get("node_selector") or {})}
    raise LaunchRefused(
        f"the run needs {gpus} GPUs, and work pool {where} of type {kind} has no job variable for "
        "them; extend its base job template (docs/launch.md, Kubernetes)"
    )


if __name__ == "__main__":
    import json

    from prefect_kubernetes.worker import KubernetesWorker

    sys.stdout.write(json.dumps(with_gpus(KubernetesWorker.get_default_base_job_template())))
