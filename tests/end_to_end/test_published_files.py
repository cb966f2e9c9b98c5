"""The publishers' whole files, as a user loads them: every row stated is there, and every date.

How many rows each file has is read from the list of their sources, not typed in here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import cli
from flows.connectors import common_crawl, epoch_models
from flows.connectors.registry import CONNECTORS
from flows.steps.ingest import ingest
from flows.workspace import Workspace
from warehouse.connection import reader
from warehouse.content import content_sha256

SHARED = Path(__file__).parents[3] / "shared/data"
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
CUT = "2022-12-31"
# Samples whose names are not the publishers': where a user's download would lie.
PUBLISHED_AS = {
    "gutenberg_pg_catalog.sample.csv": "gutenberg/pg_catalog.2025-03-07.csv",
    "hathifile_sample_full_20220101.txt": "hathitrust/hathi_full_20220101.txt",
    "hathifile_sample_full_20230101.txt": "hathitrust/hathi_full_20230101.txt",
    "hathifile_sample_upd.tsv": "hathitrust/hathi_upd_20240102.txt",
    "hf_datasets_server_size.200.ibm_duorc.json":
        "hugging_face/size.ibm--duorc.2024-01-01.json",
    "hf_datasets_server_size.200.dataset_size.json":
        "hugging_face/size.ylecun--mnist.2024-01-01.json",
    "hf_datasets_server_size.200.config_size.json":
        "hugging_face/size.nyu-mll--glue--ax.2024-01-01.json",
    "hf_datasets_server_info.200.dataset_metadata.json":
        "hugging_face/info.ylecun--mnist.2024-01-01.json",
    "hf_datasets_server_info.200.config_metadata.json":
        "hugging_face/info.nyu-mll--glue--ax.2024-01-01.json",
    "internet_archive_advancedsearch.json": "internet_archive/texts.2015-01-01.json",
    "crossref_works_query.json": "crossref/works.2026-06-15.json",
    "arxiv_api_query_response.atom.xml": "arxiv/papers.xml",
    "software_heritage_stat_counters.json": "software_heritage/counters.2015-01-01.json",
}  # fmt: skip
# What a date of knowledge decides, in the order that its rows have.
VIEWS = (
    "out_inventory", "out_corpora", "out_claims", "out_new_by_year", "out_stock_by_year",
    "out_training_runs", "out_revisions", "out_vintages", "out_quarantine", "out_conversions",
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files that connectors read, under their publishers' names."""
    if not SHARED.is_dir():
        pytest.skip("the publishers' whole files are not beside this checkout (../shared/data)")
    folder = tmp_path_factory.mktemp("published")
    for path in (*common_crawl.find(SHARED), *epoch_models.find(SHARED)):
        (folder / path.parent.name).mkdir(exist_ok=True)
        (folder / path.parent.name / path.name).symlink_to(path.resolve())
    for sample, name in PUBLISHED_AS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to((SHARED / "feeds" / sample).resolve())
    return folder


@pytest.fixture(scope="module")
def loaded(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace into which the command loaded all of them."""
    return _ingested(files, tmp_path_factory.mktemp("loaded"))


def _ingested(folder: Path, root: Path) -> Path:
    args = ["ingest", "--from", str(folder), "--workspace", str(root), "--json"]
    result = CliRunner().invoke(cli.app, args)
    assert result.exit_code == 0, result.output
    return root


def _ask(root: Path, sql: str, *options: str) -> list[dict[str, Any]]:
    args = ["sql", sql, "--json", "--workspace", str(root), *options]
    result = CliRunner().invoke(cli.app, args)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stated_rows() -> dict[str, int]:
    """Rows by file name, of the tables and lines that give a number of rows."""
    stated = {}
    for line in (SHARED / "SOURCES.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.fullmatch(r"[\w.-]+\.(csv|csv\.gz|json)", cells[0]):
            continue
        column = next((c for c in cells[1:] if re.fullmatch(r"\d+(?: × \d+)?", c)), "")
        told = re.match(r"\d+", column) or re.search(r"(\d+)(?= (?:entries|records))", line)
        if told is not None:
            stated[cells[0]] = int(told[0])
    return stated


ROWS = """
    SELECT
        v.sha256, v.source, v.series, v.quarantined,
        (SELECT count(DISTINCT (corpus_id, valid_on)) FROM inventory AS i
            WHERE (i.source, i.series, i.known_at) = (v.source, v.series, v.known_at)) AS figures,
        (SELECT count(*) FROM training_run AS t
            WHERE (t.source, t.series, t.known_at) = (v.source, v.series, v.known_at)) AS models,
        (SELECT count(*) FROM corpus AS c WHERE c.parent_corpus = 'common-crawl'
            AND (c.source, c.series, c.known_at) = (v.source, v.series, v.known_at)) AS corpora
    FROM vintage AS v
"""
# How a row of a file shows in the warehouse: as a model, a crawl of the list, or a crawl (and
# language) of which figures are kept.
SHOWN_AS = {"epoch_models": "models", "collinfo": "corpora"}


def test_every_stated_row_is_loaded_or_in_quarantine(files: Path, loaded: Path) -> None:
    stated = _stated_rows()
    found = {row["sha256"]: row for row in _ask(loaded, ROWS)}
    given = [p for source in ("common_crawl", "epoch") for p in (files / source).iterdir()]
    assert {path.name for path in given} <= stated.keys()
    assert len(given) == 22
    table = {}
    for path in given:
        row = found[_sha256(path)]
        shown = SHOWN_AS.get(row["source"]) or SHOWN_AS.get(row["series"], "figures")
        table[path.name] = (row[shown], row["quarantined"])
    # A row that is there twice is refused with its file (Common Crawl) or kept twice (Epoch AI),
    # so none is dropped as a duplicate.
    assert {name: sum(rows) for name, rows in table.items()} == {
        name: stated[name] for name in table
    }
    aside = {name: rows for name, rows in table.items() if rows[1]}
    assert aside == {
        "all_ml_systems.2023-12-14.csv.gz": (1116, 1),
        "all_ml_systems.2024-05-26.csv.gz": (1524, 3),
    }


def test_the_rows_aside_are_those_without_a_name(loaded: Path) -> None:
    rows = _ask(loaded, "SELECT known_at, line, reason, raw FROM out_quarantine ORDER BY ALL")
    assert [(row["known_at"], row["line"]) for row in rows] == [
        ("2023-12-14", 3), ("2024-05-26", 8598), ("2024-05-26", 8656), ("2024-05-26", 8848),
    ]  # fmt: skip
    assert {row["reason"] for row in rows} == {"the model's name is blank; a name is needed"}
    assert all(row["raw"].startswith(",") for row in rows)


def test_texts_and_other_items_of_gutenberg_are_all_its_records(files: Path, loaded: Path) -> None:
    stated = _stated_rows()["gutenberg_pg_catalog.sample.csv"]
    with (files / "gutenberg/pg_catalog.2025-03-07.csv").open(encoding="utf-8", newline="") as file:
        others = sum(row["Type"] != "Text" for row in csv.DictReader(file))
    (texts,) = _ask(
        loaded,
        "SELECT value FROM inventory WHERE corpus_id = 'gutenberg' AND source = 'gutenberg'",
    )
    assert 0 < others < texts["value"] == stated - others


def test_every_given_file_is_a_vintage(files: Path, loaded: Path) -> None:
    digests = {_sha256(path) for path in files.rglob("*") if path.is_file()}
    known = {row["sha256"] for row in _ask(loaded, "SELECT sha256 FROM vintage")}
    assert digests == known


def test_the_end_of_2022_is_seen_as_it_was(files: Path, loaded: Path) -> None:
    """`--known-at` gives what the 2022-49 files state, and no crawl statistic beside them."""
    stated = {}
    for series, columns in (
        ("monthly", {"page": "pages", "url": "urls", "digest estim.": "digests"}),
        ("monthly_new", {"url estim.": "new_urls", "digest estim.": "new_digests"}),
    ):
        path = files / f"common_crawl/{series}.2022-49.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for column, metric in columns.items():
                    if row[column]:
                        stated[row["crawl"].lower(), metric] = float(row[column])
    shown = _ask(
        loaded,
        "SELECT corpus_id, metric, value FROM out_inventory WHERE source = 'common_crawl'",
        "--known-at", CUT,
    )  # fmt: skip
    assert {(row["corpus_id"], row["metric"]): row["value"] for row in shown} == stated
    assert len(shown) == len(stated) == 92 * 5
    assert ("cc-main-2022-49", "pages") in stated


@pytest.mark.campaign
def test_the_past_is_that_of_a_workspace_without_later_files(
    files: Path, loaded: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    vintages = _ask(loaded, "SELECT sha256, known_at FROM vintage")
    early = {row["sha256"] for row in vintages if row["known_at"] <= CUT}
    for path in files.rglob("*"):
        if path.is_file() and _sha256(path) in early:
            (older / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, older / path.parent.name / path.name)
    then = _ingested(older, tmp_path / "then")
    for view in VIEWS:
        asked = f"FROM {view} ORDER BY ALL"
        past, present = _ask(loaded, asked, "--known-at", CUT), _ask(then, asked, "--known-at", CUT)
        assert past == present, view
    figures = "SELECT count(*) AS n FROM out_inventory WHERE source = 'common_crawl'"
    assert _ask(loaded, figures) != _ask(then, figures)


# The file of which one count is raised by one, the row's beginning, the count's column, files it is
# held against, and the check that finds it.
BROKEN = [
    ("cumulative.2024-51", "CC-MAIN-2024-51,", "page", ["monthly.2024-51"],
     "cumulative_pages_are_running_sum"),
    ("monthly_new.2024-51", "CC-MAIN-2024-38,", "url estim.", ["cumulative.2024-51"],
     "new_urls_are_cumulative_differences"),
    # A crawl whose count is a step, and one whose count is its own digests.
    ("monthly_new.2022-49", "CC-MAIN-2022-49,", "digest estim.",
     ["monthly.2022-49", "cumulative.2024-18"], "new_digests_are_capped_differences"),
    ("monthly_new.2022-49", "CC-MAIN-2008-2009,", "digest estim.", ["monthly.2022-49"],
     "new_digests_are_within_their_crawl"),
    ("domain.2024-51", "CC-MAIN-2013-20,", "url", ["monthly.2024-51"],
     "urls_of_monthly_and_domain_agree"),
    ("languages.2024-51.excerpt", "CC-MAIN-2018-30,<unknown>,", "pages", ["monthly.2024-51"],
     "pages_by_language_are_within_their_crawl"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "row", "column", "beside", "check"), BROKEN, ids=[each[-1] for each in BROKEN]
)
def test_a_count_off_by_one_breaks_its_stated_relation(
    files: Path, tmp_path: Path, file: str, row: str, column: str, beside: list[str], check: str
) -> None:
    folder = tmp_path / "common_crawl"
    folder.mkdir()
    for name in beside:
        shutil.copy(files / f"common_crawl/{name}.csv", folder)
    head, *lines = (files / f"common_crawl/{file}.csv").read_text("utf-8").splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith(row))
    cells = lines[place].split(",")
    at = head.split(",").index(column)
    cells[at] = str(int(cells[at]) + 1)
    lines[place] = ",".join(cells)
    (folder / f"{file}.csv").write_text("\n".join([head, *lines, ""]), "utf-8")
    args = ["ingest", "common_crawl", "--from", str(tmp_path), "--workspace", str(tmp_path / "w")]
    result = CliRunner().invoke(cli.app, args)
    assert result.exit_code == 4, result.output
    assert f"check {check} failed on" in result.stderr


@pytest.mark.campaign
@pytest.mark.parametrize("order", ["backwards", "shuffled", "halves"])
def test_any_order_of_files_gives_one_content(
    files: Path, loaded: Path, tmp_path: Path, order: str
) -> None:
    given = sorted(path for path in files.rglob("*") if path.is_file())
    batches = _BATCHES[order](given)
    workspace = Workspace(tmp_path / "workspace")
    for number, batch in enumerate(batches):
        folder = tmp_path / f"batch{number}"
        for path in batch:
            (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
            (folder / path.parent.name / path.name).symlink_to(path.resolve())
        names = {path.parent.name for path in batch}
        sources = [name for name in CONNECTORS if name.removesuffix("_models") in names]
        results = ingest(workspace, sources, folder, None, NOW, lambda _: None)
        assert {result.status for result in results} <= {"loaded", "unchanged"}, results
    assert _content(workspace) == _content(Workspace(loaded))


def _shuffled(given: list[Path]) -> list[list[Path]]:
    """One file at a time in a random order, and some of them again."""
    chance = random.Random(20221231)  # noqa: S311
    return [[path] for path in (*chance.sample(given, len(given)), *chance.sample(given, 5))]


_BATCHES: dict[str, Callable[[list[Path]], list[list[Path]]]] = {
    "backwards": lambda given: [[path] for path in reversed(given)],
    "shuffled": _shuffled,
    # Every second file, then all.
    "halves": lambda given: [given[1::2], given],
}


def _content(workspace: Workspace) -> str:
    with reader(workspace.published) as connection:
        return content_sha256(connection)
