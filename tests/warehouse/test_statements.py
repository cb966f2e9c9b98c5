"""Statements in files, with the values that are written into them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from warehouse import statements
from warehouse.statements import ask

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=50)
@given(text=TEXTS | st.sampled_from(["'; DROP TABLE vintage; --", ":source", "$1", "a\\'b", "%s"]))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            statements, "script", lambda folder, name: "SELECT :text AS said, :day AS day"
        )
        with create_engine("duckdb:///:memory:").connect() as connection:
            row = ask(connection, "any", {"text": text, "day": date(2026, 1, 2)}).one()
    assert (row.said, row.day) == (text, date(2026, 1, 2))


@pytest.mark.parametrize("value", [1, None, datetime(2026, 1, 2, tzinfo=UTC)])
def test_other_values_are_refused(connection: Connection, value: object) -> None:
    with pytest.raises(TypeError, match="has no place in a query"):
        ask(connection, "band", {"source": value})


def test_a_load_does_without_pandas(tmp_path: Path) -> None:
    """What a quarter of a second is saved by."""
    file = tmp_path / "own_inventory.2026-07-01.csv"
    file.write_text(
        "corpus_id,domain,metric,stage,valid_on,value\nours,private,tokens,raw,2026-06-30,4.2e9\n"
    )
    code = (
        "import sys; from flows.cli import app\n"
        f"sys.argv = ['datawall', 'ingest', 'own_inventory', '--from', {str(tmp_path)!r},"
        f" '--workspace', {str(tmp_path / 'workspace')!r}]\n"
        "try: app()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
