"""The embedded catalogue: cited figures that give a complete forecast without any feed.

Its rows carry their own known_at. A correction is a new row with a later known_at; a row changed in
place is refused, because "as known on that day" would change.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from warehouse.checks import require_clean
from warehouse.errors import CheckFailed
from warehouse.insert import insert_rows
from warehouse.load import LoadResult
from warehouse.publish import bump

SOURCE = "catalogue"
FILES = ("origins", "corpora", "inventory", "factors", "law_fits")
_NUMBERS = (
    "value", "low", "high", "ci_prob", "reflect_at", "minimum", "maximum",
    "range_low_flop", "range_high_flop", "points",
)  # fmt: skip
_DATES = ("published_on", "valid_on", "known_at")
# A corpus is not dated in the catalogue: its row only names it, so it is known from the start.
_EVER = date(2000, 1, 1)
_KEYS = {
    "corpus": ("source", "series", "known_at", "corpus_id"),
    "inventory": (
        "source", "series", "known_at", "corpus_id", "metric", "stage", "valid_on", "origin_id",
    ),
    "factor": ("name", "known_at"),
    "law_fit": ("law", "fit", "known_at"),
}  # fmt: skip
_COMPARED = {
    "corpus": ("domain", "parent_corpus", "access_class", "information_origin"),
    "inventory": ("value", "low", "high", "ci_prob", "unit"),
    "factor": (
        "shape", "value", "low", "high", "ci_prob", "reflect_at", "minimum", "maximum", "unit",
        "valid_on",
    ),
    "law_fit": ("coefficients", "loss_unit"),
}  # fmt: skip
_JSON = ("coefficients",)


@cache
def _text(name: str) -> str:
    return (resources.files("warehouse") / "seeds" / f"{name}.csv").read_text("utf-8")


@cache
def sha256() -> str:
    """Checksum of the catalogue as installed."""
    return hashlib.sha256("".join(_text(name) for name in FILES).encode()).hexdigest()


def rows(name: str) -> list[dict[str, Any]]:
    """Typed rows of one catalogue file: blank numbers and dates are None."""
    table = list(csv.DictReader(io.StringIO(_text(name), newline="")))
    return [{key: _typed(key, value) for key, value in row.items()} for row in table]


def _typed(key: str, value: str) -> Any:
    if key in _NUMBERS:
        return float(value) if value else None
    if key in _DATES:
        return date.fromisoformat(value) if value else None
    return value


def tables() -> dict[str, list[dict[str, Any]]]:
    """Catalogue rows by table, ready to insert."""
    placed = {"source": SOURCE, "series": SOURCE}
    return {
        "corpus": [
            row | placed | {"known_at": _EVER, "covers_from": None, "covers_to": None}
            for row in rows("corpora")
        ],
        "inventory": [row | placed for row in rows("inventory")],
        "factor": rows("factors"),
        "law_fit": rows("law_fits"),
    }


def extent(as_of: date) -> tuple[date, int]:
    """Newest known_at up to a date, and the number of figures known by then."""
    dated = [row["known_at"] for name in ("inventory", "factors", "law_fits") for row in rows(name)]
    known = [day for day in dated if day <= as_of]
    return max(known, default=_EVER), len(known)


def is_loaded(connection: Connection) -> bool:
    """Whether the warehouse holds exactly this catalogue."""
    found = connection.execute(
        text("SELECT title FROM origin WHERE origin_id = 'datawall-catalogue'")
    ).scalar_one_or_none()
    return found == sha256()


def load(connection: Connection) -> LoadResult:
    """Insert the rows the warehouse lacks, in one transaction.

    Raises: CheckFailed when a row changed in place or breaks a check; nothing is committed.
    """
    with connection.begin():
        if is_loaded(connection):
            return _result("unchanged", 0, "already loaded")
        _insert_origins(connection)
        added = sum(_merge(connection, table, new) for table, new in tables().items())
        require_clean(connection)
        bump(connection)
        return _result("loaded", added, f"{len(rows('corpora'))} corpora")


def _result(status: Any, added: int, message: str) -> LoadResult:
    newest, figures = extent(date.max)
    return LoadResult(SOURCE, status, newest, figures, added, 0, 0, message)


def _insert_origins(connection: Connection) -> None:
    blank = {"sha256": "", "size_bytes": None, "snapshot_path": "", "retrieved_at": None}
    cited = [row | blank for row in rows("origins")]
    # The catalogue's own checksum stands as the title of this origin: is_loaded reads it.
    catalogue = {
        "origin_id": "datawall-catalogue",
        "kind": "publication",
        "publisher": "Datawall",
        "title": sha256(),
        "url": "docs/catalogue.md",
        "licence": "Apache-2.0",
        "published_on": None,
    }
    connection.execute(text("DELETE FROM origin WHERE origin_id = 'datawall-catalogue'"))
    known = set(connection.execute(text("SELECT origin_id FROM origin")).scalars())
    fresh = [row for row in [*cited, catalogue | blank] if row["origin_id"] not in known]
    insert_rows(connection, "origin", fresh)


def _merge(connection: Connection, table: str, new: Sequence[dict[str, Any]]) -> int:
    """Insert rows with unknown keys; refuse a known key with other figures."""
    key, compared = _KEYS[table], _COMPARED[table]
    where = " WHERE source = 'catalogue'" if "source" in key else ""
    known = {
        tuple(row[k] for k in key): _figures(row, compared)
        for row in connection.execute(text(f"SELECT * FROM {table}{where}")).mappings()  # noqa: S608
    }
    fresh = []
    for row in new:
        identity = tuple(row[k] for k in key)
        if identity not in known:
            fresh.append(row)
        elif known[identity] != _figures(row, compared):
            raise CheckFailed(
                f"catalogue {table} row {', '.join(map(str, identity))} was changed in place; "
                "add the correction as a new row with a later known_at"
            )
    return insert_rows(connection, table, fresh)


def _figures(row: Mapping[str, Any] | RowMapping, columns: Sequence[str]) -> tuple[Any, ...]:
    """What may not change in place; the driver has parsed the JSON of stored rows already."""
    return tuple(
        json.loads(row[column]) if column in _JSON and isinstance(row[column], str) else row[column]
        for column in columns
    )
