"""Plan, decide, approve, launch, train on real text, import, forecast: one command each.

Once by the launcher `local`, once by `prefect` with a real server on PostgreSQL and a process
worker; the list of commands in docs/launch.md is held to what was run here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
STUDY = "docs"
RUN = f"{STUDY}-epochs-02"


class Datawall:
    """`datawall` in a workspace of its own."""

    def __init__(self, workspace: Path, **environment: str) -> None:
        self.workspace = workspace
        self.environment = os.environ | environment
        self.verbs: list[str] = []

    def text(self, *words: str) -> str:
        self.verbs.append(_verb(" ".join(words)))
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *words, "--workspace", str(self.workspace)],
            capture_output=True, check=False, cwd=ROOT, env=self.environment, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def json(self, *words: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.text(*words, "--json"))
        return document


def _plan(datawall: Datawall, folder: Path) -> Path:
    """A study on this project's own documents."""
    words = ["context=32", "batch=8", "width=16", "depth=1", "learning_rate=0.02", "log_every=50"]
    corpus = folder / "text"
    corpus.mkdir()
    for page in (ROOT / "docs").glob("*.md"):
        (corpus / f"{page.stem}.txt").write_text(page.read_text("utf-8"))
    plan = folder / "plan.yaml"
    plan.write_text(
        datawall.text(
            "probe", "plan", "repetition", "--corpus", str(corpus), "--unique-tokens", "8192",
            "--study", STUDY, "--price", "0.1", "--budget", "0.5",
            *(word for setting in words for word in ("--set", setting)),
        )
    )  # fmt: skip
    return plan


def _wait(datawall: Datawall, state: str, limit_s: float) -> dict[str, Any]:
    deadline, seen = time.monotonic() + limit_s, ""
    while time.monotonic() < deadline:
        for launch in datawall.json("reconcile")["launches"]:
            seen = launch["state"]
            if seen == state:
                return dict(launch)
        time.sleep(0.5)
    logs = [log.read_text() for log in datawall.workspace.rglob("output.log")]
    pytest.fail(f"the launch is {seen}, not {state}: {logs}")


def loop(datawall: Datawall, folder: Path, launcher: str, limit_s: float) -> None:
    """Every step of docs/probe.md."""
    imported = datawall.json("runs", "import", str(_plan(datawall, folder)))["runs"]
    assert len(imported) == 9
    (decision,) = datawall.json("decide", RUN)["decisions"]
    assert decision["verdict"] == "launch", decision
    datawall.json("approve", decision["decision_id"], "--by", "somebody else")
    (launch,) = datawall.json("launch", decision["decision_id"], "--launcher", launcher)["launches"]
    assert launch["external_id"]
    ended = _wait(datawall, "succeeded", limit_s)
    report = datawall.workspace / "jobs" / f"datawall-{ended['launch_id']}" / "cost.json"
    cost = json.loads(report.read_text())["cost_usd"]
    assert ended["detail"] == "cost as the job reported it"
    assert ended["spent_usd"] == pytest.approx(cost, abs=0.01)
    assert 0 < cost < ended["spent_usd"] < ended["reserved_usd"]
    out = datawall.workspace / "probes" / RUN
    (result,) = datawall.json("probe", "import", str(out.parent))["results"]
    assert result["status"] == "new"
    stored = json.loads((out / "result.json").read_text())
    assert stored["decision_id"] == decision["decision_id"]
    assert stored["launch_key"].endswith(launch["launch_id"])
    few = folder / "few.yaml"
    few.write_text("{name: few-worlds, why: A loop needs few worlds., worlds: 100}\n")
    datawall.json("forecast", "--scenario", str(few))
    datawall.json("report")
    (page,) = (datawall.workspace / "reports").glob("*.md")
    assert f"probe:{RUN}.loss_nats" in page.read_text("utf-8")


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is an optional extra: make probe")


@pytest.mark.campaign
@pytest.mark.release
@pytest.mark.usefixtures("torch")
def test_the_loop_with_the_local_launcher(tmp_path: Path) -> None:
    loop(Datawall(tmp_path / "w"), tmp_path, "local", 120)


def _documented() -> list[str]:
    """The command of each step in docs/launch.md, without its options' values."""
    page = (ROOT / "docs/launch.md").read_text("utf-8")
    table = page.partition("## On one machine, end to end")[2].partition("\n## ")[0]
    return re.findall(r"^\| .+ \| `(.+)` \|$", table, re.MULTILINE)


def _verb(command: str) -> str:
    """`decide`, `probe import`: what a command of ours does."""
    first, second = f"{command} ".split(" ")[:2]
    return f"{first} {second}" if first in ("runs", "probe") else first


@pytest.mark.campaign
@pytest.mark.server
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("torch")
def test_the_loop_with_prefect_on_postgresql(
    tmp_path: Path, prefect_on_postgres: dict[str, str], processes: Any
) -> None:
    datawall = Datawall(Path(prefect_on_postgres["DATAWALL_WORKSPACE"]), **prefect_on_postgres)
    loop(datawall, tmp_path, "prefect", 240)
    ran = [f"datawall {verb}" for verb in dict.fromkeys(datawall.verbs)]
    told = _documented()
    of_prefect = [line for line in told if line.startswith("prefect ")]
    assert of_prefect == [" ".join(words) for words in processes.commands]
    ours = [line.removeprefix("datawall ") for line in told if line.startswith("datawall ")]
    assert [f"datawall {_verb(line)}" for line in ours] == ran
    (launch,) = datawall.json("launches", "--verify")["launches"]
    assert (launch["launcher"], launch["state"]) == ("prefect", "succeeded")
    with httpx.Client(base_url=prefect_on_postgres["PREFECT_API_URL"], trust_env=False) as server:
        tagged = {"flow_runs": {"tags": {"all_": ["datawall-launch"]}}}
        (run,) = server.post("/flow_runs/filter", json=tagged).json()
    assert (run["id"], run["state"]["type"]) == (launch["external_id"], "COMPLETED")
