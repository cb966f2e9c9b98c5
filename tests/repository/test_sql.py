"""Every SQL file runs on a fresh warehouse, and those that others read say what they are."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pytest

SQL = Path(__file__).parents[2] / "warehouse"
VIEWS, CHECKS, QUERIES = (sorted((SQL / f).glob("*.sql")) for f in ("views", "checks", "queries"))


def _header(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines[: _first_code(lines)])


def _first_code(lines: list[str]) -> int:
    return next(i for i, line in enumerate(lines) if not line.startswith("--"))


def test_there_are_files() -> None:
    assert VIEWS
    assert CHECKS
    assert QUERIES


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_view_exists_and_says_what_it_is(path: Path, published: duckdb.DuckDBPyConnection) -> None:
    name = re.sub(r"^\d+_", "", path.stem)
    published.execute(f"FROM {name} LIMIT 1")
    header = _header(path)
    assert header.startswith(f"-- {name}: ")
    assert "Readers: " in header
    assert re.search("one row per|grain", header, re.IGNORECASE)


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_check_runs_and_passes_on_the_catalogue(
    path: Path, published: duckdb.DuckDBPyConnection
) -> None:
    assert published.execute(path.read_text("utf-8")).fetchall() == []
    assert _header(path).startswith("-- ")


def _prepared(path: Path) -> str:
    return re.sub(r"(?<![:\w]):([a-z_]\w*)", r"$\1", path.read_text("utf-8"))


@pytest.fixture(scope="module")
def with_stated(published: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """With the temporary table that two queries of a load read."""
    (stated,) = (path for path in QUERIES if path.stem == "stated")
    vintage = {"source": "none", "series": "none", "known_at": date(2026, 1, 1)}
    return published.execute(_prepared(stated), vintage)


# `stated` itself has run by then.
@pytest.mark.parametrize(
    "path", [path for path in QUERIES if path.stem != "stated"], ids=lambda path: path.stem
)
def test_query_prepares(path: Path, with_stated: duckdb.DuckDBPyConnection) -> None:
    with_stated.execute(f"PREPARE checked AS {_prepared(path)}")
    with_stated.execute("DEALLOCATE checked")


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_query_is_called(path: Path) -> None:
    code = "".join(file.read_text("utf-8") for file in SQL.glob("*.py"))
    assert f'"{path.stem}"' in code
