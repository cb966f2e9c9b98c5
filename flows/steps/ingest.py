"""Ingest: files of sources to snapshots, records and vintages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from flows.connectors.files import read_file
from flows.connectors.registry import CONNECTORS, Connector, connector
from flows.errors import SourceError, SourceUnavailable, UsageError
from flows.steps.prepare import prepare, writing
from flows.workspace import Workspace
from models.errors import DatawallError
from warehouse import snapshots
from warehouse.errors import CheckFailed, VintageConflict
from warehouse.load import Artefact, LoadResult, LoadStatus, file_origin, load, record_failure

Progress = Callable[[str], None]


def ingest(
    workspace: Workspace,
    sources: Sequence[str],
    folder: Path | None,
    known_at: date | None,
    now: datetime,
    progress: Progress,
) -> list[LoadResult]:
    """Load the catalogue and every named source (all of them if none is named) from a folder.

    A source that is missing or fails is recorded and keeps its last good vintage; the others load.
    Raises: UsageError for an unknown source or one without a folder, SourceUnavailable for a
    folder that is not there; nothing is changed then.
    """
    chosen = [connector(name) for name in dict.fromkeys(sources)]
    if folder is None:
        if chosen:
            raise UsageError(
                f"{chosen[0].name} is read from its publisher's files; say where they are with "
                f"--from DIR (they are published at {chosen[0].url})"
            )
        return [prepare(workspace)]
    if not folder.is_dir():
        raise SourceUnavailable(f"there is no folder {folder}; give one with --from DIR")
    results = [prepare(workspace)]
    for source in chosen or CONNECTORS.values():
        progress(f"reading {source.name} from {folder}")
        results.append(_ingest_one(workspace, source, folder, known_at, now, progress))
    return results


def _ingest_one(
    workspace: Workspace,
    source: Connector,
    folder: Path,
    known_at: date | None,
    now: datetime,
    progress: Progress,
) -> LoadResult:
    try:
        artefacts = _read(workspace, source, folder, known_at, progress)
        if not artefacts:
            return _note(workspace, source, "missing", f"no file of {source.name} in {folder}", now)
        with writing(workspace) as connection:
            result = load(connection, source.name, artefacts, now)
    except (SourceError, VintageConflict, CheckFailed) as error:
        failed = _note(workspace, source, "failed", str(error), now)
        return replace(failed, broke_check=isinstance(error, CheckFailed))
    return _with_unread(result, source, folder)


def _read(
    workspace: Workspace,
    source: Connector,
    folder: Path,
    known_at: date | None,
    progress: Progress,
) -> list[Artefact]:
    """Keep every file's bytes, then parse them; equal bytes count once."""
    artefacts: dict[str, Artefact] = {}
    for path in source.find(folder):
        content = read_file(path)
        digest, relative = snapshots.keep(workspace.snapshots, content)
        if digest in artefacts:
            continue
        progress(f"  {path.name}: {len(content):,} bytes")
        parsed = source.parse(path.name, content, known_at)
        origin = file_origin(
            source.name, source.publisher, source.url, source.licence, parsed, content
        )
        artefacts[digest] = Artefact(parsed, origin, relative, workspace.snapshots / relative)
    return list(artefacts.values())


def _note(
    workspace: Workspace, source: Connector, status: LoadStatus, message: str, now: datetime
) -> LoadResult:
    result = LoadResult(source.name, status, None, 0, 0, 0, 0, message)
    with writing(workspace) as connection:
        record_failure(connection, result, now)
    return result


def _with_unread(result: LoadResult, source: Connector, folder: Path) -> LoadResult:
    unread = source.unread(folder)
    if not unread:
        return result
    names = ", ".join(path.name for path in unread)
    return replace(result, message=f"{result.message}; not read by this version: {names}")


def failure(results: Sequence[LoadResult], named: Sequence[str]) -> DatawallError | None:
    """The error to end with: a failed source, or a missing one that was asked for by name."""
    for result in results:
        if result.status == "failed":
            kind = CheckFailed if result.broke_check else SourceError
            return kind(f"{result.message} (its last good vintage stays in force)")
        if result.status == "missing" and result.source in named:
            return SourceUnavailable(f"{result.message}; check --from DIR")
    return None
