"""Running a flow in a terminal: quiet, one sentence for a failure, nothing left running."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from flows import prefect_env

pytestmark = pytest.mark.server
LIMIT_S = 150
Running = Callable[[str], list[int]]
STARTING = "starting flow {} (Prefect's server takes some seconds)"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for all, since a fresh database takes Prefect seconds to make."""
    return tmp_path_factory.mktemp("local") / "workspace"


@pytest.fixture
def mark() -> str:
    """A value in the environment of all that a test starts, to find what it left."""
    return uuid.uuid4().hex


def environment(home: Path, mark: str, **changes: str) -> dict[str, str]:
    """This environment without the user's own Prefect, and a home without a profile."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    return own | {"HOME": str(home), "DATAWALL_TEST_MARK": mark} | changes


def command(workspace: Path, *args: str) -> list[str]:
    return [sys.executable, "-m", "flows.cli", "run", *args, "--workspace", str(workspace)]


def datawall(
    workspace: Path, mark: str, *args: str, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run a flow to its end, away from the repository's folder."""
    return subprocess.run(
        command(workspace, *args),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=workspace.parent,
        env=environment(workspace.parent, mark, **changes),
    )


@pytest.mark.campaign
def test_weekly_is_quiet_and_leaves_nothing_running(
    workspace: Path, mark: str, running: Running
) -> None:
    done = datawall(workspace, mark, "weekly")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [STARTING.format("weekly")]
    headline, written = done.stdout.splitlines()
    assert re.search(r"20\d\d", headline)
    assert Path(written.removeprefix("report: ")).is_file()
    assert (workspace / ".prefect" / "prefect.db").exists()
    assert (workspace / ".prefect" / "server.log").read_text("utf-8") == ""
    assert running(mark) == []


@pytest.mark.campaign
@pytest.mark.release
def test_an_error_inside_a_flow_is_one_sentence(
    workspace: Path, mark: str, running: Running, tmp_path: Path
) -> None:
    (tmp_path / "notable_ai_models.csv").write_text("Model,Price\nx,1\n", "utf-8")
    done = datawall(workspace, mark, "ingest", "--from", str(tmp_path))
    assert done.returncode == 3
    said = done.stderr.splitlines()
    assert said[0] == STARTING.format("ingest")
    assert [line for line in said if line.startswith("datawall: ")] == said[-1:]
    assert "notable_ai_models.csv" in said[-1]
    assert "Traceback" not in done.stderr
    assert "ERROR" not in done.stderr
    assert running(mark) == []


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["weekly", "--scenario", "basline"], 5, "basline"),
        (["weekly", "--from", "/nowhere/at/all"], 3, "/nowhere/at/all"),
        (["weakly"], 2, "did you mean weekly"),
    ],
)
def test_a_mistyped_word_waits_for_no_server(
    workspace: Path, mark: str, running: Running, args: list[str], code: int, said: str
) -> None:
    log = workspace / ".prefect" / "server.log"
    before = log.stat().st_mtime_ns if log.exists() else None
    done = datawall(workspace, mark, *args)
    assert done.returncode == code
    last = done.stderr.splitlines()[-1]
    assert last.startswith("datawall: ")
    assert said in last
    assert "Traceback" not in done.stderr
    assert running(mark) == []
    assert (log.stat().st_mtime_ns if log.exists() else None) == before


def test_a_server_of_the_user_that_does_not_answer_is_named(workspace: Path, mark: str) -> None:
    url = "http://127.0.0.1:9/api"
    done = datawall(workspace, mark, "weekly", PREFECT_API_URL=url)
    assert done.returncode == 2
    assert f"{url} does not answer" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.campaign
@pytest.mark.release
def test_a_proxy_for_the_web_is_not_asked_for_this_machine(workspace: Path, mark: str) -> None:
    proxy = "http://127.0.0.1:9"
    done = datawall(workspace, mark, "decide", HTTP_PROXY=proxy, http_proxy=proxy)
    assert (done.returncode, done.stdout) == (0, "no run is planned\n"), done.stderr


@pytest.mark.campaign
def test_a_killed_run_takes_its_server_along(workspace: Path, mark: str, running: Running) -> None:
    with subprocess.Popen(
        command(workspace, "weekly"),
        cwd=workspace.parent,
        env=environment(workspace.parent, mark),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        _until(lambda: len(running(mark)) == 2)
        child.kill()
    _until(lambda: not running(mark))


def _until(true: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, f"not within {limit_s} s"
        time.sleep(0.1)


@pytest.mark.parametrize("choice", ["PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE"])
def test_a_choice_of_the_user_is_kept(
    choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_prefect(monkeypatch, tmp_path)
    assert not prefect_env.has_own_server()
    monkeypatch.setenv(choice, "mine")
    assert prefect_env.has_own_server()


def test_a_profile_of_the_user_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_prefect(monkeypatch, tmp_path)
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").touch()
    assert prefect_env.has_own_server()


def _without_prefect(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))


def test_quiet_settings_never_replace_those_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PREFECT_LOGGING_LEVEL": "DEBUG"})
    prefect_env.apply()
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_own_server_is_reached_without_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"NO_PROXY": "intranet.example"})
    prefect_env.use(tmp_path, "http://127.0.0.1:1/api")
    assert os.environ["NO_PROXY"] == "intranet.example,127.0.0.1"
    assert os.environ["no_proxy"] == "127.0.0.1"
