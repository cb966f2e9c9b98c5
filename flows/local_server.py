"""Prefect's server for one run in the user's own terminal, on a port that nobody else can take.

Prefect starts such a server itself, but only at the first call and after loading the whole server
into the calling process as well. Started first and apart, it loads while the caller imports the
models. It ends with its caller, whatever ends that: the pipe to its standard input closes.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from flows.errors import WorkspaceUnusable

_APP = "prefect.server.api.server:create_app"
_START_LIMIT_S = 180.0
_STOP_LIMIT_S = 5.0


def start(home: Path) -> str:
    """Start a server and return its API's address at once; see `wait_until_ready`.

    Raises: WorkspaceUnusable when home cannot be written.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
    with listening, _open_log(home) as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "flows.local_server", str(listening.fileno())],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[listening.fileno()],
            env=_environment(home),
            start_new_session=True,  # Ctrl-C is for the flow, which still has states to report
        )
    # Registered before Prefect is imported, so it runs after Prefect has sent its last events.
    atexit.register(_stop, child)
    return url


def wait_until_ready(url: str, home: Path) -> None:
    """Return when the server answers. The socket listens from the start, so one call will do."""
    import httpx

    try:
        with httpx.Client(trust_env=False, timeout=_START_LIMIT_S) as client:
            client.get(f"{url}/health").raise_for_status()
    except httpx.HTTPError as error:
        raise WorkspaceUnusable(
            f"Prefect's local server did not start ({error or type(error).__name__}); "
            f"{_log(home)} says why"
        ) from error


def _environment(home: Path) -> dict[str, str]:
    settings = {
        "PREFECT_HOME": str(home),
        "PREFECT_UI_ENABLED": "0",
        "PREFECT__SERVER_EPHEMERAL": "1",  # without the services that only schedules need
    }
    quiet = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"  # quiet is for the terminal, not for the log
    return {key: value for key, value in os.environ.items() if key != quiet} | settings


def _log(home: Path) -> Path:
    return home / "server.log"


def _open_log(home: Path) -> BinaryIO:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return _log(home).open("wb")
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot write {_log(home)}: {error.strerror or error}; choose another --workspace"
        ) from error


def _stop(child: subprocess.Popen[bytes]) -> None:
    try:
        child.communicate(timeout=_STOP_LIMIT_S)  # closes the pipe, which ends the server
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _serve(listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        _APP, factory=True, log_level="error", lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)

    def end_with_caller() -> None:
        sys.stdin.buffer.read()
        if not config.loaded:
            os._exit(0)  # still importing, so nothing is open
        server.should_exit = True

    threading.Thread(target=end_with_caller, daemon=True).start()
    server.run(sockets=[listening])


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
