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
    """One rendered launch. Its id hashes decision and manifest, so a repeat is the same launch."""

    launch_id: str
    decision_id: str
    state: str
    external_id: str | None
    manifest_sha256: str
    manifest_path: Path


def submit(folder: Path, decision_id: str, manifest: Mapping[str, object]) -> Launch:
    """Write the manifest to <folder>/<launch_id>.json; submitting it again writes the same file."""
    content = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    digest = hashlib.sha256(content).hexdigest()
    launch_id = hashlib.sha256(f"{decision_id}/{digest}".encode()).hexdigest()[:16]
    path = folder / f"{launch_id}.json"
    write_atomically(path, content)
    return Launch(launch_id, decision_id, "rendered", None, digest, path.resolve())
