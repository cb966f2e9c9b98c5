"""Decisions, approvals, intents, the switch, and the chain of events.

Revision ID: 0025
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_LIVE = sa.text("state NOT IN ('failed', 'cancelled')")


def upgrade() -> None:
    """Make the tables, the first head, and a switch that is off."""
    moment = sa.DateTime(timezone=True)
    head = op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.CheckConstraint("id = 1", name="one_head"),
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("subject_key", sa.String(100), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    )
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("plan_sha256", sa.String(64), nullable=False),
        sa.Column("forecast_id", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("requester", sa.String(100), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("event", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_decision_run", "decision", ["run"])
    op.create_table(
        "approval",
        sa.Column("approval_id", sa.String(100), primary_key=True),
        sa.Column("decision_id", sa.String(64), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("requester", sa.String(100), nullable=False),
        sa.Column("approver", sa.String(100), nullable=False),
        sa.Column("typed_by", sa.String(100), nullable=False),
        sa.Column("approved_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("event", sa.BigInteger, nullable=False),
        sa.CheckConstraint("approver <> requester", name="approver_is_not_requester"),
    )
    op.create_index("ix_approval_decision_id", "approval", ["decision_id"])
    op.create_table(
        "intent",
        sa.Column("launch_id", sa.String(64), primary_key=True),
        sa.Column("decision_id", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("launcher", sa.String(20), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("approval_id", sa.String(100), nullable=False),
        sa.Column("requester", sa.String(100), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("external_id", sa.String(200)),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("reserved_cents", sa.BigInteger, nullable=False),
        sa.Column("spent_cents", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("reconciled", sa.Boolean, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("event", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("decision_id", "attempt", name="one_intent_per_attempt"),
        sa.CheckConstraint(
            "state IN ('intended', 'submitting', 'launched', 'cancelling', "
            "'succeeded', 'failed', 'cancelled')",
            name="known_state",
        ),
        sa.CheckConstraint("reserved_cents >= 0", name="reservation_not_negative"),
        sa.CheckConstraint("attempt >= 1", name="attempts_count_from_one"),
    )
    op.create_index("ix_intent_run", "intent", ["run"])
    op.create_index("ix_intent_month", "intent", ["month"])
    op.create_index(
        "one_live_intent_per_decision",
        "intent",
        ["decision_id"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_table(
        "switch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("event", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name="one_switch"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "sha256": "0" * 64}])


def downgrade() -> None:
    """Take the tables away, with all that they recorded."""
    for table in ("switch", "intent", "approval", "decision", "event", "head"):
        op.drop_table(table)
