"""Plan, decide, approve, launch, train on real text, import, forecast: one command each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STUDY = "docs"
RUN = f"{STUDY}-epochs-02"


class Datawall:
    """`datawall` in a workspace of its own."""

    def __init__(self, workspace: Path, **environment: str) -> None:
        self.workspace = workspace
        self.environment = os.environ | environment

    def text(self, *words: str) -> str:
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


def _wait(datawall: Datawall, state: str, limit_s: float) -> None:
    deadline, seen = time.monotonic() + limit_s, ""
    while time.monotonic() < deadline:
        datawall.json("reconcile")
        (launch,) = datawall.json("launches")["launches"]
        seen = launch["state"]
        if seen == state:
            return
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
    _wait(datawall, "succeeded", limit_s)
    out = datawall.workspace / "probes" / RUN
    (result,) = datawall.json("probe", "import", str(out))["results"]
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


@pytest.mark.campaign
def test_the_loop_with_the_local_launcher(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is an optional extra: make probe")
    loop(Datawall(tmp_path / "w"), tmp_path, "local", 120)
