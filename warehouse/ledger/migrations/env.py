"""Alembic's entry: the caller's own connection and transaction, nothing from a file."""

from alembic import context

from warehouse.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
