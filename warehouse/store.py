"""Storing and finding forecasts, planned runs and decisions. Rows are plain mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from warehouse.errors import NotFound
from warehouse.insert import insert_rows
from warehouse.publish import bump
from warehouse.statements import execute

Row = Mapping[str, Any]
FORECAST_PARTS = (
    "forecast_domain", "forecast_quantile", "forecast_wall", "forecast_input",
)  # fmt: skip


def _one(connection: Connection, statement: str, **values: Any) -> Row | None:
    row = execute(connection, statement, values).mappings().one_or_none()
    return None if row is None else dict(row)


def _all(connection: Connection, statement: str, **values: Any) -> list[Row]:
    return [dict(row) for row in execute(connection, statement, values).mappings()]


def has_forecast(connection: Connection, forecast_id: str) -> bool:
    """Whether a forecast with this id, so with these numbers, is stored already."""
    same = "SELECT forecast_id FROM forecast WHERE forecast_id = :forecast_id"
    return _one(connection, same, forecast_id=forecast_id) is not None


def save_forecast(
    connection: Connection, head: Row, parts: Mapping[str, Sequence[Row]], now: datetime
) -> None:
    """Store a forecast once; storing it again changes nothing, since its id hashes its inputs."""
    with connection.begin():
        if has_forecast(connection, head["forecast_id"]):
            return
        insert_rows(connection, "forecast", [dict(head) | {"created_at": now}])
        for part in FORECAST_PARTS:
            insert_rows(connection, part, parts[part])
        bump(connection)


def find_forecast(connection: Connection, name: str | None) -> str:
    """Id of a forecast: by id or its beginning, by scenario (newest), or the newest of all.

    Raises: NotFound with what there is.
    """
    # Forecasts of one command share their time; of those, the one stored last is the newest.
    newest_first = "SELECT forecast_id, scenario FROM forecast ORDER BY created_at DESC, rowid DESC"
    rows = _all(connection, newest_first)
    if not rows:
        raise NotFound("no forecast is stored yet; run `datawall forecast` first")
    if name is None:
        return str(rows[0]["forecast_id"])
    by_scenario = [row for row in rows if row["scenario"] == name]
    by_id = [row for row in rows if len(name) >= 4 and row["forecast_id"].startswith(name)]
    found = by_scenario[:1] or by_id
    if len(found) != 1:
        known = ", ".join(sorted({row["scenario"] for row in rows}))
        problem = "is the beginning of several forecast ids" if found else "is no stored forecast"
        raise NotFound(f"{name!r} {problem}; stored scenarios: {known} (`datawall sql "
                       '"FROM out_forecasts"` lists the ids)')  # fmt: skip
    return str(found[0]["forecast_id"])


def read_forecast(connection: Connection, forecast_id: str) -> tuple[Row, dict[str, list[Row]]]:
    """Head and parts of a stored forecast, in stored order."""
    if not has_forecast(connection, forecast_id):
        raise NotFound(f"no forecast {forecast_id!r} is stored")

    def rows(table: str) -> list[Row]:
        chosen = f"SELECT * FROM {table} WHERE forecast_id = :forecast_id ORDER BY rowid"  # noqa: S608
        return _all(connection, chosen, forecast_id=forecast_id)

    return rows("forecast")[0], {part: rows(part) for part in FORECAST_PARTS}


def save_runs(
    connection: Connection, plans: Mapping[str, tuple[str, str]], now: datetime
) -> dict[str, str]:
    """Store planned runs {run: (sha256, spec JSON)}; returns what happened to each.

    A changed plan gets a new version; an unchanged one is left alone.
    """
    outcome: dict[str, str] = {}
    newest = (
        "SELECT version, sha256, withdrawn FROM planned_run WHERE run = :run "
        "ORDER BY version DESC LIMIT 1"
    )
    with connection.begin():
        for run, (sha256, spec) in plans.items():
            old = _one(connection, newest, run=run)
            if old is not None and old["sha256"] == sha256 and not old["withdrawn"]:
                outcome[run] = "unchanged"
                continue
            version = 1 if old is None else int(old["version"]) + 1
            row = {"run": run, "version": version, "sha256": sha256, "spec": spec,
                   "imported_at": now, "withdrawn": False}  # fmt: skip
            insert_rows(connection, "planned_run", [row])
            outcome[run] = "new" if old is None else "changed"
        if any(state != "unchanged" for state in outcome.values()):
            bump(connection)
    return outcome


def read_runs(connection: Connection) -> list[Row]:
    """Planned runs, newest version each, by name; the driver parses the JSON of spec."""
    return _all(connection, "SELECT * FROM out_runs ORDER BY run")


def save_decisions(connection: Connection, rows: Sequence[Row], now: datetime) -> None:
    """Store decisions; one that is stored already (same id, so same inputs) is left alone."""
    with connection.begin():
        known = {row["decision_id"] for row in _all(connection, "SELECT decision_id FROM decision")}
        new = [dict(row) | {"decided_at": now} for row in rows if row["decision_id"] not in known]
        insert_rows(connection, "decision", new)
        if new:
            bump(connection)


def read_decisions(connection: Connection, forecast_id: str | None = None) -> list[Row]:
    """Stored decisions, newest first, of one forecast or all; reasons and gates are lists."""
    rows = _all(connection, "SELECT * FROM out_decisions ORDER BY decided_at DESC, run")
    return [row for row in rows if forecast_id in (None, row["forecast_id"])]


def shown_ledger(connection: Connection) -> str | None:
    """Head of the ledger as it is shown here; None if it never was."""
    row = _one(connection, "SELECT sha256 FROM ledger_head")
    return None if row is None else str(row["sha256"])


def show_ledger(connection: Connection, head: Row, launches: Sequence[Row], now: datetime) -> None:
    """Replace what is shown of the ledger by what it holds; head: its seq and sha256."""
    with connection.begin():
        for table in ("ledger_head", "ledger_intent"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        insert_rows(connection, "ledger_head", [dict(head) | {"shown_at": now}])
        insert_rows(connection, "ledger_intent", launches)
        bump(connection)


def last_total_walls(connection: Connection) -> dict[str, float]:
    """Median of the total exhaustion wall by scenario, of the newest forecast of each."""
    rows = _all(
        connection,
        "SELECT f.scenario, w.p50 FROM forecast f JOIN forecast_wall w USING (forecast_id) "
        "WHERE w.domain = 'total' AND w.kind = 'exhaustion' ORDER BY f.created_at, f.rowid",
    )
    return {str(row["scenario"]): row["p50"] for row in rows}


def newest_probe(connection: Connection) -> tuple[str, date] | None:
    """Name and date of the newest measured run, as known at the connection's date."""
    newest = "SELECT run, known_at FROM out_probe_results ORDER BY known_at DESC, run LIMIT 1"
    row = _one(connection, newest)
    return None if row is None else (str(row["run"]), row["known_at"])


def read_sources(connection: Connection) -> list[Row]:
    """State of every source, by name."""
    return _all(connection, "SELECT * FROM out_sources ORDER BY source")
