"""One writer at a time, readers at any time, and one clear sentence when neither works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from warehouse import connection as module
from warehouse.connection import reader, writer
from warehouse.errors import WarehouseLocked, WarehouseUnusable
from warehouse.publish import publish

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from warehouse.connection import writer
with writer(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
print("closed", flush=True)
sys.stdin.readline()
"""


@contextmanager
def _holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the warehouse until it is sent a line."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            yield process
        finally:
            process.kill()


def _release(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "closed\n"


def test_a_second_writer_waits_then_names_the_holder(
    fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAWALL_LOCK_WAIT_S", "0.3")
    path = fresh()
    with _holder(path) as process:
        start = time.monotonic()
        with pytest.raises(WarehouseLocked, match=rf"process {process.pid};"), writer(path):
            pass
        assert time.monotonic() - start >= 0.3
        # The other process lives on; only its block has ended.
        _release(process)
        assert process.poll() is None
        with writer(path, wait_s=0) as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_writer_gets_the_lock_when_the_other_has_finished(
    fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fresh()
    with _holder(path) as process:
        # The first failed attempt is what lets the other process finish.
        def finish(_: float, sleep: Callable[[float], None] = time.sleep) -> None:
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.write("\n")
                process.stdin.close()
            sleep(0.01)

        monkeypatch.setattr(module.time, "sleep", finish)
        with writer(path, wait_s=20) as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_readers_of_the_published_copy_do_not_wait(fresh: Callable[[], Path]) -> None:
    path = fresh()
    published = path.with_name("published.duckdb")
    with writer(path) as connection:
        publish(connection, published)
    with _holder(path), reader(published) as first, reader(published) as second:
        assert first.execute(text("SELECT number FROM generation")).scalar_one() == 1
        assert second.execute(text("SELECT number FROM generation")).scalar_one() == 1


def test_the_lock_is_free_right_after_the_block(fresh: Callable[[], Path]) -> None:
    path = fresh()
    with writer(path) as connection:
        connection.execute(text("SELECT 1"))
    with pytest.raises(ZeroDivisionError), writer(path) as connection:
        connection.execute(text("SELECT 1"))
        raise ZeroDivisionError
    with _holder(path):
        pass


def test_what_was_not_committed_is_gone(fresh: Callable[[], Path]) -> None:
    path = fresh()
    with writer(path) as connection:
        connection.execute(text("UPDATE generation SET number = 99"))
    with writer(path) as connection:
        assert connection.execute(text("SELECT number FROM generation")).scalar_one() == 1


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    "content", [b"", b"<html>no database</html>" * 400, b"\x00" * 20_000], ids=len
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes, read_only: bool) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(content)
    opening = reader(path) if read_only else writer(path)
    with pytest.raises(WarehouseUnusable, match=r"cannot use the warehouse .*w\.duckdb.*another"):
        opening.__enter__()
    assert path.read_bytes() == content


@pytest.mark.parametrize("read_only", [True, False])
def test_a_truncated_or_damaged_file(fresh: Callable[[], Path], read_only: bool) -> None:
    open_it = reader if read_only else writer
    truncated, damaged = fresh(), fresh()
    truncated.write_bytes(truncated.read_bytes()[:9000])
    content = bytearray(damaged.read_bytes())
    for block in range(3 * 4096, len(content), 4096):
        content[block + 100 : block + 140] = b"\xff" * 40
    damaged.write_bytes(content)
    for path in (truncated, damaged):
        with pytest.raises(WarehouseUnusable, match="cannot use the warehouse"), open_it(path):
            pass


def test_a_folder_in_its_place_a_missing_folder_and_no_copy(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").mkdir()
    for path in (tmp_path / "w.duckdb", tmp_path / "missing" / "w.duckdb"):
        with pytest.raises(WarehouseUnusable, match="cannot use the warehouse"), writer(path):
            pass
    with pytest.raises(WarehouseUnusable, match=r"run `datawall ingest` first"):
        reader(tmp_path / "none.duckdb").__enter__()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every file")
@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_without_permission(fresh: Callable[[], Path], read_only: bool) -> None:
    path = fresh()
    path.chmod(0)
    opening = reader(path) if read_only else writer(path)
    with pytest.raises(WarehouseUnusable, match="permissions"):
        opening.__enter__()


FILL = """
import resource, sys
from pathlib import Path
from sqlalchemy import text
from warehouse.connection import writer
from warehouse.errors import WarehouseUnusable
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 500_000,) * 2)
try:
    with writer(path) as connection, connection.begin():
        connection.execute(text("UPDATE generation SET number = 99"))
        connection.execute(text("CREATE TABLE big AS SELECT uuid()::VARCHAR u FROM range(300000)"))
except WarehouseUnusable as error:
    print(error)
"""


def test_a_full_disk_is_said_and_leaves_the_warehouse_as_it_was(fresh: Callable[[], Path]) -> None:
    path = fresh()
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "cannot use the warehouse" in done.stdout, done.stderr
    assert "free space" in done.stdout
    with writer(path) as connection:
        assert connection.execute(text("SELECT number FROM generation")).scalar_one() == 1


@pytest.mark.parametrize("name", ["with space", "per%41cent", "ha#sh", "at@host", "it's", "漢字"])
def test_odd_folder_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with writer(folder / "w.duckdb") as connection, connection.begin():
        connection.execute(text("CREATE TABLE t AS SELECT 1 AS a"))
    with reader(folder / "w.duckdb") as connection:
        assert connection.execute(text("FROM t")).scalar_one() == 1
    assert [path.name for path in folder.iterdir()] == ["w.duckdb"]


def test_a_question_mark_in_the_path_is_refused(tmp_path: Path) -> None:
    # DuckDB would write its log to another folder, named for what stands before the mark.
    (tmp_path / "why?").mkdir()
    with pytest.raises(WarehouseUnusable, match=r"'\?'"), writer(tmp_path / "why?" / "w.duckdb"):
        pass


def test_a_wait_that_is_no_number(
    fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAWALL_LOCK_WAIT_S", "soon")
    with pytest.raises(WarehouseUnusable, match=r"'soon'; give seconds"), writer(fresh()):
        pass


def test_a_new_file_never_replaces_another(
    fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if another process made the file between the look and the link.
    path = fresh()
    content = path.read_bytes()
    module._make(path)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_without_links_the_file_is_made_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", refuse)
    with writer(tmp_path / "w.duckdb") as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["w.duckdb"]


def test_times_are_utc_and_the_date_holds_for_one_connection(
    fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")

    def seen(connection: Connection) -> tuple[object, ...]:
        sql = "SELECT current_setting('TimeZone') AS zone, getvariable('known_at') AS day"
        return tuple(connection.execute(text(sql)).one())

    path = fresh()
    with reader(path, date(2024, 1, 2)) as first, reader(path) as second:
        assert seen(first) == ("UTC", date(2024, 1, 2))
        assert seen(second) == ("UTC", None)
