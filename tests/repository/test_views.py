"""docs/views.md lists exactly the public views, their columns and types, and its queries run."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb
import pytest

from flows.workspace import Workspace
from warehouse.read import run

Columns = dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def sections(document: Callable[[str], str]) -> dict[str, str]:
    """Text below each view's heading."""
    parts = re.split(r"^## (.+)$", document("docs/views.md"), flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {heading: text for heading, text in pairs if heading.startswith("out_")}


@pytest.fixture(scope="module")
def columns(published: duckdb.DuckDBPyConnection) -> Columns:
    """Columns of every public view, in their order."""
    rows = published.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE starts_with(table_name, 'out_') ORDER BY table_name, column_index"
    ).fetchall()
    found: Columns = {}
    for view, column, kind in rows:
        short = kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
        found.setdefault(view, []).append((column, short))
    return found


def test_every_view_has_a_section_and_no_other(sections: dict[str, str], columns: Columns) -> None:
    assert columns
    assert set(sections) == set(columns)


def test_every_column_is_listed_in_order(sections: dict[str, str], columns: Columns) -> None:
    for view, text in sections.items():
        listed = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", text, re.MULTILINE)
        assert listed == columns[view], view


def test_every_view_states_grain_units_readers(sections: dict[str, str]) -> None:
    for view, text in sections.items():
        for word in ("Grain", "Units", "Readers"):
            assert re.search(rf"^- {word}: \S", text, re.MULTILINE), f"{view}: {word}"


def test_the_queries_run(document: Callable[[str], str], workspace: Workspace) -> None:
    queries = re.findall(r"^```sql\n(.*?)^```", document("docs/views.md"), re.MULTILINE | re.DOTALL)
    assert len(queries) >= 2
    for query in queries:
        assert run(workspace.published, query).columns
