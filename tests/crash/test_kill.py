"""Processes killed at any moment leave whole loads, whole copies, and a rerun that converges.

The victims are real processes killed with SIGKILL. They are forked from a server that has loaded
the packages already, so that a kill costs tenths of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Connection, text

from flows.steps.forecast import Options, forecast, store
from flows.steps.ingest import ingest
from flows.workspace import Workspace
from warehouse.connection import reader, writer
from warehouse.content import content_sha256
from warehouse.migrate import is_current_schema, migrate
from warehouse.publish import generation
from warehouse.store import FORECAST_PARTS, has_forecast, read_forecast

pytestmark = [pytest.mark.campaign, pytest.mark.crash]

ROOT = Path(__file__).parents[2]
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
# A release runs `KILLS=100 make campaign`.
KILLS = int(os.environ.get("KILLS", "20"))
# Two vintages a source. The excerpts of cumulative figures are left out: they lack rows in the
# middle, so their sums do not agree with the monthly ones.
USED = (
    "common_crawl/monthly.2024-42.csv",
    "common_crawl/monthly.2024-51.csv",
    "epoch/notable_ai_models.2024-07-16.csv",
    "epoch/notable_ai_models_24_02_2025.csv",
)
# In the order of loading. The samples of other sources are counted once, not vintage by vintage.
SOURCES = ("common_crawl", "epoch_models", "own_inventory")
# Waits for the moment at which a process is to be killed.
Moment = Callable[[BaseProcess], None]


@pytest.fixture(scope="module")
def publishers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the samples, in sub-folders of conventional names."""
    folder = tmp_path_factory.mktemp("publishers")
    for name in USED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests/data" / name, folder / name)
    _write_own(folder)
    return folder


def _write_own(folder: Path) -> None:
    """A planner's own figures: two vintages of which one is held, and a file for the database."""
    row = "ours,private,tokens,raw,2026-06-30"
    for day, value in (("2026-07-01", 100), ("2026-08-01", 40)):
        file = folder / f"own_inventory.small.{day}.csv"
        file.write_text(f"corpus_id,domain,metric,stage,valid_on,value\n{row},{value}\n")
    large = folder / "own_inventory.large.2026-07-01.parquet"
    duckdb.sql(
        f"""
        COPY (
            SELECT 'c' || i AS corpus_id, 'private' AS "domain", 'tokens' AS metric, 'raw' AS stage,
                DATE '2026-06-30' AS valid_on, CAST(i AS DOUBLE) AS value
            FROM range(20000) AS t(i)
        ) TO '{large}' (FORMAT parquet)
        """  # noqa: S608
    )


@pytest.fixture(scope="module")
def server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.steps.forecast", "flows.steps.ingest", "pandas"])
    return context


def _quiet(_: str) -> None:
    """Progress that nobody reads; a victim prints it, as what it runs must be found by name."""


def _ingest(root: Path, folder: Path | None) -> None:
    sources = [] if folder is None else SOURCES
    results = ingest(Workspace(root), sources, folder, None, NOW, _quiet)
    assert {result.status for result in results} <= {"loaded", "unchanged"}, results


def _state(connection: Connection) -> tuple[int, str]:
    found = generation(connection), content_sha256(connection)
    connection.rollback()
    return found


@dataclass(frozen=True)
class Reference:
    """Content by generation of a workspace that nobody disturbs; the last is the goal."""

    contents: dict[int, str]

    @property
    def goal(self) -> int:
        return max(self.contents)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, publishers: Path) -> Reference:
    root = tmp_path_factory.mktemp("reference")
    with writer(root / "empty.duckdb") as connection:
        migrate(connection)
        contents = dict([_state(connection)])
    # After the empty schema comes the catalogue, then one source after the other.
    workspace = Workspace(root / "workspace")
    for sources, folder in (([], None), *(([name], publishers) for name in SOURCES)):
        ingest(workspace, sources, folder, None, NOW, _quiet)
        with reader(workspace.published) as connection:
            contents.update([_state(connection)])
    assert list(contents) == [1, 2, 3, 4, 5]
    return Reference(contents)


def _kill(
    server: ForkServerContext, moment: Moment, target: Callable[..., Any], *args: Any
) -> bool:
    """Run a call in another process and kill it; False when it had finished before."""
    process = server.Process(target=target, args=args)
    process.start()
    moment(process)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _after(delay_s: float) -> Moment:
    return lambda process: process.join(delay_s)


def _while_publishing(workspace: Workspace, number: int, delay_s: float) -> Moment:
    """A moment after the start of a process's first, second or third publication."""
    temporary = workspace.published.with_suffix(".publishing")

    def wait(process: BaseProcess) -> None:
        for wanted in [True, *[False, True] * (number - 1)]:
            while process.is_alive() and temporary.exists() != wanted:
                time.sleep(0.001)
        process.join(delay_s)

    return wait


def _seconds(server: ForkServerContext, target: Callable[..., Any], *args: Any) -> float:
    start = time.monotonic()
    process = server.Process(target=target, args=args)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    return time.monotonic() - start


def _spread(chance: random.Random, count: int, duration_s: float) -> Iterator[float]:
    """Random moments, one in each of `count` equal parts of a duration."""
    for part in range(count):
        yield (part + chance.random()) * duration_s / count


def _require_whole(workspace: Workspace, reference: Reference) -> tuple[int, int]:
    """Generations of warehouse and copy after a kill, 0 where there is none yet."""
    written = published = 0
    if workspace.warehouse.exists():
        with writer(workspace.warehouse, wait_s=1) as connection:
            migrated = is_current_schema(connection)
            connection.rollback()
            if migrated:
                written, content = _state(connection)
                assert content == reference.contents[written]
    if workspace.published.exists():
        with reader(workspace.published) as connection:
            assert is_current_schema(connection)
            published, content = _state(connection)
            assert content == reference.contents[published]
            views = "SELECT count(*) FROM out_inventory"
            assert (connection.execute(text(views)).scalar_one() > 0) == (published > 1)
    assert published <= written
    return written, published


# A kill, two hashes and a rerun: three seconds of processor, more where others use the machine.
@pytest.mark.timeout(300 + 30 * KILLS)
def test_a_killed_ingest_leaves_whole_sources_and_a_rerun_converges(
    server: ForkServerContext,
    publishers: Path,
    reference: Reference,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    chance = random.Random(20250301)  # noqa: S311
    ready = Workspace(tmp_path / "ready")
    _ingest(ready.root, None)
    reached, publishing, kills = set(), 0, 0

    def attack(start: Workspace | None, moment: Callable[[Workspace], Moment]) -> None:
        nonlocal publishing, kills
        workspace = Workspace(tmp_path / "killed")
        if start is not None:
            shutil.copytree(start.root, workspace.root)
        kills += _kill(server, moment(workspace), *_call(workspace, publishers))
        publishing += workspace.published.with_suffix(".publishing").exists()
        reached.add(_require_whole(workspace, reference))
        _ingest(workspace.root, publishers)
        assert _require_whole(workspace, reference) == (reference.goal,) * 2
        shutil.rmtree(workspace.root)

    for start, count, publications in ((None, 5, (1,)), (ready, 9, (1, 1, 2, 2, 2))):
        timed = Workspace(tmp_path / f"timed{count}")
        if start is not None:
            shutil.copytree(start.root, timed.root)
        duration_s = _seconds(server, *_call(timed, publishers))
        record_property(f"duration_s of {count}", round(duration_s, 2))
        for delay_s in _spread(chance, count, duration_s):
            attack(start, lambda _, delay_s=delay_s: _after(delay_s))
        for number in publications:
            delay_s = chance.random() * 0.04
            attack(
                start,
                lambda workspace, number=number, delay_s=delay_s: _while_publishing(
                    workspace, number, delay_s
                ),
            )
    while kills < KILLS:
        # Anywhere in a load, of a new workspace or of one that has the catalogue.
        start = chance.choice((None, ready))
        attack(start, lambda _: _after(chance.random() * duration_s))
    record_property("kills", kills)
    record_property("kills while publishing", publishing)
    record_property("generations of warehouse and copy reached", sorted(reached))
    assert publishing >= 1
    assert len({written for written, _ in reached}) >= 3


def _call(workspace: Workspace, publishers: Path) -> tuple[Any, ...]:
    return ingest, workspace, SOURCES, publishers, None, NOW, print


def test_one_workspace_killed_again_and_again_converges(
    server: ForkServerContext, publishers: Path, reference: Reference, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    kills, before = 0, (0, 0)
    for step in range(1, 11):
        kills += _kill(server, _after(0.08 * step), *_call(workspace, publishers))
        reached = _require_whole(workspace, reference)
        assert reached >= before
        before = reached
    assert kills >= 4
    _ingest(workspace.root, publishers)
    assert _require_whole(workspace, reference) == (reference.goal,) * 2


def test_the_command_itself_killed(publishers: Path, reference: Reference, tmp_path: Path) -> None:
    command = [
        sys.executable, "-c", "from flows.cli import app; app()",
        "ingest", *SOURCES, "--from", str(publishers), "--workspace",
    ]  # fmt: skip
    for number, delay_s in enumerate((0.8, 1.4)):
        workspace = Workspace(tmp_path / f"workspace{number}")
        with subprocess.Popen(
            [*command, str(workspace.root)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            time.sleep(delay_s)
            process.kill()
        _require_whole(workspace, reference)
        _ingest(workspace.root, publishers)
        assert _require_whole(workspace, reference) == (reference.goal,) * 2


def _counts(connection: Connection) -> list[int]:
    counts = [
        int(connection.execute(text(f"SELECT count(*) FROM {part}")).scalar_one())  # noqa: S608
        for part in ("forecast", *FORECAST_PARTS)
    ]
    connection.rollback()
    return counts


def test_a_killed_store_keeps_a_forecast_whole_or_not_at_all(
    server: ForkServerContext,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    ready, full = Workspace(tmp_path / "ready"), Workspace(tmp_path / "full")
    _ingest(ready.root, None)
    shutil.copytree(ready.root, full.root)
    options = Options(worlds=200)
    results = forecast(full, ["baseline"], date(2027, 1, 1), options, NOW)
    forecast_id = results[0].forecast_id
    with reader(full.published) as connection:
        whole, stored = _counts(connection), read_forecast(connection, forecast_id)
    shutil.copytree(ready.root, tmp_path / "timed")
    duration_s = _seconds(server, store, Workspace(tmp_path / "timed"), results, NOW)
    chance = random.Random(7)  # noqa: S311
    moments: list[Callable[[Workspace], Moment]] = [
        lambda _, delay_s=delay_s: _after(delay_s) for delay_s in _spread(chance, 6, duration_s)
    ]
    moments += [lambda workspace: _while_publishing(workspace, 1, chance.random() * 0.04)] * 2
    reached, kills = set(), 0
    for number, moment in enumerate(moments):
        workspace = Workspace(tmp_path / f"killed{number}")
        shutil.copytree(ready.root, workspace.root)
        kills += _kill(server, moment(workspace), store, workspace, results, NOW)
        found = []
        for opened in (writer(workspace.warehouse, wait_s=1), reader(workspace.published)):
            with opened as connection:
                counts = _counts(connection)
                assert counts == (whole if has_forecast(connection, forecast_id) else [0] * 5)
                found.append(counts == whole)
        # What readers see, the warehouse has.
        assert found[0] >= found[1]
        reached.add(tuple(found))
        store(workspace, results, NOW)
        _ingest(workspace.root, None)
        with reader(workspace.published) as connection:
            assert read_forecast(connection, forecast_id) == stored
    record_property("kills", kills)
    record_property("reached", sorted(reached))
    assert kills >= 4
    assert (True, False) in reached
