"""A real server, the real deployments, and a run that the server itself schedules.

Once on SQLite with one server process; once as docker-compose.yml has it, with its own commands and
settings, on PostgreSQL and Redis of this machine instead of the containers.
"""

from __future__ import annotations

import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from flows.connectors.registry import CONNECTORS

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.server,
    pytest.mark.timeout(400),
]
REPOSITORY = Path(__file__).parents[2]
GROUPS = {f"ingest-{source.group}" for source in CONNECTORS.values() if source.feeds()}
DEPLOYMENTS = {"ingest", "forecast", "decide", "report", "weekly", "launch", "reconcile", *GROUPS}
START_S, RUN_S = 120, 120


@pytest.fixture
def base(prefect_environment: dict[str, str]) -> dict[str, str]:
    """An environment with a home, a port and a workspace of its own."""
    return prefect_environment


class Api:
    """The server's own account of what it has."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=90)

    def ready(self) -> bool:
        try:
            return self._http.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, body: Any) -> Any:
        for _ in range(5):
            answer = self._http.post(path, json=body)
            if answer.status_code != 503:
                break
            time.sleep(1)  # SQLite was being written; Prefect's own client tries again as well
        answer.raise_for_status()
        return answer.json()

    def deployments(self) -> dict[str, Any]:
        return {found["name"]: found for found in self.post("/deployments/filter", {})}

    def schedule_soon(self, deployment_id: str) -> None:
        """Add a schedule that starts in some seconds.

        The server looks for new schedules every 5 s, and not for times that have passed: on a busy
        machine the second or third time may be the first to count.
        """
        soon = datetime.now(UTC) + timedelta(seconds=8)
        interval = {"interval": 30, "anchor_date": (soon - timedelta(hours=1)).isoformat()}
        body = [{"active": True, "schedule": interval}]
        self.post(f"/deployments/{deployment_id}/schedules", body)

    def ended(self, deployment_id: str) -> list[Any]:
        """Runs of a deployment that have ended, however they did."""
        return list(
            self.post(
                "/flow_runs/filter",
                {
                    "deployments": {"id": {"any_": [deployment_id]}},
                    "flow_runs": {
                        "state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}
                    },
                },
            )
        )

    def artifacts(self) -> set[str]:
        found = self.post("/artifacts/latest/filter", {})
        return {artifact["key"] for artifact in found}


@pytest.fixture
def api(base: dict[str, str]) -> Api:
    """The API of the test's own server."""
    return Api(base["PREFECT_API_URL"])


def check_deployments(api: Api) -> dict[str, Any]:
    """All deployments are there, scheduled, never overlapping and patient with the lock."""
    found = api.deployments()
    # Never scheduled, and as often at once as launches are allowed.
    job = found.pop("job")
    assert (job["entrypoint"], job["schedules"]) == ("flows/job.py:job", [])
    assert set(found) == DEPLOYMENTS
    slugs = [deployment["schedules"][0]["slug"] for deployment in found.values()]
    assert len(set(slugs)) == len(DEPLOYMENTS)
    for name, deployment in found.items():
        flow = name.partition("-")[0]
        assert deployment["entrypoint"] == f"flows/{flow}.py:{flow}"
        assert deployment["work_pool_name"] == "datawall"
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert deployment["job_variables"]["env"] == {"DATAWALL_LOCK_WAIT_S": "120"}
        assert deployment["pull_steps"] == [
            {"prefect.deployments.steps.set_working_directory": {"directory": str(REPOSITORY)}}
        ]
        on = [schedule["active"] for schedule in deployment["schedules"]]
        assert on == [name not in GROUPS]
        assert deployment["schedules"][0]["schedule"]["timezone"] == "UTC"
    return found


def run_by_schedule(api: Api, processes: Any, deployment: Any) -> None:
    """Schedule a deployment and wait until its run has ended well on the worker."""
    api.schedule_soon(deployment["id"])
    processes.until("a run ended", lambda: api.ended(deployment["id"]), RUN_S)
    run = api.ended(deployment["id"])[0]
    told = f"{run['state']['message']}\n{processes.logs()}"
    assert run["state"]["type"] == "COMPLETED", told
    assert run["auto_scheduled"] is True


@pytest.mark.release
def test_a_scheduled_week_on_sqlite(
    processes: Any, base: dict[str, str], api: Api, tmp_path: Path
) -> None:
    processes.start("server", ["prefect", "server", "start", "--host", "127.0.0.1"], base)
    processes.until("the server is ready", api.ready, START_S)
    processes.run(["prefect", "work-pool", "create", "datawall", "--type", "process"], base)
    processes.start("worker", ["prefect", "worker", "start", "--pool", "datawall"], base)
    processes.run(["prefect", "deploy", "--all"], base)

    run_by_schedule(api, processes, check_deployments(api)["weekly"])

    reports = {path.suffix for path in (tmp_path / "workspace" / "reports").iterdir()}
    assert reports == {".html", ".md"}
    assert api.artifacts() >= {
        "ingest", "forecast-baseline", "walls-baseline", "decisions-baseline", "report-baseline",
    }  # fmt: skip
    assert "Traceback" not in processes.log("server")
    assert "Traceback" not in processes.log("worker")


# As docker-compose.yml has it


@pytest.fixture
def database(postgres_url: str) -> str:
    """Address of a PostgreSQL database as Prefect writes it."""
    return postgres_url.replace("postgresql://", "postgresql+asyncpg://")


@pytest.fixture
def redis(processes: Any, base: dict[str, str], tmp_path: Path) -> str:
    """Host and port of a Redis started for this test: nobody else's keys are touched."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on this machine")
    port = str(processes.free_port())
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    processes.start("redis", [binary, *options], base)
    processes.until(
        "Redis is ready", lambda: "Ready to accept connections" in processes.log("redis"), 10
    )
    return f"127.0.0.1:{port}"


class Compose:
    """Commands and settings of docker-compose.yml, for this machine's addresses."""

    def __init__(self, base: dict[str, str], database: str, redis: str) -> None:
        self._services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))[
            "services"
        ]
        self._base = base
        self._port = base["PREFECT_SERVER_API_PORT"]
        self._places = (
            (r"postgresql\+asyncpg://\S+", database),
            (r"redis:6379", redis),
            (r"server:4200|127\.0\.0\.1:4200", f"127.0.0.1:{self._port}"),
            (r"127\.0\.0\.1:8080", f"127.0.0.1:{base['PREFECT_WORKER_WEBSERVER_PORT']}"),
            (r"^0\.0\.0\.0$", "127.0.0.1"),
            (r"^4200$", self._port),
            (r"^/workspace$", base["DATAWALL_WORKSPACE"]),
            (r"^/sources$", str(REPOSITORY / "tests" / "data" / "epoch")),
        )

    def _here(self, text: str) -> str:
        for there, here in self._places:
            text = re.sub(there, here, text)
        return text

    def command(self, service: str) -> list[str]:
        return [self._here(word) for word in self._services[service]["command"]]

    def health(self, service: str) -> list[str]:
        kind, *words = self._services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return [self._here(word) for word in words]

    def environment(self, service: str) -> dict[str, str]:
        """The service's settings alone, on top of what any container would have."""
        given = self._services[service]["environment"]
        own = {key: self._here(str(value)) for key, value in given.items()}
        outside = {
            key: value
            for key, value in self._base.items()
            if not key.startswith(("PREFECT_", "DATAWALL_"))
        }
        needed = (
            "PREFECT_HOME", "PREFECT_WORKER_WEBSERVER_PORT", "PREFECT_WORKER_QUERY_SECONDS",
        )  # fmt: skip
        return outside | {key: self._base[key] for key in needed} | own


@pytest.mark.release
def test_a_scheduled_ingest_as_compose_has_it(
    processes: Any, base: dict[str, str], api: Api, database: str, redis: str, tmp_path: Path
) -> None:
    compose = Compose(base, database, redis)
    processes.run(compose.command("migrate"), compose.environment("migrate"))
    for service in ("server", "services"):
        processes.start(service, compose.command(service), compose.environment(service))
    processes.until("the server is ready", api.ready, START_S)
    processes.run(compose.health("server"), compose.environment("server"))
    processes.run(compose.command("deploy"), compose.environment("deploy"))
    processes.start("worker", compose.command("worker"), compose.environment("worker"))

    run_by_schedule(api, processes, check_deployments(api)["ingest"])

    assert (tmp_path / "workspace" / "published.duckdb").exists()
    assert "ingest" in api.artifacts()
    processes.run(compose.health("worker"), compose.environment("worker"))
    for name in ("server", "services", "worker"):
        assert "Traceback" not in processes.log(name), processes.log(name)
