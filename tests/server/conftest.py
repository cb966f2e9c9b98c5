"""Real processes for a test: started in their own session, ended by their own id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
_TERM_S = 8.0


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


class Processes:
    """Processes of one test, with what they wrote, and a mark that their children inherit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._mark = uuid.uuid4().hex

    free_port = staticmethod(free_port)
    until = staticmethod(until)

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**environment, "DATAWALL_TEST_MARK": self._mark}

    def start(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        """Start a process that stays."""
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

    def run(self, command: list[str], environment: Mapping[str, str], limit_s: float = 60) -> str:
        """Run a command to its end; it must succeed."""
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
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                environ = (place / "environ").read_bytes()
            except OSError:
                continue  # gone, or another user's
            if self._mark.encode() in environ:
                found.append(int(place.name))
        return found

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
