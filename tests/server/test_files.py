"""prefect.yaml, docker-compose.yml and Dockerfile as files: what no server is needed to see."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.connectors.registry import CONNECTORS

REPOSITORY = Path(__file__).parents[2]
ONE_SHOT = {"migrate", "deploy"}


def document(name: str) -> Any:
    return yaml.safe_load((REPOSITORY / name).read_text("utf-8"))


DEPLOYMENTS: list[Any] = document("prefect.yaml")["deployments"]
SCHEDULED = [deployment for deployment in DEPLOYMENTS if deployment["schedules"]]
SERVICES: dict[str, Any] = document("docker-compose.yml")["services"]


def flow_parameters(entrypoint: str) -> set[str]:
    """Parameters of a flow, read from its file without importing Prefect."""
    path, name = entrypoint.split(":")
    tree = ast.parse((REPOSITORY / path).read_text("utf-8"))
    (flow,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return {argument.arg for argument in flow.args.args}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_a_deployment_gives_every_parameter_of_its_flow(deployment: Any) -> None:
    # What a launch runs gets its parameters from the launch.
    given = set() if deployment["name"] == "job" else flow_parameters(deployment["entrypoint"])
    assert set(deployment["parameters"]) == given


def test_deployments_never_start_in_the_same_minute() -> None:
    crons = [schedule["cron"] for each in DEPLOYMENTS for schedule in each["schedules"]]
    assert {d["name"] for d in DEPLOYMENTS if not d["schedules"]} == {"job"}
    assert len(set(crons)) == len(DEPLOYMENTS) - 1
    # Monday is the day of the whole loop, and only of that.
    assert {deployment["name"] for deployment in SCHEDULED if _cron(deployment)[4] == "1"} == {
        "weekly"
    }
    assert {_cron(deployment)[4] for deployment in SCHEDULED} == {"*", "0", "0,2-6", "1"}


def test_each_group_of_sources_has_a_deployment_that_is_off_until_turned_on() -> None:
    found = {each["parameters"]["group"]: each for each in DEPLOYMENTS if _group(each)}
    assert set(found) == {source.group for source in CONNECTORS.values() if source.feeds()}
    for group, deployment in found.items():
        assert deployment["name"] == f"ingest-{group}"
        assert deployment["parameters"]["online"] is True
        assert [schedule["active"] for schedule in deployment["schedules"]] == [False]


def _group(deployment: Any) -> str | None:
    return deployment["parameters"].get("group")


def _cron(deployment: Any) -> list[str]:
    return str(deployment["schedules"][0]["cron"]).split()


def test_nothing_is_built_or_fetched_to_deploy() -> None:
    assert not {"build", "push", "pull"} & document("prefect.yaml").keys()
    assert all(not {"build", "push", "pull"} & deployment.keys() for deployment in DEPLOYMENTS)


def test_compose_is_read_by_docker_compose() -> None:
    binary = shutil.which("docker-compose")
    if binary is None:
        pytest.skip("docker-compose is not installed")
    done = subprocess.run(
        [binary, "--file", str(REPOSITORY / "docker-compose.yml"), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_compose_has_no_name_of_its_own() -> None:
    # docker-compose 1.29 refuses one.
    assert "name" not in document("docker-compose.yml")


def test_compose_opens_ports_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_images_are_pinned_to_a_patch() -> None:
    images = {service["image"] for service in SERVICES.values()}
    assert all(re.search(r":\d+\.\d+(\.\d+)?(-|$)", image) for image in images), images
    first = re.findall(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text("utf-8"), re.M)
    assert set(first) == {"python:3.12.11-slim-bookworm"}


@pytest.mark.parametrize("name", SERVICES)
def test_compose_restarts_what_should_stay(name: str) -> None:
    expected = "on-failure" if name in ONE_SHOT else "unless-stopped"
    assert SERVICES[name]["restart"] == expected


def test_compose_waits_for_health_and_for_one_shots() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert how == {"condition": wanted}, (name, other)
            assert other in ONE_SHOT or "healthcheck" in SERVICES[other]


def test_compose_holds_no_secret() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text("utf-8")
    given = [
        value
        for service in SERVICES.values()
        for key, value in service.get("environment", {}).items()
        if "PASSWORD" in key
    ]
    assert given == ["${POSTGRES_PASSWORD:-prefect}"]
    addresses = re.findall(r"://[^\s:/]+:([^@\s]+)@", text)
    assert addresses == ["${POSTGRES_PASSWORD:-prefect}"]


def test_compose_volumes_are_declared() -> None:
    declared = set(document("docker-compose.yml")["volumes"])
    used = {
        volume.removeprefix("${DATAWALL_SOURCES:-").split(":")[0].rstrip("}")
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
    }
    assert used == declared


def test_image_installs_by_hash_and_runs_without_root() -> None:
    text = (REPOSITORY / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in text
    assert re.search(r"^USER (?!root)\w+", text, re.M)
    assert not re.search(r"https?://|--index|--extra-index|--find-links", text)


def test_image_copies_only_what_exists_and_is_not_ignored() -> None:
    text = (REPOSITORY / "Dockerfile").read_text("utf-8")
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M)
        for source in line.split()[:-1]
    }
    kept = {
        line[1:]
        for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    assert copied == kept
    assert all((REPOSITORY / source).exists() for source in copied)
