"""SQL of fixed shape lives in files; Python only calls it by name."""

from __future__ import annotations

from functools import cache
from importlib import resources

from sqlalchemy import TextClause, text


@cache
def script(folder: str, name: str) -> str:
    """Text of warehouse/<folder>/<name>.sql."""
    return (resources.files("warehouse") / folder / f"{name}.sql").read_text("utf-8")


@cache
def query(name: str) -> TextClause:
    """Statement of warehouse/queries/<name>.sql, with :parameters."""
    return text(script("queries", name))


@cache
def names(folder: str) -> tuple[str, ...]:
    """Names of the .sql files of a folder, sorted."""
    files = (resources.files("warehouse") / folder).iterdir()
    return tuple(sorted(f.name.removesuffix(".sql") for f in files if f.name.endswith(".sql")))
