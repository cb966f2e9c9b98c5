"""One job in a folder of its own: claimed once, run once, its end written down.

The folder's name is the launch's key, and making it is the claim: of any number of processes that
are told to run a job, the one that made the folder runs it, and the others end. Beside the folder
lies a lock file that the runner and its payload hold open: while it is locked, something of the job
still runs; when it is free, nothing does, however the end came.

    KEY.lock            held by runner and payload
    KEY/job.json        host, process group, start
    KEY/result.json     exit code, end
    KEY/output.log      what the payload wrote
    KEY/cost.json       what it cost by its own report, if it made one: {"cost_usd": 1.25}
    KEY/cancelled       the job must not start, or was told to stop
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.launchers.contract import Job, JobState
from warehouse.snapshots import write_atomically

Runner = subprocess.Popen[bytes]
COST = "cost.json"
TERM_WAIT_S = 20.0
_POLL_S = 0.05


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _word_to_stop(folder: Path) -> Path:
    return folder / "cancelled"


def _write(path: Path, document: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(document, sort_keys=True).encode() + b"\n")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


def _claim(folder: Path) -> bool:
    """Make the folder; False where another process has, to run the job or to forbid it."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return False
    return True


def forbid(folder: Path) -> bool:
    """Make sure the job of this folder never starts; False where it has been claimed before."""
    if not _claim(folder):
        return False
    _word_to_stop(folder).touch()
    return True


def start(manifest: Path, folder: Path, environment: Mapping[str, str], log: Path) -> Runner:
    """Start a runner of the job in a session of its own, so that it outlives its caller."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.launchers.job", str(manifest), str(folder),
             json.dumps(dict(environment))],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip


def run(folder: Path, payload: Any, environment: Mapping[str, str], limit_s: float | None) -> None:
    """Claim the job and run its payload to the end; nothing where another process has claimed it.

    payload: a command as a list, or a line for the shell. Its working directory is the folder.
    The caller is the first process of a session, all of which is the job.
    """
    lock = _take_lock(folder)
    if lock is None or not _claim(folder):
        return
    # A stop is sent to the whole group: the payload ends by it, and this process tells how.
    signal.signal(signal.SIGTERM, lambda *_: None)
    started = datetime.now(UTC).isoformat()
    _write(
        folder / "job.json",
        {"host": socket.gethostname(), "group": os.getpgrp(), "started_at": started},
    )
    with (folder / "output.log").open("wb") as log:
        child = subprocess.Popen(
            ["/bin/sh", "-c", payload] if isinstance(payload, str) else [*payload],
            cwd=folder,
            env=_environment(environment) | {"DATAWALL_COST": str(folder.absolute() / COST)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],  # held until the last process of the payload has ended
        )
    if _word_to_stop(folder).exists():
        os.killpg(0, signal.SIGTERM)  # told before there was a payload to hear it
    code, why = _wait(child, limit_s)
    ended = datetime.now(UTC).isoformat()
    _write(folder / "result.json", {"exit_code": code, "ended_at": ended, "why": why})
    if why:
        os.killpg(0, signal.SIGKILL)


def _take_lock(folder: Path) -> int | None:
    """The job's lock, or None where somebody else has claimed the job meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(_lock_file(folder), os.O_CREAT | os.O_RDWR, 0o644)
    while not folder.exists():
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Another runner about to claim, or somebody who looks for a moment.
            time.sleep(_POLL_S)
        else:
            return lock
    return None


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    # The ledger's address holds a password, and a payload has no business there.
    own = {key: value for key, value in os.environ.items() if key != "DATAWALL_LEDGER_URL"}
    places = f"{Path(sys.executable).parent}{os.pathsep}{own.get('PATH', os.defpath)}"
    return own | {"PATH": places} | dict(given)


def _wait(child: subprocess.Popen[bytes], limit_s: float | None) -> tuple[int, str]:
    """Exit code and, where its time was up, words for that."""
    try:
        return child.wait(limit_s), ""
    except subprocess.TimeoutExpired:
        os.killpg(0, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(TERM_WAIT_S)
    return child.poll() or -signal.SIGKILL, f"stopped after its {limit_s:g} s"


def _stop(group: int, runs: Callable[[], bool]) -> None:
    """TERM, so that it can save its state, then KILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(group, number)
        deadline = time.monotonic() + TERM_WAIT_S
        while time.monotonic() < deadline:
            if not runs():
                return
            time.sleep(_POLL_S)


def is_held(folder: Path) -> bool:
    """Whether a process of the job still runs on this machine."""
    try:
        lock = os.open(_lock_file(folder), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def look(folder: Path) -> Job | None:
    """The job of a folder, or None where nobody has claimed it."""
    if not folder.is_dir():
        return None
    # In this order: what is free stays free, and a result is written while the lock is held.
    held = is_held(folder)
    told, result = _read(folder / "job.json"), _read(folder / "result.json")
    stopped = _word_to_stop(folder).exists()
    host = socket.gethostname() if told is None else str(told["host"])
    name = f"{host}:{folder.name}"
    if told is None:
        if held and not stopped:
            return Job(folder.name, name, "pending")
        state: JobState = "cancelled" if stopped else "failed"
        return Job(folder.name, name, state, "it never began")
    started = datetime.fromisoformat(told["started_at"])
    if result is None:
        state, why = _without_result(host, held, stopped)
        return Job(folder.name, name, state, why, started)
    state, why = _outcome(folder, result, stopped)
    cost, wrong = _reported(folder / COST)
    why = "; ".join(filter(None, (why, wrong)))
    return Job(folder.name, name, state, why, started, _ended(result), cost)


def _without_result(host: str, held: bool, stopped: bool) -> tuple[JobState, str]:
    if host != socket.gethostname():
        return "running", f"as far as can be seen from here, on {host}"
    if held:
        return "running", ""
    return ("cancelled", "stopped") if stopped else ("failed", "it was killed")


def _ended(result: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(result["ended_at"]))


def _outcome(folder: Path, result: Mapping[str, Any], stopped: bool) -> tuple[JobState, str]:
    code = int(result["exit_code"])
    if code == 0 and not result["why"]:
        return "succeeded", ""
    if stopped:
        return "cancelled", "stopped"
    return "failed", result["why"] or f"exit code {code}; see {folder / 'output.log'}"


def _reported(report: Path) -> tuple[float | None, str]:
    """Cost by the payload's own report, or none and what is wrong with it."""
    try:
        told = json.loads(report.read_text("utf-8"))
        cost = float(told["cost_usd"])
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        return None, f"{report} is no cost report ({type(error).__name__}: {error})"
    if not 0 <= cost < math.inf:
        return None, f"{report} is no cost report (cost_usd is {cost})"
    return cost, ""


def stop(folder: Path) -> None:
    """Stop the job of a folder, and forbid it if it has not begun."""
    if forbid(folder):
        return
    _word_to_stop(folder).touch()
    told = _read(folder / "job.json")
    if told is not None and told["host"] == socket.gethostname() and is_held(folder):
        _stop(int(told["group"]), lambda: is_held(folder))


def run_from(manifest_path: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Run the job that a manifest describes."""
    manifest = json.loads(manifest_path.read_text("utf-8"))
    hours = (manifest["resources"] or {}).get("hours")
    run(folder, manifest["payload"], environment, None if hours is None else hours * 3600)


if __name__ == "__main__":
    run_from(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
