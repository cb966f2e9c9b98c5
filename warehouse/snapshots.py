"""Raw bytes of sources, kept unchanged under the name of their content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from warehouse.errors import WarehouseUnusable


def sha256(content: bytes) -> str:
    """Name of some content."""
    return hashlib.sha256(content).hexdigest()


def relative_path(digest: str) -> Path:
    """Place of a snapshot below the snapshots folder."""
    return Path(digest[:2]) / digest


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old content or the new, never a part.

    Raises: WarehouseUnusable when the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One name a process: a leftover of a killed one is overwritten or simply ignored.
        temporary = path.with_name(f".{path.name}.{os.getpid()}.writing")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WarehouseUnusable(
            f"cannot write {path}: {error.strerror or error}; check its permissions and free space"
        ) from error


def keep(folder: Path, content: bytes) -> tuple[str, Path]:
    """Store content once; returns its digest and its path relative to the folder.

    A file of the right name is trusted only if its size matches, so a truncated copy (power loss on
    a file system that reorders) is written again.
    """
    digest = sha256(content)
    relative = relative_path(digest)
    path = folder / relative
    if not path.exists() or path.stat().st_size != len(content):
        write_atomically(path, content)
    return digest, relative


def read(folder: Path, relative: str) -> bytes:
    """Content of a snapshot, verified against its name."""
    try:
        content = (folder / relative).read_bytes()
    except OSError as error:
        raise WarehouseUnusable(
            f"cannot read snapshot {folder / relative}: {error.strerror}"
        ) from error
    if sha256(content) != Path(relative).name:
        raise WarehouseUnusable(
            f"snapshot {folder / relative} is damaged: its content does not match its name; "
            "ingest the source again"
        )
    return content
