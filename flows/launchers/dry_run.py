"""The default launcher: renders the exact job and starts nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.snapshots import write_atomically

name = "dry_run"


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch, rendered or started. Its id hashes decision and manifest."""

    launch_id: str
    decision_id: str
    state: str
    external_id: str | None
    manifest_sha256: str
    manifest_path: Path


@dataclass(frozen=True, slots=True)
class Rendered:
    """A manifest as it would be launched, byte for byte."""

    launch_id: str
    decision_id: str
    content: str
    sha256: str

    def write(self, folder: Path) -> Path:
        """Write it to <folder>/<launch_id>.json; writing it again writes the same file."""
        path = folder / f"{self.launch_id}.json"
        write_atomically(path, self.content.encode())
        return path.resolve()


def render(decision_id: str, manifest: Mapping[str, object]) -> Rendered:
    """A manifest as text, with its checksum and the id of its launch."""
    content = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    digest = hashlib.sha256(content.encode()).hexdigest()
    launch_id = hashlib.sha256(f"{decision_id}/{digest}".encode()).hexdigest()[:16]
    return Rendered(launch_id, decision_id, content, digest)


def submit(folder: Path, rendered: Rendered) -> Launch:
    """Write the manifest and start nothing."""
    return Launch(
        rendered.launch_id, rendered.decision_id, "rendered", None, rendered.sha256,
        rendered.write(folder),
    )  # fmt: skip
