"""Raw bytes are kept unchanged, under the name of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from warehouse import snapshots
from warehouse.errors import WarehouseUnusable

CONTENT = b"crawl,pages\nCC-MAIN-2024-51,2640000000\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_content_is_kept_once_under_its_digest(tmp_path: Path) -> None:
    digest, relative = snapshots.keep(tmp_path, CONTENT)
    assert (digest, relative) == (DIGEST, Path(DIGEST[:2]) / DIGEST)
    assert _files(tmp_path) == [str(relative)]
    inode = (tmp_path / relative).stat().st_ino
    assert snapshots.keep(tmp_path, CONTENT) == (digest, relative)
    assert (tmp_path / relative).stat().st_ino == inode
    assert snapshots.read(tmp_path, str(relative)) == CONTENT


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100_000])
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    _, relative = snapshots.keep(tmp_path, content)
    assert snapshots.read(tmp_path, str(relative)) == content


def test_a_truncated_copy_is_written_again(tmp_path: Path) -> None:
    _, relative = snapshots.keep(tmp_path, CONTENT)
    (tmp_path / relative).write_bytes(CONTENT[:10])
    with pytest.raises(WarehouseUnusable, match="damaged"):
        snapshots.read(tmp_path, str(relative))
    snapshots.keep(tmp_path, CONTENT)
    assert snapshots.read(tmp_path, str(relative)) == CONTENT


def test_a_damaged_or_lost_copy_is_refused(tmp_path: Path) -> None:
    _, relative = snapshots.keep(tmp_path, CONTENT)
    (tmp_path / relative).write_bytes(CONTENT[::-1])
    with pytest.raises(WarehouseUnusable, match=r"damaged.*ingest the source again"):
        snapshots.read(tmp_path, str(relative))
    (tmp_path / relative).unlink()
    with pytest.raises(WarehouseUnusable, match="No such file"):
        snapshots.read(tmp_path, str(relative))


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "file"
    snapshots.write_atomically(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = snapshots.os if step == "fsync" else Path
    monkeypatch.setattr(target, step, full)
    with pytest.raises(WarehouseUnusable, match=r"cannot write .*file: No space left on device"):
        snapshots.write_atomically(path, b"new")
    assert _files(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


def test_a_failure_that_is_no_error_of_the_disk_cleans_up_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshots.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        snapshots.write_atomically(tmp_path / "file", b"new")
    assert _files(tmp_path) == []


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / DIGEST[:2]).write_bytes(b"")
    with pytest.raises(WarehouseUnusable, match="cannot write"):
        snapshots.keep(tmp_path, CONTENT)
