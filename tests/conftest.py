"""What several test folders share: a catalogue, scenario files, processes, servers, databases."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge
    from flows.workspace import Workspace
    from forecasts.scenario import Scenario

# A busy machine makes no test fail: what is slow shows in benchmarks.
hypothesis.settings.register_profile("datawall", deadline=None)
hypothesis.settings.load_profile("datawall")

REPOSITORY = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
_TERM_S = 8.0

# The catalogue's judgements date from this day, so every claim is known on it.
AS_OF = date(2026, 11, 21)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden/*.json from this run"
    )


def pytest_collection_finish() -> None:
    """Take the collected tests out of the search for cycles, which took a quarter of the suite."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_command_line() -> Iterator[None]:
    """Commands are built from their functions once, as in a process, not for each call of one."""
    from typer import testing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "_get_command", cache(testing._get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread_each() -> Iterator[None]:
    """DuckDB takes one thread where several processes share the tests: small queries on two threads
    wait for each other a fifth of their time. `make check` and the commands of tests take all."""
    import duckdb

    connect = duckdb.connect

    def alone(*args: Any, config: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return connect(*args, config={**(config or {}), "threads": 1}, **options)

    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            patch.setattr(duckdb, "connect", alone)
        yield


@pytest.fixture(scope="session")
def catalogue_only(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the catalogue, to look at and to copy."""
    from flows.steps.prepare import prepare
    from flows.workspace import Workspace

    place = Workspace(tmp_path_factory.mktemp("catalogue") / "workspace")
    prepare(place)
    return place


@pytest.fixture(scope="session")
def with_catalogue(catalogue_only: Workspace) -> Callable[[Path], Workspace]:
    """Make a workspace with the catalogue in a folder that is not there yet."""
    from flows.workspace import Workspace

    return lambda root: Workspace(Path(shutil.copytree(catalogue_only.root, root)))


@pytest.fixture(scope="session")
def knowledge(catalogue_only: Workspace) -> Knowledge:
    """Claims and origins of the catalogue as known on AS_OF."""
    from flows.steps.forecast import know

    return know(catalogue_only, AS_OF)


@pytest.fixture
def write_scenario(tmp_path: Path) -> Callable[[str], Path]:
    """Write a scenario file of differences, with a why, and return its path."""

    def write(differences: str) -> Path:
        path = tmp_path / "changed.yaml"
        path.write_text(f"why: it is written by a test\n{differences}", "utf-8")
        return path

    return write


@pytest.fixture
def make_scenario(write_scenario: Callable[[str], Path]) -> Callable[[str], Scenario]:
    """Load a scenario given by its differences from the base."""
    from forecasts.scenario import load

    return lambda differences: load(str(write_scenario(differences)))


@contextmanager
def _database(copied: str | None = None) -> Iterator[str]:
    """Address of a PostgreSQL database, empty or a copy of another; dropped at the end."""
    psycopg = pytest.importorskip("psycopg")
    name = f"datawall_test_{uuid.uuid4().hex[:12]}"
    for user in ("root", "postgres"):
        try:
            administrator = psycopg.connect(
                f"host=127.0.0.1 user={user} dbname=postgres connect_timeout=3", autocommit=True
            )
            break
        except psycopg.OperationalError:
            continue
    else:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432 that trusts root or postgres")
    with administrator:
        template = f" TEMPLATE {copied.rpartition('/')[2]}" if copied else ""
        administrator.execute(f"CREATE DATABASE {name}{template}")
        try:
            yield f"postgresql://{user}@127.0.0.1:5432/{name}"
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Address of a PostgreSQL database made for this test and dropped after it."""
    with _database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_copy() -> Callable[[str], AbstractContextManager[str]]:
    """Call it for the address of a copy of a database; the copy is dropped at the end."""
    return _database


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty ledger database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def until(what: str, true: Callable[[], bool], limit_s: float) -> None:
    """Wait until something is true, for a bounded time."""
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {limit_s} s"
        time.sleep(0.2)


def _marked(mark: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environ = (place / "environ").read_bytes()
        except OSError:
            continue  # gone, or another user's
        if mark.encode() in environ:
            found.append(int(place.name))
    return found


@pytest.fixture(scope="session")
def running() -> Callable[[str], list[int]]:
    """Call it for the processes with a mark in their environment."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("only Linux shows the environment of processes in /proc")
    return _marked


class Processes:
    """Processes of one test, with what they wrote, and a mark that their children inherit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.commands: list[list[str]] = []
        self._mark = uuid.uuid4().hex

    free_port = staticmethod(free_port)
    until = staticmethod(until)

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**environment, "DATAWALL_TEST_MARK": self._mark}

    def start(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        """Start a process that stays."""
        self.commands.append(command)
        with (self._folder / f"{name}.log").open("wb") as log:
            self._started.append(
                subprocess.Popen(
                    command,
                    cwd=REPOSITORY,
                    env=self._environment(environment),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def run(self, command: list[str], environment: Mapping[str, str], limit_s: float = 180) -> str:
        """Run a command to its end; it must succeed."""
        self.commands.append(command)
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self._folder / f"{name}.log").read_text("utf-8", "replace")

    def logs(self) -> str:
        """What all have written, for a failure."""
        return "\n".join(
            f"== {path.name}\n{path.read_text('utf-8', 'replace')[-3000:]}"
            for path in sorted(self._folder.glob("*.log"))
        )

    def running(self) -> list[int]:
        """Processes with the mark, children of those started included."""
        return _marked(self._mark)

    def stop(self) -> None:
        """TERM, newest first, then KILL whatever of the session is left."""
        for child in reversed(self._started):
            child.terminate()
        deadline = time.monotonic() + _TERM_S
        for child in self._started:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes that are gone when the test ends, however it ends."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs Linux: children are found through /proc")
    folder = tmp_path / "logs"
    folder.mkdir()
    started = Processes(folder)
    try:
        yield started
    finally:
        started.stop()
    until("every process has ended", lambda: not started.running(), 10)


@pytest.fixture
def prefect_environment(tmp_path: Path, processes: Processes) -> dict[str, str]:
    """Where a server of this test's own listens and writes, and nothing of the user's."""
    own = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PREFECT_", "DATAWALL_"))
    }
    port = processes.free_port()
    return own | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_WORKER_WEBSERVER_PORT": str(processes.free_port()),
        # Only so that a test need not wait for the usual loop of 10 seconds.
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "DATAWALL_WORKSPACE": str(tmp_path / "workspace"),
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture
def prefect_on_postgres(
    processes: Processes, prefect_environment: dict[str, str], postgres_url: str
) -> dict[str, str]:
    """A Prefect server on PostgreSQL, a process worker and every deployment.

    Returns the environment in which commands find them.
    """
    environment = prefect_environment | {
        "PREFECT_API_DATABASE_CONNECTION_URL": postgres_url.replace(
            "postgresql://", "postgresql+asyncpg://"
        )
    }
    processes.start("server", ["prefect", "server", "start"], environment)
    processes.until("the server is ready", lambda: _ready(environment), 120)
    pool = ["prefect", "work-pool", "create", "datawall", "--type", "process"]
    processes.run(pool, environment, 120)
    processes.run(["prefect", "deploy", "--all"], environment, 180)
    processes.start("worker", ["prefect", "worker", "start", "--pool", "datawall"], environment)
    return environment


def _ready(environment: Mapping[str, str]) -> bool:
    with (
        suppress(OSError),
        urllib.request.urlopen(  # noqa: S310
            f"{environment['PREFECT_API_URL']}/ready", timeout=5
        ),
    ):
        return True
    return False
