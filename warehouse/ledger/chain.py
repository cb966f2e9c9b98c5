"""Append-only events, each hashed together with the one before it.

    sha256(n) = SHA-256(sha256(n−1) + canonical JSON of event n)

Every change of the ledger goes through `record`: it appends an event with the whole row as it will
be, and then writes that row. So a changed, added or removed row of any table is found: either its
event's hash is wrong, or the row differs from what its newest event says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from warehouse.ledger.tables import STATES, event, head

Row = dict[str, Any]
FIRST = "0" * 64


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no place in the ledger")


def canonical(document: Mapping[str, Any]) -> str:
    """The one text of a document: sorted keys, UTC times, no spaces."""
    return json.dumps(
        dict(document), sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=False
    )


def _key(table: Table, row: Mapping[str, Any]) -> str:
    (column,) = table.primary_key.columns
    return str(row[column.name])


def _event_sha(found: Mapping[str, Any]) -> str:
    said = {key: found[key] for key in ("seq", "at", "actor", "kind", "subject", "subject_key")}
    text = f"{found['prev_sha256']}\n{canonical(said)}\n{found['body']}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def record(
    connection: Connection, table: Table, row: Mapping[str, Any], kind: str, actor: str,
    now: datetime,
) -> Row:  # fmt: skip
    """Append an event that says what a row of a table now is, and write the row.

    connection: one of `locked`; row: every column but `event`, the number of the event.
    """
    at = now.astimezone(UTC)
    last = connection.execute(select(head.c.seq, head.c.sha256)).one()
    written = dict(row) | {"event": last.seq + 1}
    entry: Row = {
        "seq": last.seq + 1,
        "at": at,
        "actor": actor,
        "kind": kind,
        "subject": table.name,
        "subject_key": _key(table, written),
        "body": canonical(written),
        "prev_sha256": last.sha256,
    }
    entry["sha256"] = _event_sha(entry)
    connection.execute(insert(event).values(entry))
    connection.execute(update(head).values(seq=entry["seq"], sha256=entry["sha256"]))
    _write(connection, table, written)
    return written


def _write(connection: Connection, table: Table, row: Row) -> None:
    (column,) = table.primary_key.columns
    changed = connection.execute(
        update(table).where(column == row[column.name]).values(row)
    ).rowcount
    if not changed:
        connection.execute(insert(table).values(row))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification found: the number of events, the last hash, and every row that is wrong."""

    events: int
    head_sha256: str
    problems: tuple[str, ...]


def verify(connection: Connection) -> Verdict:
    """Recompute every hash, and compare every row with what its newest event says."""
    last = connection.execute(select(head)).mappings().one()
    problems: list[str] = []
    newest: dict[tuple[str, str], str] = {}
    previous, count = FIRST, 0
    for found in connection.execute(select(event).order_by(event.c.seq)).mappings():
        row = dict(found)
        count += 1
        problems += _event_problems(row, count, previous)
        previous = str(row["sha256"])
        newest[(str(row["subject"]), str(row["subject_key"]))] = str(row["body"])
    if (count, previous) != (last["seq"], last["sha256"]):
        problems.append(
            f"head: says {last['seq']} events ending in {last['sha256'][:12]}, found {count} "
            f"ending in {previous[:12]}; events were removed from the end, or the head was changed"
        )
    problems += _row_problems(connection, newest)
    return Verdict(count, previous, tuple(problems))


def _event_problems(row: Mapping[str, Any], expected: int, previous: str) -> Iterator[str]:
    name = f"event {row['seq']} ({row['kind']} of {row['subject']} {row['subject_key']})"
    if row["seq"] != expected:
        yield f"{name}: event {expected} is missing before it"
    if row["prev_sha256"] != previous:
        yield f"{name}: does not follow the event before it"
    if _event_sha(row) != row["sha256"]:
        yield f"{name}: its content was changed"


def _row_problems(connection: Connection, newest: Mapping[tuple[str, str], str]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for name, table in STATES.items():
        for mapping in connection.execute(select(table)).mappings():
            found = dict(mapping)
            subject = (name, _key(table, found))
            seen.add(subject)
            if subject not in newest:
                yield f"{name} {subject[1]}: no event recorded it"
            elif canonical(found) != newest[subject]:
                columns = _differing(found, newest[subject])
                yield f"{name} {subject[1]}: {columns} differs from what was recorded"
    for name, key in sorted(newest.keys() - seen):
        yield f"{name} {key}: the row was removed"


def _differing(found: Mapping[str, Any], body: str) -> str:
    try:
        recorded = json.loads(body)
    except ValueError:
        return "everything"
    here = json.loads(canonical(found))
    return ", ".join(key for key in here if here[key] != recorded.get(key)) or "its set of columns"
