"""Readers see one whole generation or the next."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from warehouse import publish as module
from warehouse.connection import reader, writer
from warehouse.content import content_sha256
from warehouse.errors import WarehouseUnusable
from warehouse.load import Artefact, load
from warehouse.publish import generation, is_current, publish

Make = Callable[..., Artefact]
ROOT = Path(__file__).parents[2]
INVENTORY = "SELECT count(*) FROM out_inventory"


def test_publishing_keeps_the_lock_on_the_warehouse(connection: Connection, tmp_path: Path) -> None:
    publish(connection, tmp_path / "published.duckdb")
    path = connection.execute(text("SELECT path FROM duckdb_databases()")).scalars().first()
    attempt = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    other = subprocess.run(
        [sys.executable, "-c", attempt, str(path)], capture_output=True, text=True, check=False
    )
    assert "Could not set lock on file" in other.stderr


def _count(path: Path) -> int:
    with reader(path) as connection:
        return int(connection.execute(text(INVENTORY)).scalar_one())


def test_publishing_happens_once_a_change(
    connection: Connection, tmp_path: Path, artefact: Make, now: datetime
) -> None:
    copy = tmp_path / "published.duckdb"
    assert not is_current(connection, copy)
    assert publish(connection, copy)
    inode = copy.stat().st_ino
    assert is_current(connection, copy)
    connection.rollback()
    assert not publish(connection, copy)
    assert copy.stat().st_ino == inode
    connection.rollback()
    load(connection, "lab", [artefact("2024-01-01", {"a": 1})], now)
    assert not is_current(connection, copy)
    connection.rollback()
    assert publish(connection, copy)
    assert copy.stat().st_ino != inode
    assert _count(copy) == 1


def test_the_copy_is_whole_and_alone(
    connection: Connection, tmp_path: Path, artefact: Make, now: datetime
) -> None:
    copy = tmp_path / "published.duckdb"
    load(connection, "lab", [artefact("2024-01-01", {"a": 1, "b": 2})], now)
    publish(connection, copy)
    stated = content_sha256(connection), generation(connection)
    views = "SELECT view_name FROM duckdb_views() WHERE database_name = current_database()"
    made = set(connection.execute(text(views)).scalars())
    with reader(copy) as published:
        assert (content_sha256(published), generation(published)) == stated
        assert set(published.execute(text(views)).scalars()) == made
        for view in made:
            published.execute(text(f"SELECT * FROM {view}")).all()  # noqa: S608
    assert sorted(path.name for path in tmp_path.iterdir() if "publi" in path.name) == [copy.name]


def test_leftovers_of_a_killed_publish_are_ignored(connection: Connection, tmp_path: Path) -> None:
    copy = tmp_path / "published.duckdb"
    publish(connection, copy)
    (tmp_path / "published.publishing").write_bytes(b"half a file")
    assert _count(copy) == 0
    connection.execute(text("UPDATE generation SET number = number + 1"))
    connection.commit()
    assert publish(connection, copy)
    assert _count(copy) == 0
    assert not list(tmp_path.glob("*.publishing*"))


READ = """
import sys
from pathlib import Path
from sqlalchemy import text
from warehouse.connection import reader
with reader(Path(sys.argv[1])) as connection:
    for _ in range(2):
        print(connection.execute(text("SELECT count(*) FROM out_inventory")).scalar_one(),
              flush=True)
        connection.rollback()
        sys.stdin.readline()
"""


def test_an_open_reader_keeps_its_generation(
    connection: Connection, tmp_path: Path, artefact: Make, now: datetime
) -> None:
    copy = tmp_path / "published.duckdb"
    publish(connection, copy)
    with subprocess.Popen(
        [sys.executable, "-c", READ, str(copy)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "0\n"
        load(connection, "lab", [artefact("2024-01-01", {"a": 1})], now)
        assert publish(connection, copy)
        assert _count(copy) == 1
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "0\n"
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize("content", [b"", b"no database" * 2000])
def test_a_damaged_copy_is_replaced(connection: Connection, tmp_path: Path, content: bytes) -> None:
    copy = tmp_path / "published.duckdb"
    copy.write_bytes(content)
    assert publish(connection, copy)
    assert _count(copy) == 0


def test_a_copy_of_another_version_is_replaced(connection: Connection, tmp_path: Path) -> None:
    copy = tmp_path / "published.duckdb"
    publish(connection, copy)
    with writer(copy) as other, other.begin():
        other.execute(text("UPDATE schema_migration SET sha256 = 'x' WHERE name = 'views'"))
    assert publish(connection, copy)
    connection.rollback()
    assert not publish(connection, copy)


def test_a_copy_that_somebody_writes_is_replaced(connection: Connection, tmp_path: Path) -> None:
    copy = tmp_path / "published.duckdb"
    publish(connection, copy)
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(copy)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        assert publish(connection, copy)
        assert _count(copy) == 0
        process.kill()


def test_a_failure_keeps_the_old_copy_and_says_so(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "published.duckdb"
    publish(connection, copy)
    old = copy.read_bytes()
    connection.execute(text("UPDATE generation SET number = number + 1"))
    connection.commit()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync", full)
        with pytest.raises(WarehouseUnusable, match=r"cannot publish to .*No space left"):
            publish(connection, copy)
    (tmp_path / "published.publishing").unlink()
    (tmp_path / "published.publishing").mkdir()
    with pytest.raises(WarehouseUnusable, match=r"cannot publish to .*directory"):
        publish(connection, copy)
    assert copy.read_bytes() == old
    (tmp_path / "published.publishing").rmdir()
    assert publish(connection, copy)


LIMITED = """
import resource, sys
from pathlib import Path
from warehouse.connection import writer
from warehouse.errors import WarehouseUnusable
from warehouse.publish import publish
with writer(Path(sys.argv[1])) as connection:
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
    try:
        publish(connection, Path(sys.argv[2]))
    except WarehouseUnusable as error:
        print(error)
"""


def test_a_disk_that_fills_up_keeps_the_old_copy(fresh: Callable[[], Path]) -> None:
    path = fresh()
    copy = path.with_name("published.duckdb")
    with writer(path) as connection:
        publish(connection, copy)
        connection.execute(text("UPDATE generation SET number = 2"))
        connection.commit()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(copy)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "cannot publish to" in done.stdout, done.stderr
    with reader(copy) as connection:
        assert generation(connection) == 1
    with writer(path) as connection:
        assert publish(connection, copy)
    with reader(copy) as connection:
        assert generation(connection) == 2
