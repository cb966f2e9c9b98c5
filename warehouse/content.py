"""One hash of all facts, equal for equal content however it got there."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, text

# What a load states. Times of loading, the log of runs, bands and acknowledgements are left out:
# they differ by history.
FACT_TABLES = (
    "origin", "vintage", "vintage_total", "quarantine", "corpus", "inventory", "factor", "law_fit",
    "training_run", "probe_result", "probe_claim", "measured_factor",
)  # fmt: skip
_NOT_FACTS = "EXCLUDE (retrieved_at)"


def content_sha256(connection: Connection) -> str:
    """SHA-256 over the sorted rows of all fact tables."""
    digest = hashlib.sha256()
    for table in FACT_TABLES:
        columns = f"* {_NOT_FACTS}" if table == "origin" else "*"
        stated = f"SELECT CAST(t AS VARCHAR) AS r FROM (SELECT {columns} FROM {table}) t"  # noqa: S608
        rows = connection.execute(text(f"{stated} ORDER BY r"))
        digest.update(f"[{table}]".encode())
        for row in rows:
            digest.update(str(row.r).encode() + b"\n")
    return digest.hexdigest()
