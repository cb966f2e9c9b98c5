"""Results of probes into the warehouse, as rows and as claims a scenario can name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.errors import SourceChanged, SourceUnavailable
from flows.probing.result import NAME, ProbeResult
from flows.steps.prepare import ensure_ready, writing
from flows.workspace import Workspace
from models.records import OriginRecord
from warehouse.probes import save_probe
from warehouse.snapshots import keep, sha256

# Half of a normal 95 % interval, in standard errors.
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one result. status: new or unchanged."""

    result: ProbeResult
    status: str
    claim: str


def import_probes(workspace: Workspace, folders: Sequence[Path], now: datetime) -> list[Imported]:
    """Store the results of finished runs, all or none of those that cannot be read.

    folders: each a run's own, or one that holds such folders
    Raises: SourceUnavailable for a folder without a finished run, SourceChanged for a file that is
    no result or whose loss curve is not the one it was made with
    """
    found = [(file, *_read(file)) for folder in folders for file in _results(folder)]
    ensure_ready(workspace)
    with writing(workspace) as connection:
        imported = []
        for file, content, result in found:
            digest, snapshot = keep(workspace.snapshots, content)
            origin = _origin(file, content, digest, result)
            row = result.model_dump() | {
                "result_sha256": digest,
                "known_at": result.finished_at.date(),
            }
            new = save_probe(connection, origin, snapshot, row, [_claim(result)], now)
            status = "new" if new else "unchanged"
            imported.append(Imported(result, status, f"probe:{_claim(result)['name']}"))
        return imported


def _results(folder: Path) -> list[Path]:
    if (folder / NAME).is_file():
        return [folder / NAME]
    inner = sorted(folder.glob(f"*/{NAME}")) if folder.is_dir() else []
    if not inner:
        raise SourceUnavailable(
            f"{folder} holds no finished probe ({NAME} is missing); start the run again to go on"
        )
    return inner


def _read(file: Path) -> tuple[bytes, ProbeResult]:
    try:
        content = file.read_bytes()
        result = ProbeResult.model_validate_json(content)
        curve = sha256(file.with_name("loss.jsonl").read_bytes())
    except OSError as error:
        raise SourceUnavailable(f"cannot read {error.filename}: {error.strerror}") from error
    except ValueError as error:
        first = " ".join(str(error).splitlines()[:3])[:300]
        raise SourceChanged(f"{file} is no probe's result: {first}; run the probe again") from error
    if curve != result.curve_sha256:
        raise SourceChanged(
            f"{file.with_name('loss.jsonl')} is not the loss curve {file.name} was made with; "
            "restore it or run the probe again"
        )
    return content, result


def _origin(file: Path, content: bytes, digest: str, result: ProbeResult) -> OriginRecord:
    return OriginRecord(
        origin_id=f"probe-{result.run}-{digest[:12]}",
        kind="file",
        publisher="own probe run",
        title=f"probe {result.run}: {result.params:,} parameters, {result.tokens:,} tokens",
        url=file.resolve().as_uri(),
        published_on=result.finished_at.date(),
        sha256=digest,
        size_bytes=len(content),
    )


def _claim(result: ProbeResult) -> dict[str, Any]:
    """The loss of a run as a claim; its interval is that of the held-out sample, one seed."""
    half, drawable = Z95 * result.loss_se, result.loss_se > 0
    return {
        "name": f"{result.run}.loss_nats",
        "known_at": result.finished_at.date(),
        "shape": "normal" if drawable else "fixed",
        "value": result.loss_nats,
        "low": result.loss_nats - half if drawable else None,
        "high": result.loss_nats + half if drawable else None,
        "ci_prob": 0.95 if drawable else None,
        "unit": "nats_per_token",
        "status": "derived",
        "basis": f"held-out loss, {result.tokenizer} tokens; interval of the held-out sample only",
        "valid_on": result.finished_at.date(),
    }
