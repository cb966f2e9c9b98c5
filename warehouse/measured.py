"""Corpora that users measured, beside those that sources state."""

from __future__ import annotations

from sqlalchemy import Connection

from warehouse.statements import ask

# Under which source measurements are loaded; no publisher has it.
SOURCE = "measured"
PUBLISHER = "measured here"


def owners(connection: Connection, corpus_id: str) -> list[str]:
    """Sources that state a corpus of this id."""
    rows = ask(connection, "corpus_owners", {"corpus_id": corpus_id})
    return [str(source) for source in rows.scalars()]
