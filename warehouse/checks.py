"""Data checks: every query of checks/*.sql returns offending rows; none means pass."""

from __future__ import annotations

from sqlalchemy import Connection, text

from warehouse.errors import CheckFailed
from warehouse.statements import names, script


def offending(connection: Connection, name: str) -> list[dict[str, object]]:
    """Rows that break one check."""
    rows = connection.execute(text(script("checks", name))).mappings().all()
    return [dict(row) for row in rows]


def require_clean(connection: Connection) -> None:
    """Run all checks inside the caller's transaction.

    Raises: CheckFailed naming the check, how many rows offend, and the first of them.
    """
    for name in names("checks"):
        rows = offending(connection, name)
        if rows:
            first = ", ".join(f"{key} {value}" for key, value in rows[0].items())
            raise CheckFailed(
                f"check {name} failed on {len(rows)} row(s), nothing was loaded; first: {first}"
            )
