"""Raw bytes of sources, kept unchanged under the name of their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot: digest of its content, path relative to the folder, and size in bytes."""

    digest: str
    path: Path
    size: int


def keep_stream(folder: Path, chunks: Iterable[bytes]) -> Kept:
    """Store content that arrives in pieces, never held whole; nothing is kept if they break off.

    Raises: WarehouseUnusable when the folder cannot be written; what the pieces raise.
    """
    incoming = folder / f".incoming.{os.getpid()}"
    digest, size = hashlib.sha256(), 0
    source = iter(chunks)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with incoming.open("wb") as file:
            while (chunk := next(source, None)) is not None:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        relative = relative_path(digest.hexdigest())
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(path)
    except OSError as error:
        raise WarehouseUnusable(
            f"cannot write {folder}: {error.strerror or error}; check its permissions and free "
            "space"
        ) from error
    finally:
        incoming.unlink(missing_ok=True)
    return Kept(digest.hexdigest(), relative, size)


def pieces(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """Content of a file, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece


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
