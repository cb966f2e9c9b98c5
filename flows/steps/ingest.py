"""Ingest: files or feeds of sources to snapshots, records and vintages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from flows.connectors.files import READ_LIMIT, check_file, read_file
from flows.connectors.registry import CONNECTORS, Connector, Streaming, connector
from flows.errors import SourceError, SourceUnavailable, UsageError
from flows.http import Fetcher
from flows.steps.fetch import fetch_source
from flows.steps.prepare import prepare, ready, writing
from flows.workspace import Workspace
from models.errors import DatawallError
from models.records import Parsed
from warehouse import snapshots
from warehouse.errors import CheckFailed, VintageConflict
from warehouse.feeds import FeedAnswer, feed_state, remember
from warehouse.load import Artefact, LoadResult, LoadStatus, file_origin, load, record_failure

Progress = Callable[[str], None]


def ingest(
    workspace: Workspace,
    sources: Sequence[str],
    folder: Path | None,
    known_at: date | None,
    now: datetime,
    progress: Progress,
    http: Fetcher | None = None,
) -> list[LoadResult]:
    """Load the catalogue and every named source, from a folder or over the network.

    folder: files that the user has; then nothing is fetched. http: fetches where there is no
    folder; without both, the catalogue alone is loaded. With no source named: all of them, but
    over the network only those that are small.
    A source that is missing or fails is recorded and keeps its last good vintage; the others load.
    Raises: UsageError for an unknown source or one without a folder or network, SourceUnavailable
    for a folder that is not there; nothing is changed then.
    """
    chosen = [connector(name) for name in dict.fromkeys(sources)]
    if folder is not None:
        if not folder.is_dir():
            raise SourceUnavailable(f"there is no folder {folder}; give one with --from DIR")
        results = [prepare(workspace)]
        for source in chosen or CONNECTORS.values():
            progress(f"reading {source.name} from {folder}")
            results.append(_read_one(workspace, source, folder, known_at, now, progress))
        return _noted(workspace, results, now)
    if http is None:
        if chosen:
            raise UsageError(
                f"{chosen[0].name} is not fetched offline; say where its publisher's files are "
                f"with --from DIR (they are published at {chosen[0].url}), or leave out --offline"
            )
        return [prepare(workspace)]
    if known_at is not None:
        raise UsageError(
            "--known-at dates files given with --from; what is fetched is dated itself"
        )
    for source in chosen:
        if not source.feeds():
            raise UsageError(f"{source.name} is no feed; say where its files are with --from DIR")
    fetched = [each for each in CONNECTORS.values() if each.feeds() and not each.bulk]
    results = [prepare(workspace)]
    for source in chosen or fetched:
        progress(f"fetching {source.name}")
        results.append(_fetch_one(workspace, source, now, progress, http))
    return _noted(workspace, results, now)


def _read_one(
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
            return _without(source, "missing", f"no file of {source.name} in {folder}")
        with writing(workspace) as connection:
            result = load(connection, source.name, artefacts, now)
    except (SourceError, VintageConflict, CheckFailed) as error:
        failed = _without(source, "failed", str(error))
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
        kept, parse = _keep(workspace, source, path)
        if kept.digest in artefacts:
            continue
        progress(f"  {path.name}: {kept.size:,} bytes")
        parsed = parse(path.name, known_at)
        artefacts[kept.digest] = artefact(source, parsed, kept, workspace.snapshots)
    return list(artefacts.values())


def _keep(
    workspace: Workspace, source: Connector, path: Path
) -> tuple[snapshots.Kept, Callable[[str, date | None], Parsed]]:
    """Keep a file's bytes; a large one is never held whole."""
    if isinstance(source, Streaming):
        check_file(path)
        kept = snapshots.keep_stream(workspace.snapshots, snapshots.pieces(path))
        return kept, lambda name, known_at: parse_kept(workspace, source, name, kept, known_at)
    content = read_file(path)
    digest, relative = snapshots.keep(workspace.snapshots, content)
    kept = snapshots.Kept(digest, relative, len(content))
    return kept, lambda name, known_at: source.parse(name, content, known_at)


def parse_kept(
    workspace: Workspace,
    source: Connector,
    name: str,
    kept: snapshots.Kept,
    known_at: date | None,
) -> Parsed:
    """Parse a snapshot: as a stream where the source can, else from memory."""
    path = workspace.snapshots / kept.path
    if isinstance(source, Streaming):
        with path.open("rb") as file:
            return source.parse_stream(name, file, known_at)
    return source.parse(name, read_file(path, READ_LIMIT), known_at)


def artefact(source: Connector, parsed: Parsed, kept: snapshots.Kept, folder: Path) -> Artefact:
    """A parsed artefact with its origin: the address of its feed, however its bytes came here."""
    addresses = {feed.series: feed.url for feed in source.feeds()}
    origin = file_origin(
        source.name,
        source.publisher,
        addresses.get(parsed.series, source.url),
        source.licence,
        parsed,
        kept.digest,
        kept.size,
    )
    return Artefact(parsed, origin, kept.path, folder / kept.path)


def _fetch_one(
    workspace: Workspace,
    source: Connector,
    now: datetime,
    progress: Progress,
    http: Fetcher,
) -> LoadResult:
    """Fetch a source's feeds and load those that came; one that did not makes it miss or fail."""
    with ready(workspace) as connection:
        state = feed_state(connection, source.name)
    fetched = fetch_source(source, state, workspace.snapshots, http, progress)
    artefacts: list[Artefact] = []
    answers: list[FeedAnswer] = []
    problems = list(fetched.problems)
    for got in fetched.got:
        try:
            parsed = parse_kept(workspace, source, got.name, got.kept, None)
        except SourceError as error:
            problems.append(error)
            continue
        place = (parsed.series, parsed.vintage)
        today = (parsed.series, now.date())
        if got.kept.digest in (state.newest(parsed.series), state.loaded.get(place)):
            answers.append(got.answer)  # nothing new, however it was asked
            continue
        if place in state.loaded:
            # Revised without a new date of its own: known since today.
            if today in state.loaded:
                progress(f"  {got.name}: changed twice in a day; the next fetch takes it")
                continue
            parsed = parse_kept(workspace, source, got.name, got.kept, now.date())
        artefacts.append(artefact(source, parsed, got.kept, workspace.snapshots))
        answers.append(got.answer)
    try:
        with writing(workspace) as connection:
            result = load(connection, source.name, artefacts, now)
            if answers:
                remember(connection, source.name, answers, now)
    except (VintageConflict, CheckFailed) as error:
        failed = _without(source, "failed", str(error))
        return replace(failed, broke_check=isinstance(error, CheckFailed))
    if not problems:
        same = fetched.unchanged + len(answers) - len(artefacts)
        return replace(result, message=f"{len(artefacts)} feed(s) new, {same} unchanged")
    return _partly(result, problems)


def _partly(result: LoadResult, problems: Sequence[SourceError]) -> LoadResult:
    """What is told of a source some of whose feeds gave nothing: failed before missing."""
    missing = all(isinstance(problem, SourceUnavailable) for problem in problems)
    told = "; ".join(dict.fromkeys(map(str, problems)))
    loaded = f" ({result.added} figures of its other feeds were loaded)" if result.added else ""
    status: LoadStatus = "missing" if missing else "failed"
    return replace(result, status=status, message=f"{told}{loaded}")


def _without(source: Connector, status: LoadStatus, message: str) -> LoadResult:
    return LoadResult(source.name, status, None, 0, 0, 0, 0, message)


def _noted(workspace: Workspace, results: list[LoadResult], now: datetime) -> list[LoadResult]:
    """The results, after those of sources that were missing or failed are recorded, all at once."""
    trouble = [result for result in results if result.status in ("missing", "failed")]
    if trouble:
        with writing(workspace) as connection:
            for result in trouble:
                record_failure(connection, result, now)
    return results


def _with_unread(result: LoadResult, source: Connector, folder: Path) -> LoadResult:
    unread = source.unread(folder)
    if not unread:
        return result
    names = ", ".join(path.name for path in unread)
    return replace(result, message=f"{result.message}; not read by this version: {names}")


def failure(results: Sequence[LoadResult], named: Sequence[str]) -> DatawallError | None:
    """The error to end with: a failed source, or a missing one that was asked for by name."""
    for result in results:
        message = f"{result.message} (what was loaded before stays in force)"
        if result.status == "failed":
            return CheckFailed(message) if result.broke_check else SourceError(message)
        if result.status == "missing" and result.source in named:
            return SourceUnavailable(message)
    return None
