"""Guards: vintages whose totals left the band of their source, and who said that they are right.

Which vintage is held is never stored. `core_vintage_state` derives it from totals, bands and
acknowledgements, so it is the same in whatever order those came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from warehouse.insert import insert_rows
from warehouse.publish import bump
from warehouse.statements import ask


@dataclass(frozen=True, slots=True)
class Held:
    """A vintage kept from forecasts, and its total that moved furthest.

    change is total ÷ reference − 1, None where the reference is 0.
    """

    series: str
    known_at: date
    metric: str
    stage: str
    reference: float | None
    total: float
    change: float | None

    def words(self) -> str:
        """The vintage and what moved, as part of a sentence."""
        moved = "from 0" if self.change is None else f"{self.change:+.1%}"
        return f"{self.series} of {self.known_at} ({self.metric} {moved})"


def held(connection: Connection, source: str) -> list[Held]:
    """Held vintages of a source at the connection's known_at, oldest first."""
    found = ask(connection, "held_vintages", {"source": source})
    return [Held(**row) for row in found.mappings()]


def explain(connection: Connection, source: str, vintages: Sequence[Held]) -> str:
    """What is held, why, and what to do; blank if nothing is."""
    if not vintages:
        return ""
    fall, rise = band(connection, source)
    listed = ", ".join(vintage.words() for vintage in vintages)
    return (
        f"held from forecasts: {listed}; a total may move by −{fall:.0%} to +{rise:.0%} a year. "
        f"Look at out_vintages, then: datawall sources ack {source} --by NAME"
    )


def band(connection: Connection, source: str) -> tuple[float, float]:
    """By how much a total of a source may fall and rise between vintages, as ratios."""
    row = ask(connection, "band", {"source": source}).one()
    return float(row.fall), float(row.rise)


def acknowledge(
    connection: Connection, source: str, by: str, note: str, now: datetime
) -> list[Held]:
    """Record that the held vintages of a source are right; returns them. Repeating does nothing."""
    with connection.begin():
        vintages = held(connection, source)
        given = {"acknowledged_at": now, "acknowledged_by": by, "note": note}
        rows = [
            {"source": source, "series": v.series, "known_at": v.known_at} | given for v in vintages
        ]
        if rows:
            insert_rows(connection, "acknowledgement", rows)
            bump(connection)
    return vintages


def set_band(
    connection: Connection, source: str, fall: float, rise: float, by: str, note: str, now: datetime
) -> bool:
    """Set the band of a source ('*': of all without one); False if it is that already."""
    with connection.begin():
        if band(connection, source) == (fall, rise):
            return False
        row = {"source": source, "set_at": now, "set_by": by, "fall": fall, "rise": rise,
               "note": note}  # fmt: skip
        insert_rows(connection, "guard_band", [row])
        bump(connection)
    return True
