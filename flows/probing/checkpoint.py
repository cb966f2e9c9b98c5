"""Checkpoints: the whole state of a training in one file that is old or new, never torn."""

from __future__ import annotations

import fcntl
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from flows.errors import LaunchRefused, WorkspaceUnusable
from warehouse.snapshots import write_atomically

NAME = "checkpoint.pt"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint: written beside, flushed to disk, renamed."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(folder / NAME, buffer.getvalue())


def load(folder: Path, device: str) -> dict[str, Any] | None:
    """The folder's checkpoint, None without one; only tensors and plain values are ever loaded.

    Raises: WorkspaceUnusable for a file that is none
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:
        # torch raises whatever zip, pickle and its own reader raise on damaged bytes.
        reason = str(error).splitlines()[0][:200]
        raise WorkspaceUnusable(
            f"checkpoint {path} cannot be read ({reason}); delete it to start the run again"
        ) from error
    return state


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder: a second process on the same run would spend the money twice.

    Raises: LaunchRefused while another process holds it; the system frees it when that one dies
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LaunchRefused(
                f"another process trains in {folder}; wait for it, or choose another --out"
            ) from error
        yield
