"""The planner's own file, in four formats; whatever is wrong with it is said, nothing is run."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.connectors import own_inventory
from flows.connectors.own_inventory import find, parse
from flows.errors import SourceChanged
from flows.steps.ingest import failure, ingest
from flows.workspace import Workspace
from models.own_inventory import NAMES, REQUIRED, template
from models.records import Parsed
from warehouse.read import run

NOW = datetime(2026, 7, 1, tzinfo=UTC)
ROW: dict[str, Any] = {
    "corpus_id": "ours", "domain": "private", "metric": "tokens", "stage": "raw",
    "valid_on": "2026-06-30", "value": 4.2e9, "low": 4e9, "high": 4.4e9, "ci_prob": 0.9,
    "name": "Ours", "basis": "counted",
}  # fmt: skip
OTHER = {key: ROW[key] for key in REQUIRED} | {"corpus_id": "theirs", "value": 7}


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [",".join(str(row.get(column, "")) for column in columns) for row in rows]
    return "\n".join([",".join(columns), *lines, ""]).encode()


def as_yaml(rows: list[dict[str, Any]]) -> bytes:
    return yaml.safe_dump({"figures": rows}).encode()


def as_xlsx(rows: list[dict[str, Any]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    columns = list(dict.fromkeys(key for row in rows for key in row))
    sheet.append(columns)
    for row in rows:
        sheet.append([row.get(column) for column in columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FORMS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "csv": as_csv, "yaml": as_yaml, "xlsx": as_xlsx,
}  # fmt: skip


def read(form: str, rows: list[dict[str, Any]]) -> Parsed:
    return parse(f"own_inventory.2026-07-01.{form}", FORMS[form](rows), None)


@pytest.mark.parametrize("form", FORMS)
def test_three_formats_say_the_same(form: str) -> None:
    parsed = read(form, [ROW, OTHER])
    assert parsed == read("csv", [ROW, OTHER])
    assert (parsed.series, parsed.vintage, parsed.rejected) == ("inventory", date(2026, 7, 1), ())
    ours, theirs = parsed.inventory
    assert (ours.value, ours.low, ours.high, ours.ci_prob) == (4.2e9, 4e9, 4.4e9, 0.9)
    assert (theirs.unit, theirs.status, theirs.low) == ("tokens", "estimate", None)
    assert [c.name for c in parsed.corpora] == ["Ours", "theirs"]


def test_the_template_is_accepted_unchanged() -> None:
    parsed = parse("own_inventory.2026-06-30.yaml", template().encode(), None)
    assert (len(parsed.inventory), parsed.rejected) == (2, ())
    assert all(f"# {name} (" in template() for name in NAMES)


@pytest.mark.parametrize(
    ("name", "series", "vintage"),
    [
        ("own_inventory.csv", "inventory", date(2026, 6, 30)),
        ("own_inventory.team-a.csv", "team-a", date(2026, 6, 30)),
        ("own_inventory.team-a.2026-07-02.csv", "team-a", date(2026, 7, 2)),
    ],
)
def test_the_name_says_series_and_vintage(name: str, series: str, vintage: date) -> None:
    parsed = parse(name, as_csv([ROW]), None)
    assert (parsed.series, parsed.vintage) == (series, vintage)
    assert parse(name, as_csv([ROW]), date(2026, 8, 1)).vintage == date(2026, 8, 1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"domain": "webb"}, "domain is 'webb'; allowed: web,"),
        ({"metric": ""}, "metric is blank"),
        ({"value": "4,2"}, "a number ≥ 0 such as"),
        ({"value": -1}, "value is '-1'"),
        ({"value": "nan"}, "value is 'nan'"),
        ({"valid_on": "30.06.2026"}, "a date as YYYY-MM-DD is needed"),
        ({"high": ""}, "go together"),
        ({"low": 4.3e9}, "low ≤ value ≤ high"),
        ({"ci_prob": 90}, "0 < ci_prob < 1"),
        ({"stage": "effective"}, "allowed: raw, deduplicated, filtered, unique"),
    ],
)
def test_a_wrong_row_is_kept_apart_with_its_reason(
    form: str, change: dict[str, Any], reason: str
) -> None:
    rows = [ROW | {"valid_on": "2026-05-31"} | change, OTHER, OTHER | {"metric": "bytes"}]
    if "valid_on" in change and form == "csv":
        rows[0]["valid_on"] = change["valid_on"]
    if form == "csv" and change.get("value") == "4,2":
        rows[0]["value"] = '"4,2"'
    parsed = read(form, rows)
    assert len(parsed.inventory) == 2
    (rejected,) = parsed.rejected
    assert reason in rejected.reason
    assert "ours" in rejected.raw


def test_what_is_stated_twice_or_described_differently() -> None:
    parsed = read("yaml", [ROW, ROW, ROW | {"metric": "bytes", "name": "Else"}, OTHER])
    assert [row.line for row in parsed.rejected] == [2, 3]
    assert "stated in an earlier row" in parsed.rejected[0].reason
    assert "described differently" in parsed.rejected[1].reason


def test_a_formula_is_refused_not_computed() -> None:
    parsed = read("xlsx", [ROW | {"value": "=2+2"}, OTHER, OTHER | {"metric": "bytes"}])
    assert parsed.rejected[0].reason == "value is a formula; paste its value instead"


def _with_part(part: str, content: bytes) -> bytes:
    packed = io.BytesIO(as_xlsx([ROW]))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(part, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        ("xl/vbaProject.bin", b"x", "macros, embedded objects and links"),
        ("xl/externalLinks/externalLink1.xml", b"<a/>", "links to other files are refused"),
        ("xl/embeddings/oleObject1.bin", b"x", "embedded objects"),
        ("xl/extra.xml", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "entities"),
        ("xl/zeros.bin", bytes(201_000_000), "unpacks to more than 200 MB"),
    ],
)
def test_a_dangerous_workbook_is_refused(part: str, content: bytes, said: str) -> None:
    packed = _with_part(part, content)
    assert len(packed) < 1_000_000
    with pytest.raises(SourceChanged, match=said):
        parse("own_inventory.xlsx", packed, None)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("own_inventory.csv", b"corpus_id,value\na,1\n", "columns missing: domain"),
        ("own_inventory.xlsx", b"PK\x03\x04 no", "is not a XLSX file"),
        ("own_inventory.xlsx", as_xlsx([{"corpus_id": "a"}]), "columns missing: domain"),
        ("own_inventory.yaml", b"figures: [", "is not YAML"),
        ("own_inventory.yaml", b"- 1", "no list `figures`"),
        ("own_inventory.yaml", b"figures: []", "holds no figure"),
        ("own_inventory.yaml", as_yaml([{"odd": 1}]), "1 of 1 rows cannot be read"),
        ("own_inventory.2026-02-30.csv", as_csv([ROW]), "is no date"),
        ("own_inventory.parquet", b"PAR1xPAR1", "put the vintage into the file name"),
        ("own_inventory.2026-01-01.parquet", b"no", "is not a Parquet file"),
        ("inventory.csv", as_csv([ROW]), "is no name of an own inventory"),
    ],
)
def test_a_wrong_file_is_refused(name: str, content: bytes, said: str) -> None:
    with pytest.raises(SourceChanged, match=said):
        parse(name, content, None)


# Once: a workbook holds the time it was made.
WHOLE = {form: make([ROW, OTHER]) for form, make in FORMS.items()}


@given(data=st.data(), form=st.sampled_from(["csv", "yaml", "xlsx"]))
@settings(max_examples=200, deadline=None)
def test_mutated_files_raise_nothing_else(data: st.DataObject, form: str) -> None:
    content = bytearray(WHOLE[form])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        parsed = parse(
            f"own_inventory.{form}", bytes(content[: data.draw(st.integers(0, 10**5))]), None
        )
    except SourceChanged:
        return
    assert parsed.inventory


def _write_parquet(file: Path, select: str) -> None:
    duckdb.sql(f"COPY ({select}) TO '{file}' (FORMAT parquet)")


PARQUET = """
SELECT 'c' || i AS corpus_id, 'private' AS "domain", 'tokens' AS metric, 'raw' AS stage,
    DATE '2026-06-30' AS valid_on, CAST(i AS DOUBLE) AS value FROM range(10) AS t(i)
"""


@pytest.fixture
def workspace(with_catalogue: Callable[[Path], Workspace], tmp_path: Path) -> Workspace:
    return with_catalogue(tmp_path / "workspace")


def _load(workspace: Workspace, folder: Path) -> Any:
    return ingest(workspace, ["own_inventory"], folder, None, NOW, lambda _: None)[-1]


def test_parquet_is_read_by_the_database(workspace: Workspace, tmp_path: Path) -> None:
    bad = PARQUET.replace("range(10)", "range(10, 13)").replace("CAST(i AS DOUBLE)", "-1.0")
    file = tmp_path / "own_inventory.2026-07-01.parquet"
    _write_parquet(file, f"{PARQUET} UNION ALL {bad}")
    assert [path.name for path in find(tmp_path)] == [file.name]
    result = _load(workspace, tmp_path)
    assert (result.status, result.rows, result.added, result.quarantined) == ("loaded", 10, 10, 3)
    assert _load(workspace, tmp_path).status == "unchanged"
    asked = (
        "SELECT corpus, unit, status, value FROM out_inventory "
        "WHERE source = 'own_inventory' ORDER BY value"
    )
    rows = run(workspace.published, asked).rows
    assert rows == [(f"c{i}", "tokens", "estimate", float(i)) for i in range(10)]
    kept = run(workspace.published, "SELECT line, reason FROM out_quarantine ORDER BY line").rows
    assert kept == [(i, "value is no finite number of at least 0") for i in (11, 12, 13)]


def test_parquet_and_csv_give_the_same_facts(
    with_catalogue: Callable[[Path], Workspace], tmp_path: Path
) -> None:
    file = tmp_path / "p" / "own_inventory.2026-07-01.parquet"
    file.parent.mkdir()
    _write_parquet(file, PARQUET)
    rows = [
        {"corpus_id": f"c{i}", "domain": "private", "metric": "tokens", "stage": "raw",
         "valid_on": "2026-06-30", "value": float(i)} for i in range(10)
    ]  # fmt: skip
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "own_inventory.2026-07-01.csv").write_bytes(as_csv(rows))
    seen = []
    for name in ("p", "c"):
        place = with_catalogue(tmp_path / f"workspace-{name}")
        assert _load(place, tmp_path / name).status == "loaded"
        asked = (
            "SELECT * EXCLUDE (origin_id, title) FROM out_inventory "
            "WHERE source = 'own_inventory' ORDER BY ALL"
        )
        seen.append(run(place.published, asked).rows)
        seen.append(run(place.published, "SELECT * FROM vintage_total").rows)
    assert seen[:2] == seen[2:]
    assert len(seen[0]) == 10


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("SELECT 1 AS corpus_id", "lacks columns: domain"),
        (f"{PARQUET} UNION ALL {PARQUET}", "states one thing twice"),
        (PARQUET.replace("'private'", "'webb'"), "domain is unknown"),
        (
            f"{PARQUET} UNION ALL {PARQUET.replace('private', 'web').replace('raw', 'unique')}",
            "states one thing twice",
        ),
    ],
)
def test_a_wrong_parquet_loads_nothing(
    select: str, said: str, workspace: Workspace, tmp_path: Path
) -> None:
    _write_parquet(tmp_path / "own_inventory.2026-07-01.parquet", select)
    result = _load(workspace, tmp_path)
    assert result.status == "failed"
    assert said in str(failure([result], []))
    asked = "SELECT count(*) FROM inventory WHERE source = 'own_inventory'"
    assert run(workspace.published, asked).rows == [(0,)]


def test_a_damaged_parquet_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "own_inventory.2026-07-01.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1")
    result = _load(workspace, tmp_path)
    assert result.status == "failed"
    assert "cannot be read as Parquet" in result.message


def test_a_revised_parquet_counts_what_changed(workspace: Workspace, tmp_path: Path) -> None:
    _write_parquet(tmp_path / "own_inventory.2026-07-01.parquet", PARQUET)
    changed = PARQUET.replace("CAST(i AS DOUBLE)", "CASE WHEN i = 9 THEN 10.0 ELSE i END")
    _write_parquet(tmp_path / "own_inventory.2026-08-01.parquet", f"{changed} WHERE i > 0")
    result = _load(workspace, tmp_path)
    assert (result.added, result.closed) == (11, 2)
    asked = "SELECT corpus_id, value, revised_to FROM out_revisions ORDER BY 1"
    assert run(workspace.published, asked).rows == [("c0", 0.0, None), ("c9", 9.0, 10.0)]


def test_the_module_is_a_connector() -> None:
    assert own_inventory.unread(Path()) == []
