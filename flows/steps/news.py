"""What is worth telling of a source after an ingest: it changed, it is stale, it failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from flows.connectors.feed import PERIOD_DAYS
from flows.connectors.registry import CONNECTORS
from flows.steps.prepare import ready
from flows.workspace import Workspace
from warehouse.load import LoadResult
from warehouse.store import read_sources

Kind = Literal["changed", "stale", "failed"]
# Publishers are late and skip: one that has missed so many turns is worth a look.
STALE_PERIODS = 5


@dataclass(frozen=True, slots=True)
class News:
    """One event. age_days: of the newest vintage, None if there is none."""

    kind: Kind
    source: str
    vintage: str
    age_days: int | None
    added: int
    closed: int
    message: str

    def payload(self) -> dict[str, Any]:
        """What an event carries."""
        return asdict(self)


def stale_days(source: str) -> int:
    """Age in days after which a source is stale."""
    return STALE_PERIODS * PERIOD_DAYS[CONNECTORS[source].schedule]


def news(workspace: Workspace, results: Sequence[LoadResult], today: date) -> Iterator[News]:
    """One item a source that changed or failed, or whose newest vintage has become old.

    A source without any vintage is stale only once it was asked for and missing.
    """
    with ready(workspace) as connection:
        vintages = {str(row["source"]): row["last_vintage"] for row in read_sources(connection)}
    for result in results:
        if result.source not in CONNECTORS:
            continue  # the catalogue comes with the code
        vintage = vintages.get(result.source)
        age = None if vintage is None else (today - vintage).days
        old = result.status == "missing" if age is None else age > stale_days(result.source)
        true: dict[Kind, bool] = {
            "changed": bool(result.added or result.closed),
            "failed": result.status == "failed",
            # What is only ever read from files is missed when its owner misses it.
            "stale": old and bool(CONNECTORS[result.source].feeds()),
        }
        for kind in (kind for kind, holds in true.items() if holds):
            yield News(
                kind,
                result.source,
                "" if vintage is None else vintage.isoformat(),
                age,
                result.added,
                result.closed,
                result.message,
            )
