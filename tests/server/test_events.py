"""Events on a real server: emitted as docs/launch.md says, and its automation acts on one."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.release,
    pytest.mark.server,
    pytest.mark.timeout(600),
]
PAGE = (Path(__file__).parents[2] / "docs/launch.md").read_text("utf-8").partition("## Events")[2]
NO_ID = "00000000-0000-0000-0000-000000000000"
PLAN = {
    "run": "small", "needed_on": "2027-07-01", "params": 1e6, "mixture": {"web": 1.0},
    "budget_usd": 5, "payload": "true",
}  # fmt: skip
LIMIT_S = 180


class Bench:
    """The project's commands on a server with a worker, and the server's own account."""

    def __init__(self, environment: dict[str, str], processes: Any, folder: Path) -> None:
        self._environment, self._processes, self.folder = environment, processes, folder
        self._http = httpx.Client(
            base_url=environment["PREFECT_API_URL"], trust_env=False, timeout=60
        )

    def datawall(self, *words: str) -> None:
        command = [sys.executable, "-m", "flows.cli", *words]
        self._processes.run(command, self._environment, LIMIT_S)

    def prefect(self, *words: str) -> None:
        self._processes.run(["prefect", *words], self._environment, LIMIT_S)

    def ask(self, path: str, **body: Any) -> Any:
        answer = self._http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def plan(self, tokens: float) -> None:
        file = self.folder / "plan.yaml"
        file.write_text(json.dumps({"runs": [PLAN | {"tokens": tokens}]}))
        self.datawall("runs", "import", str(file))

    def forecast(self, worlds: int) -> None:
        file = self.folder / "baseline.yaml"
        file.write_text(f"{{name: baseline, why: Few worlds for speed., worlds: {worlds}}}\n")
        self.datawall("run", "forecast", "--scenario", str(file))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of a name, oldest first."""
        found = self.ask("/events/filter", filter={"event": {"name": [name]}}, limit=50)
        return sorted(found["events"], key=lambda event: str(event["occurred"]))

    def wait(self, name: str, count: int) -> dict[str, Any]:
        """The event with a number, once there are so many."""
        deadline = time.monotonic() + LIMIT_S
        while len(found := self.events(name)) < count:
            assert time.monotonic() < deadline, f"{name}: {found}\n{self._processes.logs()}"
            time.sleep(0.5)
        assert len(found) == count
        return found[-1]


@pytest.fixture
def bench(prefect_on_postgres: dict[str, str], processes: Any, tmp_path: Path) -> Iterator[Bench]:
    return Bench(prefect_on_postgres, processes, tmp_path)


def _automation(bench: Bench, deployment: str) -> Path:
    """The page's YAML, with a deployment's id as it says."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert text.count(NO_ID) == 1
    (found,) = bench.ask("/deployments/filter", deployments={"name": {"any_": [deployment]}})
    path = bench.folder / "automation.yaml"
    path.write_text(text.replace(NO_ID, found["id"]))
    return path


def test_a_wall_that_moves_decides_anew_and_says_so(bench: Bench) -> None:
    file = _automation(bench, "decide")
    bench.prefect("automation", "create", "--from-file", str(file))
    (made,) = bench.ask("/automations/filter")
    written = yaml.safe_load(file.read_text())
    assert (made["name"], made["enabled"]) == (written["name"], True)
    assert made["trigger"]["expect"] == ["datawall.wall.moved"]

    bench.plan(tokens=1e8)
    bench.forecast(100)
    moved = bench.wait("datawall.wall.moved", 1)
    assert moved["resource"]["prefect.resource.id"] == "datawall.scenario.baseline"
    assert moved["payload"]["before"] is None
    assert moved["payload"]["p10"] < moved["payload"]["p50"] < moved["payload"]["p90"]
    changed = bench.wait("datawall.decision.changed", 1)
    assert changed["resource"]["prefect.resource.id"] == "datawall.run.small"
    assert (changed["payload"]["before"], changed["payload"]["verdict"]) == (None, "launch")

    # More tokens than there are: the next wall that moves has the verdict change.
    bench.plan(tokens=1e17)
    bench.forecast(101)
    assert bench.wait("datawall.wall.moved", 2)["payload"]["before"] is not None
    changed = bench.wait("datawall.decision.changed", 2)
    assert changed["payload"]["before"] == "launch"
    assert changed["payload"]["verdict"] in ("hold", "reject")
    assert changed["payload"]["reasons"]
    runs = bench.ask("/flow_runs/filter", flows={"name": {"any_": ["decide"]}})
    by = [run["created_by"]["type"] for run in runs if run["created_by"] and run["start_time"]]
    assert by == ["AUTOMATION", "AUTOMATION"]
