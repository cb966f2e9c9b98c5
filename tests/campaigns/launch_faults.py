"""Fault campaign: is a decision launched at most once, whatever is killed?

Eight processes decide, approve and launch the same runs at once, on a ledger in SQLite and one in
PostgreSQL, with the launchers `local` and `prefect`. Meanwhile most of them are killed at a step of
their own (kill -9), and so are runners of jobs, Prefect's worker and server, and connections to the
ledger's database; a reconcile almost without grace runs among them. Each payload writes one line,
so that what was executed is counted, not what somebody says about it.

    python tests/campaigns/launch_faults.py [RUNS]        default: 200; prints its figures

Needs Linux, and PostgreSQL on 127.0.0.1:5432 that trusts root or postgres.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg

REPOSITORY = Path(__file__).parents[2]
PROCESSES = 8
WAVES = 2
# A part of fewer runs is a short form, with one wave.
FEW = 10
COST_USD = 10
PAYLOAD = "echo $DATAWALL_LAUNCH_KEY >> {marks}; sleep {seconds}"
STEPS = (
    "decide: in its transaction", "approve: in its transaction", "intent: before",
    "intent: in its transaction", "intent: after", "claim: in its transaction", "claim: after",
    "submit: before", "submit: after the job began", "submit: after", "record: in its transaction",
    "record: after",
)  # fmt: skip
# Children that live to the end are needed too, or little would be launched.
SPARED = 0.35
# Everything the campaign starts inherits this variable, by which it is found and ended.
MARK = "FAULT_CAMPAIGN"
END_S = 20.0
# Forked children that were not waited for yet: they carry no mark.
forked: set[int] = set()


@dataclass
class Figures:
    """What was done to the system, and what came of it."""

    runs: int = 0
    processes: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)
    reconciled: int = 0
    executed: int = 0
    most_per_decision: int = 0
    flow_runs: int = 0
    most_per_key: int = 0
    overruns: int = 0
    stuck: int = 0
    unfinished: int = 0
    orphans: int = 0
    refused: int = 0
    events: int = 0
    broken_chains: int = 0

    def add(self, other: Figures) -> None:
        """Count another part's figures in."""
        for name, value in vars(other).items():
            if name in ("most_per_decision", "most_per_key"):
                setattr(self, name, max(getattr(self, name), value))
            elif isinstance(value, Counter):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    def problems(self) -> list[str]:
        """What must never happen and did."""
        bad = {
            "decisions executed more than once": max(0, self.most_per_decision - 1),
            "keys with a second flow run": max(0, self.most_per_key - 1),
            "budget overruns": self.overruns,
            "intents without an end": self.unfinished,
            "orphans": self.orphans,
            "broken chains": self.broken_chains,
        }
        return [f"{name}: {count}" for name, count in bad.items() if count]

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield f"runs decided and launched   {self.runs}"
        yield f"launching processes         {self.processes}, {PROCESSES} at once"
        for name, count in sorted(self.killed.items()):
            yield f"  killed, {name:<38} {count}"
        yield f"intents                     {sum(self.intents.values())}: " + ", ".join(
            f"{count} {state}" for state, count in sorted(self.intents.items())
        )
        yield f"  settled by reconcile      {self.reconciled}"
        yield f"  left pending, cancelled   {self.stuck}"
        yield f"payloads executed           {self.executed}; Prefect flow runs {self.flow_runs}"
        yield f"most payloads per decision  {self.most_per_decision}"
        yield f"refused by budget           {self.refused}"
        yield f"budget overruns             {self.overruns}"
        yield f"intents without an end      {self.unfinished}"
        yield f"orphans                     {self.orphans}"
        yield f"events in the chains        {self.events}"
        yield f"chains that do not verify   {self.broken_chains}"


def _marked(mark: str) -> list[int]:
    """Processes that inherited a mark, whatever session or group they moved to."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
    return found


def _end(mark: str) -> None:
    """Kill all processes with a mark, and those they start meanwhile; returns when none is left."""
    deadline = time.monotonic() + END_S
    while left := _marked(mark):
        if time.monotonic() > deadline:
            raise SystemExit(f"processes {left} of the campaign do not end")
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)


def _wait(child: int) -> None:
    os.waitpid(child, 0)
    forked.discard(child)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(place: Any, name: str, *, before: bool) -> None:
    """Make a function of a module or class kill the process before or after its work."""
    real = getattr(place, name)

    def killing(*args: Any, **kwargs: Any) -> Any:
        if before:
            _die()
        found = real(*args, **kwargs)
        _die()
        return found

    setattr(place, name, killing)


def _arm(step: str, launcher: str) -> None:
    """Have this process killed at a step. Steps inside a transaction come before its commit."""
    from flows.launchers import job, local, prefect
    from flows.steps import launch
    from warehouse.ledger import approvals, intents

    starts = local.Local if launcher == "local" else prefect.PrefectLauncher
    began: tuple[Any, str] = (job, "start")
    if launcher == "prefect":
        from prefect.client.orchestration import SyncPrefectClient

        began = (SyncPrefectClient, "create_flow_run_from_deployment")
    places: dict[str, tuple[Any, str, bool]] = {
        "decide: in its transaction": (approvals, "record_decisions", False),
        "approve: in its transaction": (approvals, "approve", False),
        "intent: before": (intents, "reserve", True),
        "intent: in its transaction": (intents, "reserve", False),
        "intent: after": (launch, "_submit", True),
        "claim: in its transaction": (intents, "claim", False),
        "claim: after": (launch, "as_intent", True),
        "submit: before": (starts, "submit", True),
        "submit: after the job began": (*began, False),
        "submit: after": (starts, "submit", False),
        "record: in its transaction": (intents, "launched", False),
        "record: after": (launch, "as_launch", True),
    }
    place, name, before = places[step]
    _wrap(place, name, before=before)


class Part:
    """One ledger and one launcher, in a workspace of its own."""

    def __init__(
        self,
        folder: Path,
        ledger_url: str,
        launcher: str,
        runs: int,
        seed: int,
        foreign: set[str],
    ) -> None:
        from flows.workspace import Workspace

        self.workspace = Workspace(folder / "workspace")
        self.marks = folder / "marks"
        self.launcher = launcher
        self.foreign = foreign
        self.ledger_url = ledger_url
        self.runs = [f"run-{n:03d}" for n in range(runs)]
        self.random = random.Random(seed)  # noqa: S311
        self.figures = Figures(runs=runs)
        self.folder = folder
        # A third of the runs does not fit into the month.
        self.cap = COST_USD * max(1, round(runs * 2 / 3))

    def prepare(self) -> None:
        """Plans, a scenario of few worlds, and a policy under which all steps are reached."""
        self.folder.mkdir(parents=True)
        self.workspace.root.mkdir()
        seconds = 0.2
        payload = PAYLOAD.format(marks=self.marks, seconds=seconds)
        plan = {
            "runs": [
                {"run": run, "needed_on": "2027-07-01", "params": 1e6, "tokens": 1e8,
                 "mixture": {"web": 1.0}, "budget_usd": COST_USD, "payload": payload,
                 "requested_by": "ann", "resources": {"gpus": 0, "hours": 0.05}}
                for run in self.runs
            ]
        }  # fmt: skip
        (self.folder / "plan.yaml").write_text(json.dumps(plan))
        few = {"name": "few", "why": "Few worlds for speed.", "worlds": 200}
        (self.folder / "few.yaml").write_text(json.dumps(few))
        policy = {"month_budget_usd": self.cap, "max_pending": 10_000, "cooldown_hours": 0}
        self.workspace.policy.write_text(json.dumps(policy))
        _wait(self._in_child(self._import))

    def _import(self) -> None:
        from flows.steps.runs import import_runs

        import_runs(self.workspace, self.folder / "plan.yaml", datetime.now(UTC))

    def _in_child(self, work: Callable[[], None], step: str | None = None) -> int:
        """Fork, so that a kill costs no new interpreter; returns the child's id."""
        child = os.fork()
        if child:
            forked.add(child)
            return child
        code = 1
        try:
            os.environ["DATAWALL_LEDGER_URL"] = self.ledger_url
            log = os.open(self.folder / "children.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if step is not None:
                _arm(step, self.launcher)
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)

    def _decide_and_launch(self, seed: int, names: list[str]) -> None:
        from flows.steps.decide import decide
        from flows.steps.launch import start
        from flows.steps.ledger import approve

        now = datetime.now(UTC)
        chance = random.Random(seed)  # noqa: S311
        # Together they take the warehouse's one lock in turn, so each decides a part of the runs.
        some = chance.sample(names, max(1, len(names) // 2))
        decided = decide(self.workspace, some, str(self.folder / "few.yaml"), now.date(), now)
        ids = [d.decision_id for d in decided]
        chance.shuffle(ids)
        for decision in ids:
            with suppress_ours(self.folder):
                approve(self.workspace, decision, "bob", datetime.now(UTC), None)
                done = start(self.workspace, [decision], self.launcher, datetime.now(UTC))
                for error in done.refused:
                    if "has" in str(error) and "left of" in str(error):
                        with (self.folder / "refused").open("a") as file:
                            file.write(f"{decision}\n")

    def _reconcile(self, grace_s: float) -> None:
        from flows.steps.reconcile import reconcile

        done = reconcile(self.workspace, datetime.now(UTC), grace_s)
        if grace_s == 0:
            (self.folder / "orphans").write_text(json.dumps([job.key for _, job in done.orphans]))

    def wave(self, names: list[str], disturb: Callable[[], str | None]) -> None:
        """Eight processes on the same runs, most of them killed on the way."""
        children: dict[int, str | None] = {}
        for _ in range(PROCESSES):
            spared = self.random.random() < SPARED
            step = None if spared else self.random.choice(STEPS)
            seed = self.random.randrange(2**31)
            work = lambda seed=seed: self._decide_and_launch(seed, names)  # noqa: E731
            children[self._in_child(work, step)] = step
        self.figures.processes += PROCESSES
        # Without grace: it settles launches that are under way.
        settle = self._in_child(lambda: self._reconcile(0.5))
        while children:
            time.sleep(0.15)
            if (told := disturb()) is not None:
                self.figures.killed[told] += 1
            self._kill_a_runner()
            for child in list(children):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    step = children.pop(child)
                    forked.discard(child)
                    if os.WIFSIGNALED(status) and step is not None:
                        self.figures.killed[f"launching process, {step}"] += 1
        _wait(settle)

    def _kill_a_runner(self) -> None:
        if self.random.random() > 0.1:
            return
        begun = [
            place
            for place in self.workspace.jobs.glob("*/job.json")
            if not (place.parent / "result.json").exists()
        ]
        if not begun:
            return
        # The runner, not its payload: the first process of its group.
        pid = int(json.loads(self.random.choice(begun).read_text())["group"])
        if _is_runner(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.figures.killed["runner of a job"] += 1

    def settle(self, quiet_s: float = 90.0) -> None:
        """Reconcile until every intent has ended; cancel those for which nothing happens any more.

        Prefect leaves a flow run PENDING for good when its worker is killed while it submits it.
        """
        quiet, before = time.monotonic() + quiet_s, -1
        while (left := self._pending()) and time.monotonic() < quiet:
            _wait(self._in_child(lambda: self._reconcile(0.0)))
            if left != before:
                quiet, before = time.monotonic() + quiet_s, left
            time.sleep(1.0)
        self.figures.stuck = self._pending()
        if self.figures.stuck:
            _wait(self._in_child(self._cancel_all))
        _wait(self._in_child(lambda: self._reconcile(0.0)))

    def _cancel_all(self) -> None:
        from flows.steps.reconcile import cancel
        from warehouse.ledger import intents
        from warehouse.ledger.connection import reading
        from warehouse.ledger.tables import OPEN

        with reading(self._ledger()) as connection:
            rows = intents.listed(connection, OPEN)
        for row in rows:
            cancel(self.workspace, str(row["launch_id"]), datetime.now(UTC))

    def _ledger(self) -> Any:
        from warehouse.ledger.connection import open_ledger

        return open_ledger(Path("unused"), self.ledger_url)

    def _pending(self) -> int:
        from warehouse.ledger import intents
        from warehouse.ledger.connection import reading
        from warehouse.ledger.tables import OPEN

        with reading(self._ledger()) as connection:
            return len(intents.listed(connection, OPEN))

    def count(self) -> Figures:
        """What the ledger, the marks and the folders say in the end."""
        from sqlalchemy import select

        from warehouse.ledger import chain, intents, tables
        from warehouse.ledger.connection import reading

        figures = self.figures
        with reading(self._ledger()) as connection:
            rows = intents.listed(connection)
            verdict = chain.verify(connection)
            bodies = connection.execute(
                select(tables.event.c.body)
                .where(tables.event.c.subject == "intent")
                .order_by(tables.event.c.seq)
            ).scalars().all()  # fmt: skip
        figures.intents.update(row["state"] for row in rows)
        figures.reconciled = sum(bool(row["reconciled"]) for row in rows)
        figures.unfinished = sum(row["state"] in tables.OPEN for row in rows)
        figures.events, figures.broken_chains = verdict.events, int(bool(verdict.problems))
        for problem in verdict.problems:
            sys.stdout.write(f"chain: {problem}\n")
        decision = {f"datawall-{row['launch_id']}": str(row["decision_id"]) for row in rows}
        marks = self.marks.read_text().split() if self.marks.exists() else []
        executed = Counter(decision.get(mark, f"unknown {mark}") for mark in marks)
        figures.executed = sum(executed.values())
        figures.most_per_decision = max(executed.values(), default=0)
        # One Prefect server serves both ledgers, and each sees the other's jobs as orphans.
        seen = set(json.loads((self.folder / "orphans").read_text()))
        figures.orphans = len(seen - self.foreign)
        # In place: the parts share this set, and |= with a dict's keys would make another.
        self.foreign.update(decision)
        figures.orphans += sum(name.startswith("unknown") for name in executed)
        figures.overruns = self._overruns(bodies)
        refused = self.folder / "refused"
        figures.refused = len(set(refused.read_text().split())) if refused.exists() else 0
        return figures

    def _overruns(self, bodies: list[str]) -> int:
        """Moments at which what was reserved or spent exceeded the month's cap."""
        cost: dict[str, int] = {}
        overruns = 0
        for body in bodies:
            row = json.loads(body)
            spent = row["spent_cents"]
            cost[row["launch_id"]] = row["reserved_cents"] if spent is None else spent
            overruns += sum(cost.values()) > self.cap * 100
        return overruns


@contextmanager
def suppress_ours(folder: Path) -> Iterator[None]:
    """A refusal, or a database that is gone, ends one launch and not the process."""
    from models.errors import DatawallError

    try:
        yield
    except DatawallError as error:
        with (folder / "children.log").open("a") as log:
            log.write(f"{type(error).__name__}: {error}\n")


def _is_runner(pid: int) -> bool:
    with suppress(OSError):
        return b"flows.launchers.job" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


class Postgres:
    """Databases made for the campaign and dropped after it."""

    def __init__(self) -> None:
        for self.user in ("root", "postgres"):
            with suppress(psycopg.OperationalError):
                self._admin = psycopg.connect(
                    f"host=127.0.0.1 user={self.user} dbname=postgres connect_timeout=3",
                    autocommit=True,
                )
                break
        else:
            raise SystemExit("no PostgreSQL on 127.0.0.1:5432 that trusts root or postgres")
        self._made: list[str] = []

    def make(self, driver: str = "postgresql") -> str:
        """Address of a new database."""
        name = f"datawall_faults_{uuid.uuid4().hex[:10]}"
        self._admin.execute(f"CREATE DATABASE {name}")
        self._made.append(name)
        return f"{driver}://{self.user}@127.0.0.1:5432/{name}"

    def terminate(self, url: str) -> bool:
        """Cut one connection to a ledger, if there is one at this moment."""
        name = url.rpartition("/")[2]
        cut = self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
            "ORDER BY random() LIMIT 1",
            [name],
        ).fetchall()
        return bool(cut)

    def drop(self) -> None:
        """Drop what was made."""
        for name in self._made:
            self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._admin.close()


class Prefect:
    """A server on PostgreSQL and a process worker, killed and started again."""

    def __init__(self, folder: Path, database: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        self.folder = folder
        self.folder.mkdir(parents=True)
        self._server_mark = f"server-{uuid.uuid4().hex}"
        self.environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("DATAWALL_") or key == "DATAWALL_TEST_MARK"
        } | {
            "PREFECT_API_URL": self.url,
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_API_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_UI_ENABLED": "0",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "DO_NOT_TRACK": "1",
            "NO_PROXY": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Server, pool, deployment, worker."""
        self._start_server()
        self._run("prefect", "work-pool", "create", "datawall", "--type", "process")
        self._run("prefect", "deploy", "--name", "job")
        self._start_worker()

    def _spawn(self, name: str, *command: str, **variables: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, cwd=REPOSITORY, env=self.environment | variables, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True,
            timeout=400, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout}{done.stderr}")

    def _start_server(self) -> None:
        command = ("prefect", "server", "start", "--host", "127.0.0.1")
        self._spawn("server", *command, FAULT_SERVER=self._server_mark)
        deadline = time.monotonic() + 400
        while time.monotonic() < deadline:
            with suppress(OSError), urlopen(f"{self.url}/ready", timeout=5):  # noqa: S310
                return
            time.sleep(0.5)
        raise SystemExit("Prefect's server did not start")

    def _start_worker(self) -> None:
        self._spawn("worker", "prefect", "worker", "start", "--pool", "datawall", "--limit", "6")

    def kill_worker(self) -> None:
        """kill -9 of the worker alone; its flow runs live on. Another one starts."""
        os.kill(self._running["worker"].pid, signal.SIGKILL)
        self._running["worker"].wait()
        self._start_worker()

    def kill_server(self) -> None:
        """kill -9 of the server and its children, which are in a session of their own."""
        _end(self._server_mark)
        self._running["server"].wait()
        self._start_server()

    def flow_runs(self) -> Counter[str]:
        """Flow runs by launch key, those that were closed from the start left out."""
        from flows.launchers.prefect import PrefectLauncher

        os.environ["PREFECT_API_URL"] = self.url
        found = PrefectLauncher(self.folder).jobs()
        return Counter(job.key for job in found if job.state != "cancelled" or job.started_at)


def _preload(launchers: tuple[str, ...]) -> None:
    """Import here what every forked child would import for itself."""
    import alembic.command
    import numpy as np
    import pandas as pd

    from flows.launchers import local, prefect, slurm
    from flows.steps import decide, launch, reconcile

    del alembic, np, pd, local, prefect, slurm, decide, launch, reconcile
    if "prefect" in launchers:
        import prefect.client.orchestration  # noqa: F401


def campaign(runs: int, launchers: tuple[str, ...] = ("local", "prefect")) -> Figures:
    """The whole campaign: ledgers × launchers, each with its share of the runs."""
    os.environ["DATAWALL_LOCK_WAIT_S"] = "300"
    os.environ["NO_PROXY"] = "127.0.0.1"
    mark = uuid.uuid4().hex
    os.environ[MARK] = mark
    total = Figures()
    postgres = Postgres()
    with tempfile.TemporaryDirectory(prefix="datawall-faults-") as folder:
        prefect: Prefect | None = None
        try:
            if "prefect" in launchers:
                prefect = Prefect(Path(folder) / "prefect", postgres.make("postgresql+asyncpg"))
                prefect.start()
                # Prefect reads these when it is imported.
                os.environ |= {
                    "PREFECT_API_URL": prefect.url,
                    "PREFECT_HOME": prefect.environment["PREFECT_HOME"],
                }
            _preload(launchers)
            parts = [
                (kind, launcher) for launcher in launchers for kind in ("sqlite", "postgresql")
            ]
            known: set[str] = set()
            for number, (kind, launcher) in enumerate(parts):
                place = Path(folder) / f"{kind}-{launcher}"
                url = postgres.make() if kind == "postgresql" else f"sqlite:///{place}/ledger.db"
                share = runs // len(parts) + (number < runs % len(parts))
                total.add(_part(place, url, launcher, share, number, postgres, prefect, known))
            if prefect is not None:
                per_key = prefect.flow_runs()
                total.flow_runs, total.most_per_key = sum(per_key.values()), max(per_key.values())
        finally:
            for child in forked:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            _end(mark)
            postgres.drop()
    return total


def _part(
    place: Path, url: str, launcher: str, runs: int, seed: int, postgres: Postgres,
    prefect: Prefect | None, known: set[str],
) -> Figures:  # fmt: skip
    began = time.monotonic()
    part = Part(place, url, launcher, runs, seed, known)
    chance = random.Random(seed + 100)  # noqa: S311
    part.prepare()

    def disturb() -> str | None:
        if url.startswith("postgresql") and chance.random() < 0.2 and postgres.terminate(url):
            return "connection to the ledger's database"
        return None

    # In turn: left to chance, the server was spared in two hundred runs.
    ends = itertools.cycle(("server", "worker"))
    for start in range(0, runs, 10):
        names = part.runs[start : start + 10]
        for _ in range(WAVES if runs >= FEW else 1):
            part.wave(names, disturb)
            if launcher == "prefect" and prefect is not None and chance.random() < 0.5:
                what = next(ends)
                getattr(prefect, f"kill_{what}")()
                part.figures.killed[f"Prefect's {what}"] += 1
    part.settle()
    # Time for a late runner to show itself.
    time.sleep(2)
    figures = part.count()
    sys.stdout.write(
        f"{place.name}: {runs} runs in {time.monotonic() - began:.0f} s, "
        f"{figures.executed} payloads, {'; '.join(figures.problems()) or 'nothing wrong'}\n"
    )
    sys.stdout.flush()
    return figures


if __name__ == "__main__":
    # What a kill of the campaign itself leaves running is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = campaign(
        int(sys.argv[1]) if len(sys.argv) > 1 else 200, tuple(sys.argv[2:]) or ("local", "prefect")
    )
    sys.stdout.write("\n".join(found.lines()) + "\n")
    sys.exit(1 if found.problems() else 0)
