"""Tables of the ledger, for SQLite and PostgreSQL alike. Money is whole US cents, times are UTC.

Every table but `event` and `head` holds the newest state of something; its column `event` is the
number of the event that recorded that state (chain.py). Migrations make the same tables; a test
compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

# An intent is intended (row and reservation), submitting (the launcher is being called; seen by
# anybody else, the outcome is unknown), launched (the scheduler has it), cancelling (a stop was
# asked for), and ends succeeded, failed or cancelled.
OPEN = ("intended", "submitting", "launched", "cancelling")
ENDED = ("succeeded", "failed", "cancelled")
# A decision whose attempt ended so may be launched again, as another attempt.
RELEASED = ("failed", "cancelled")


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is given back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database, in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database, with its zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


metadata = MetaData()

head = Table(
    "head",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_head"), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("subject_key", String(100), nullable=False),
    Column("body", Text, nullable=False),
    # Unique: two processes that append to one event cannot both commit.
    Column("prev_sha256", String(64), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False, unique=True),
)

decision = Table(
    "decision",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("run", String(64), nullable=False, index=True),
    Column("plan_sha256", String(64), nullable=False),
    Column("forecast_id", String(64), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("requester", String(100), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("event", BigInteger, nullable=False),
)

approval = Table(
    "approval",
    metadata,
    Column("approval_id", String(100), primary_key=True),
    Column("decision_id", String(64), nullable=False, index=True),
    Column("manifest_sha256", String(64), nullable=False),
    Column("requester", String(100), nullable=False),
    Column("approver", String(100), nullable=False),
    Column("typed_by", String(100), nullable=False),
    Column("approved_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("event", BigInteger, nullable=False),
    CheckConstraint("approver <> requester", name="approver_is_not_requester"),
)

_live = f"state NOT IN {RELEASED!r}"

intent = Table(
    "intent",
    metadata,
    Column("launch_id", String(64), primary_key=True),
    Column("decision_id", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("run", String(64), nullable=False, index=True),
    Column("launcher", String(20), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("approval_id", String(100), nullable=False),
    Column("requester", String(100), nullable=False),
    Column("state", String(20), nullable=False),
    Column("external_id", String(200)),
    Column("month", String(7), nullable=False, index=True),
    Column("reserved_cents", BigInteger, nullable=False),
    # What the run did cost, once that is known; until then the reservation counts as spent.
    Column("spent_cents", BigInteger),
    Column("detail", Text, nullable=False),
    Column("reconciled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("event", BigInteger, nullable=False),
    UniqueConstraint("decision_id", "attempt", name="one_intent_per_attempt"),
    CheckConstraint(f"state IN {(*OPEN, *ENDED)!r}", name="known_state"),
    CheckConstraint("reserved_cents >= 0", name="reservation_not_negative"),
    CheckConstraint("attempt >= 1", name="attempts_count_from_one"),
    Index(
        "one_live_intent_per_decision",
        "decision_id",
        unique=True,
        sqlite_where=CheckConstraint(_live).sqltext,
        postgresql_where=CheckConstraint(_live).sqltext,
    ),
)

switch = Table(
    "switch",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_switch"), primary_key=True),
    Column("paused", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("event", BigInteger, nullable=False),
)

STATES = {table.name: table for table in (decision, approval, intent, switch)}
