"""Launcher `local`: real processes, killed at will, never run twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.launchers import job
from flows.launchers.contract import Intent, Job
from flows.launchers.local import Local

Make = Callable[..., Intent]


@pytest.fixture
def intent(tmp_path: Path) -> Make:
    """Call it for a launch with a payload."""

    def make(payload: Any, hours: float = 0.1) -> Intent:
        manifest = {"payload": payload, "resources": {"gpus": 0, "hours": hours}}
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(manifest))
        return Intent("abcd1234", "a-run", manifest, "f" * 64, path, tmp_path)

    return make


@pytest.fixture
def here(tmp_path: Path) -> Local:
    return Local(tmp_path / "jobs")


def _ended(here: Local, intent: Intent, limit_s: float = 30.0) -> Job:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = here.find(intent)
        if found is not None and found.state not in ("pending", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"did not end: {here.find(intent)}")


def test_a_payload_runs_with_its_manifest(
    here: Local, intent: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAWALL_LEDGER_URL", "postgresql://ann:secret@db/x")
    wanted = intent("env; test -f $DATAWALL_MANIFEST")
    assert here.submit(wanted).endswith(":datawall-abcd1234")
    found = _ended(here, wanted)
    assert (found.state, found.detail, found.cost_usd) == ("succeeded", "", None)
    said = (here.folder / wanted.key / "output.log").read_text()
    assert f"DATAWALL_WORKSPACE={tmp_path}" in said
    assert "DATAWALL_LAUNCH_KEY=datawall-abcd1234" in said
    assert "secret" not in said


def test_a_list_of_words_needs_no_shell(here: Local, intent: Make) -> None:
    wanted = intent(["python", "-c", "print('$HOME')"])
    here.submit(wanted)
    assert _ended(here, wanted).state == "succeeded"
    assert (here.folder / wanted.key / "output.log").read_text() == "$HOME\n"


def test_submitting_twice_runs_once(here: Local, intent: Make, tmp_path: Path) -> None:
    wanted = intent(f"echo x >> {tmp_path / 'marks'}; sleep 0.3")
    assert here.submit(wanted) == here.submit(wanted)
    _ended(here, wanted)
    here.submit(wanted)
    assert (tmp_path / "marks").read_text() == "x\n"
    assert [found.key for found in here.jobs()] == [wanted.key]


def test_a_closed_key_never_runs(here: Local, intent: Make, tmp_path: Path) -> None:
    wanted = intent(f"touch {tmp_path / 'mark'}")
    assert here.find(wanted) is None
    here.cancel(wanted)
    runner = job.start(
        wanted.manifest_path, here.folder / wanted.key, {}, here.folder / "runner.log"
    )
    assert runner.wait(30) == 0
    found = here.find(wanted)
    assert found is not None
    assert (found.state, found.started_at) == ("cancelled", None)
    assert not (tmp_path / "mark").exists()


def test_cancelling_stops_the_payload_and_what_it_started(here: Local, intent: Make) -> None:
    wanted = intent("sleep 60 & sleep 60")
    here.submit(wanted)
    here.cancel(wanted)
    assert not job.is_held(here.folder / wanted.key)
    assert _ended(here, wanted).state == "cancelled"


_STOPPED_TOO_EARLY = """
import os, signal, sys
from pathlib import Path
from flows.launchers import job

write = job._write

def stop_meanwhile(path, document):
    write(path, document)
    if path.name == "job.json":
        (path.parent / "cancelled").touch()
        os.killpg(0, signal.SIGTERM)

job._write = stop_meanwhile
job.run(Path(sys.argv[1]), "sleep 60", {}, None)
"""


def test_a_payload_that_starts_after_the_word_to_stop_hears_it(tmp_path: Path) -> None:
    """The word comes once a job shows as running, which is before its payload does."""
    code = [sys.executable, "-c", _STOPPED_TOO_EARLY, str(tmp_path / "key")]
    with subprocess.Popen(code, start_new_session=True) as runner:
        assert runner.wait(30) == 0
    found = job.look(tmp_path / "key")
    assert found is not None
    assert found.state == "cancelled"


def test_a_failing_payload_says_so(here: Local, intent: Make) -> None:
    wanted = intent("exit 3")
    here.submit(wanted)
    found = _ended(here, wanted)
    assert found.state == "failed"
    assert "exit code 3" in found.detail


def test_what_a_payload_says_it_cost(here: Local, intent: Make) -> None:
    wanted = intent("""echo '{"cost_usd": 1.25}' > $DATAWALL_COST; exit 3""")
    here.submit(wanted)
    found = _ended(here, wanted)
    assert (found.state, found.cost_usd) == ("failed", 1.25)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"cost_usd": -1}', "cost_usd is -1.0"),
        ('{"cost_usd": NaN}', "cost_usd is nan"),
        ('{"cost_usd": Infinity}', "cost_usd is inf"),
        ('{"cost_usd": "much"}', "ValueError"),
        ('{"cost": 1}', "KeyError"),
        ("[1]", "TypeError"),
        ("", "JSONDecodeError"),
    ],
)
def test_a_report_that_says_no_cost(here: Local, intent: Make, said: str, why: str) -> None:
    wanted = intent(f"printf '%s' '{said}' > $DATAWALL_COST")
    here.submit(wanted)
    found = _ended(here, wanted)
    assert (found.state, found.cost_usd) == ("succeeded", None)
    assert "cost.json is no cost report (" in found.detail
    assert why in found.detail


def test_its_time_is_limited(here: Local, intent: Make) -> None:
    wanted = intent("sleep 60", hours=0.3 / 3600)
    here.submit(wanted)
    found = _ended(here, wanted)
    assert (found.state, "stopped after its" in found.detail) == ("failed", True)


@pytest.mark.crash
def test_a_killed_runner_is_seen_when_its_payload_ends(here: Local, intent: Make) -> None:
    wanted = intent("""echo '{"cost_usd": 0.5}' > $DATAWALL_COST; sleep 1""")
    here.submit(wanted)
    told = json.loads((here.folder / wanted.key / "job.json").read_text())
    os.kill(told["group"], signal.SIGKILL)
    time.sleep(0.1)
    running = here.find(wanted)
    assert running is not None
    assert running.state == "running"
    ended = _ended(here, wanted)
    # What it had said until then would be too little.
    assert (ended.detail, ended.cost_usd) == ("it was killed", None)
