"""Views as files: whole, typed where the format can, and never a formula."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest
from typer.testing import CliRunner

from flows import cli
from flows.errors import UsageError, WorkspaceUnusable
from flows.export import FORMATS, export
from flows.steps.prepare import writing
from flows.workspace import Workspace
from models.records import CorpusRecord, InventoryRecord, Parsed, RejectedRow
from warehouse.errors import NotFound
from warehouse.load import Artefact, file_origin, load

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://x","y")'
SIGNS = ("=1+1", "+1", "-1", "@A1", "\t=1", FORMULA)


@pytest.fixture(scope="module")
def workspace(
    with_catalogue: Callable[[Path], Workspace], tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """The catalogue and one quarantined row of every text a spreadsheet may run."""
    place = with_catalogue(tmp_path_factory.mktemp("export") / "workspace")
    corpus = CorpusRecord("lab-1", "Lab", "web", "open", "human")
    figure = InventoryRecord("lab-1", "pages", "raw", date(2024, 1, 1), 2**53, "pages")
    rejected = tuple(RejectedRow(i, "odd", sign) for i, sign in enumerate(SIGNS))
    parsed = Parsed("counts", date(2024, 2, 1), (corpus,), (figure,), rejected=rejected)
    origin = file_origin("lab", "The Lab", "https://lab.example", "CC0", parsed, "0" * 64, 1)
    with writing(place) as connection:
        load(connection, "lab", [Artefact(parsed, origin, Path("aa/bb"))], NOW)
    return place


def _expected(workspace: Workspace, view: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as database:
        database.execute(f"ATTACH '{workspace.published}' AS p (READ_ONLY)")
        database.execute("USE p")
        database.execute("SET TimeZone = 'UTC'")
        return database.execute(f'FROM "{view}" ORDER BY ALL').fetchall()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_every_row(form: str, workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / f"inventory.{form}"
    written = export(workspace, "out_inventory", file, None)
    expected = _expected(workspace, "out_inventory")
    assert (written.rows, written.format) == (len(expected), form)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    column = [row[9] for row in expected]
    if form == "parquet":
        assert duckdb.sql(f"FROM '{file}'").fetchall() == expected
    elif form == "json":
        assert [row["value"] for row in json.loads(file.read_text("utf-8"))] == column
    elif form == "csv":
        with file.open(encoding="utf-8", newline="") as text:
            assert [float(row["value"]) for row in csv.DictReader(text)] == column
    else:
        sheet = openpyxl.load_workbook(file).active
        assert [row[9] for row in sheet.iter_rows(min_row=2, values_only=True)] == column


def test_no_text_becomes_a_formula(workspace: Workspace, tmp_path: Path) -> None:
    export(workspace, "out_quarantine", tmp_path / "q.xlsx", None)
    sheet = openpyxl.load_workbook(tmp_path / "q.xlsx").active
    cells = [row[5] for row in sheet.iter_rows(min_row=2)]
    assert sorted(str(cell.value) for cell in cells) == sorted(SIGNS)
    assert {(cell.data_type, bool(cell.quotePrefix)) for cell in cells} == {("s", True)}
    export(workspace, "out_quarantine", tmp_path / "q.csv", None)
    with (tmp_path / "q.csv").open(encoding="utf-8", newline="") as text:
        assert {row["raw"][0] for row in csv.DictReader(text)} == {"'"}


@pytest.mark.parametrize("form", FORMATS)
def test_known_at(form: str, workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / f"q.{form}"
    assert export(workspace, "out_quarantine", file, date(2024, 1, 31)).rows == 0
    assert export(workspace, "out_quarantine", file, date(2024, 2, 1)).rows == len(SIGNS)


def test_what_cannot_be_written(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"one of \.csv, \.xlsx, \.json, \.parquet"):
        export(workspace, "out_claims", tmp_path / "claims.txt", None)
    old = tmp_path / "old.csv"
    old.write_text("kept")
    for form in FORMATS:
        with pytest.raises(NotFound, match="did you mean out_claims"):
            export(workspace, "out_claim", old.with_suffix(f".{form}"), None)
        with pytest.raises(WorkspaceUnusable, match=r"cannot write .*; make it"):
            export(workspace, "out_claims", tmp_path / "none" / f"c.{form}", None)
    monkeypatch.setattr("flows.export.XLSX_CELL", 3)
    with pytest.raises(UsageError, match=r"at most 3; export as"):
        export(workspace, "out_claims", tmp_path / "claims.xlsx", None)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old.csv", "kept")]


def test_the_command(workspace: Workspace, tmp_path: Path) -> None:
    args = ["export", "out_sources", "--workspace", str(workspace.root), "--json", "--to"]
    result = CliRunner().invoke(cli.app, [*args, str(tmp_path / "s.json")])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == 1
    assert CliRunner().invoke(cli.app, [*args, str(tmp_path / "s.doc")]).exit_code == 2
