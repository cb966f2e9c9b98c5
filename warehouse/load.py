"""Loading: stage, check and merge one source's artefacts in one transaction.

A vintage is loaded whole or not at all. Loading it again changes nothing; vintages may arrive in
any order, because what a later one corrects is derived by the core_* views.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from models.records import OriginRecord, Parsed
from warehouse import bulk, guards
from warehouse.checks import require_clean
from warehouse.errors import CheckFailed, VintageConflict
from warehouse.insert import insert_rows
from warehouse.publish import bump
from warehouse.statements import ask

LoadStatus = Literal["loaded", "unchanged", "missing", "failed"]


@dataclass(frozen=True, slots=True)
class Artefact:
    """One parsed file of a source, its origin and where its bytes are kept.

    snapshot_path is relative to the snapshots; file is the whole path, which only a Parquet file
    that the database reads itself needs.
    """

    parsed: Parsed
    origin: OriginRecord
    snapshot_path: Path
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one attempt to load a source did.

    broke_check: its data failed a check of ours. held: vintages of it that forecasts do not use.
    """

    source: str
    status: LoadStatus
    vintage: date | None
    rows: int
    added: int
    closed: int
    quarantined: int
    message: str
    broke_check: bool = False
    held: int = 0


def load(
    connection: Connection, source: str, artefacts: Sequence[Artefact], now: datetime
) -> LoadResult:
    """Merge a source's artefacts; commits everything or nothing.

    Raises: VintageConflict, CheckFailed. Both leave the warehouse as it was.
    """
    with connection.begin():
        new = _unloaded(connection, source, artefacts)
        for artefact in new:
            _insert(connection, source, artefact, now)
        if new:
            require_clean(connection)
        opened, closed = 0, 0
        for artefact in new:
            changed = _changes(connection, source, artefact.parsed)
            opened, closed = opened + changed[0], closed + changed[1]
        held = guards.held(connection, source)
        result = LoadResult(
            source=source,
            status="loaded" if new else "unchanged",
            vintage=max((a.parsed.vintage for a in artefacts), default=None),
            rows=sum(_count(connection, source, a.parsed)[0] for a in artefacts),
            added=opened,
            closed=closed,
            quarantined=sum(_count(connection, source, a.parsed)[1] for a in artefacts),
            message="; ".join(
                filter(None, (_message(new, artefacts), guards.explain(connection, source, held)))
            ),
            held=len(held),
        )
        # An unchanged source leaves no trace, unless it mends what the log says of it.
        if new or _is_in_trouble(connection, source):
            _log(connection, result, now)
            bump(connection)
    return result


def record_failure(connection: Connection, result: LoadResult, now: datetime) -> None:
    """Note that a source was missing or failed; its facts stay as they were."""
    with connection.begin():
        _log(connection, result, now)
        bump(connection)


def _in_time(artefacts: Iterable[Artefact]) -> list[Artefact]:
    """Oldest first, so that what is counted as closed does not depend on file names."""
    return sorted(artefacts, key=lambda a: (a.parsed.series, a.parsed.vintage, a.origin.sha256))


def _message(new: Sequence[Artefact], artefacts: Sequence[Artefact]) -> str:
    if not new:
        return f"{len(artefacts)} file(s) already loaded"
    return f"{len(new)} of {len(artefacts)} file(s) new"


def _unloaded(connection: Connection, source: str, artefacts: Sequence[Artefact]) -> list[Artefact]:
    """Artefacts whose vintage is not loaded yet, oldest first.

    Raises: VintageConflict for one vintage in two versions, loaded before or in this very load.
    """
    new: list[Artefact] = []
    found: dict[tuple[str, date], str | None] = {}
    for artefact in _in_time(artefacts):
        place = (artefact.parsed.series, artefact.parsed.vintage)
        if place not in found:
            found[place] = _loaded_sha256(connection, source, *place)
        sha256 = artefact.origin.sha256
        if found[place] not in (None, sha256):
            raise VintageConflict(
                f"{source}: two different files of series {place[0]} both are of vintage "
                f"{place[1]} (checksums {str(found[place])[:8]} and {sha256[:8]}); load one alone "
                "with --known-at DATE, the day it was published"
            )
        if found[place] is None:
            new.append(artefact)
            found[place] = sha256
    return new


def _loaded_sha256(connection: Connection, source: str, series: str, vintage: date) -> str | None:
    values = {"source": source, "series": series, "known_at": vintage}
    found = ask(connection, "vintage_sha", values).scalar_one_or_none()
    return None if found is None else str(found)


def _count(connection: Connection, source: str, parsed: Parsed) -> tuple[int, int]:
    """Rows read and rows rejected of a loaded vintage."""
    if not parsed.parquet:
        return parsed.rows, len(parsed.rejected)
    values = {"source": source, "series": parsed.series, "known_at": parsed.vintage}
    row = ask(connection, "vintage_rows", values).one()
    return int(row.rows), int(row.quarantined)


def _is_in_trouble(connection: Connection, source: str) -> bool:
    status = ask(connection, "last_status", {"source": source}).scalar_one_or_none()
    return status in ("missing", "failed")


def _insert(connection: Connection, source: str, artefact: Artefact, now: datetime) -> None:
    try:
        _insert_rows(connection, source, artefact, now)
    except IntegrityError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise CheckFailed(
            f"{source}: its {artefact.parsed.series} of {artefact.parsed.vintage} states one thing "
            f"twice, nothing was loaded: {reason[:300]}"
        ) from error


def _insert_rows(connection: Connection, source: str, artefact: Artefact, now: datetime) -> None:
    parsed, origin = artefact.parsed, artefact.origin
    place = {
        "source": source,
        "series": parsed.series,
        "known_at": parsed.vintage,
        "origin_id": origin.origin_id,
    }
    kept = {"snapshot_path": str(artefact.snapshot_path), "retrieved_at": now}
    insert_rows(connection, "origin", [_row(origin) | kept])
    insert_rows(connection, "corpus", (_row(c) | place for c in parsed.corpora))
    insert_rows(connection, "inventory", (_row(i) | place for i in parsed.inventory))
    insert_rows(connection, "training_run", (_row(t) | place for t in parsed.training_runs))
    insert_rows(connection, "measured_factor", (_row(f) | place for f in parsed.factors))
    dated = {key: place[key] for key in ("source", "series", "known_at")}
    insert_rows(connection, "quarantine", (_row(r) | dated for r in parsed.rejected))
    rows, rejected = parsed.rows, len(parsed.rejected)
    if artefact.file is not None and parsed.parquet:
        rows, rejected = bulk.insert_parquet(connection, artefact.file, place)
    counted = {"sha256": origin.sha256, "rows": rows, "quarantined": rejected}
    insert_rows(connection, "vintage", [place | counted])
    # For the check and for the totals.
    ask(connection, "stated", dated)
    _require_stated_once(connection, dated)
    ask(connection, "insert_vintage_totals", dated)
    connection.exec_driver_sql("DROP TABLE stated")


def _require_stated_once(connection: Connection, vintage: dict[str, Any]) -> None:
    if not ask(connection, "may_repeat").scalar_one():
        return
    twice = ask(connection, "stated_twice", vintage).one_or_none()
    if twice is not None:
        raise CheckFailed(
            f"{vintage['source']}: its {vintage['series']} of {vintage['known_at']} states one "
            f"thing twice, nothing was loaded: {', '.join(map(str, twice))}"
        )


def _changes(connection: Connection, source: str, parsed: Parsed) -> tuple[int, int]:
    name = "training_runs_changed" if parsed.training_runs else "opened_and_closed"
    values = {"source": source, "series": parsed.series, "known_at": parsed.vintage}
    # Nothing can have changed against nothing: millions of figures need not be compared.
    if parsed.parquet and not ask(connection, "has_earlier_vintage", values).scalar_one():
        return _count(connection, source, parsed)[0], 0
    row = ask(connection, name, values).one()
    return int(row.opened), int(row.closed)


def _log(connection: Connection, result: LoadResult, now: datetime) -> None:
    row = _row(result) | {"run_id": uuid.uuid4().hex, "finished_at": now}
    del row["broke_check"], row["held"]  # the message says which
    insert_rows(connection, "ingest_run", [row])


def _row(record: Any) -> dict[str, Any]:
    # The records are flat; dataclasses.asdict copies each value deeply, a fifth of a load's time.
    return {field.name: getattr(record, field.name) for field in fields(record)}


def file_origin(
    source: str, publisher: str, url: str, licence: str, parsed: Parsed, digest: str, size: int
) -> OriginRecord:
    """Origin of one retrieved artefact: a content, as one vintage of a series.

    Equal bytes may come back as a later vintage; named by content alone, they would be described
    by whichever was loaded first.
    """
    return OriginRecord(
        origin_id=f"{source}-{parsed.series}-{parsed.vintage}-{digest[:12]}",
        kind="file",
        publisher=publisher,
        title=f"{source} {parsed.series}, vintage {parsed.vintage}",
        url=url,
        licence=licence,
        published_on=parsed.vintage,
        sha256=digest,
        size_bytes=size,
    )
