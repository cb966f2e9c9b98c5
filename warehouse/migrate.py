"""Schema changes: numbered scripts, applied once each, in order, in one transaction.

Views are code, not data: they are replaced whenever their text differs from what was applied.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, text

from warehouse.errors import WarehouseUnusable
from warehouse.statements import ask, literal, names, script

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name VARCHAR PRIMARY KEY, sha256 VARCHAR NOT NULL
)
"""


def _sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _view_scripts() -> list[str]:
    """View scripts in dependency order, which is that of their numbers."""
    return [script("views", name) for name in names("views")]


def migrate(connection: Connection) -> bool:
    """Bring the schema to this version of the code; True when anything changed.

    Raises: WarehouseUnusable when the file was written by a newer version, or when an applied
    migration was edited afterwards.
    """
    with connection.begin():
        connection.execute(text(_LEDGER))
        rows = connection.execute(text("SELECT name, sha256 FROM schema_migration")).all()
        applied = {str(row.name): str(row.sha256) for row in rows}
        views_sha = _sha("\n".join(_view_scripts()))
        unknown = sorted(set(applied) - set(names("migrations")) - {"views"})
        if unknown:
            raise WarehouseUnusable(
                f"the warehouse has migration {unknown[-1]}, which this version of datawall does "
                "not know; upgrade datawall or choose another --workspace"
            )
        changed = False
        for name in names("migrations"):
            content = script("migrations", name)
            if name not in applied:
                _run_script(connection, content)
                _record(connection, name, _sha(content))
                changed = True
            elif applied[name] != _sha(content):
                raise WarehouseUnusable(
                    f"migration {name} differs from the one this warehouse was made with; "
                    "restore the file or choose another --workspace"
                )
        # What `insert_rows` remembers of columns may be of the schema before.
        connection.info.pop("column_types", None)
        if changed or applied.get("views") != views_sha:
            _replace_views(connection)
            _record(connection, "views", views_sha)
            changed = True
    return changed


def _replace_views(connection: Connection) -> None:
    """Make this version's views; one that is no longer there must not stay behind."""
    found = ask(connection, "own_views").scalars().all()
    for name in found:
        connection.exec_driver_sql(f'DROP VIEW "{name}"')
    for view in _view_scripts():
        _run_script(connection, view)


def is_current_schema(connection: Connection) -> bool:
    """Whether a warehouse has exactly this version's migrations and views; reads only."""
    found = connection.execute(
        text("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_migration'")
    ).scalar_one()
    if not found:
        return False
    rows = connection.execute(text("SELECT name, sha256 FROM schema_migration")).all()
    wanted = {name: _sha(script("migrations", name)) for name in names("migrations")}
    wanted["views"] = _sha("\n".join(_view_scripts()))
    return {str(row.name): str(row.sha256) for row in rows} == wanted


def _run_script(connection: Connection, content: str) -> None:
    for part in content.split(";\n"):
        if part.strip():
            connection.exec_driver_sql(part)


def _record(connection: Connection, name: str, sha256: str) -> None:
    # Written out: the driver loads pandas (0.2 s) for a statement with parameters.
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO schema_migration VALUES ({literal(name)}, {literal(sha256)})"  # noqa: S608
    )
