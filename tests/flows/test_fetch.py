"""Every source fetched from the replay server into a warehouse: what loads, and what is told."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flows.connectors.registry import CONNECTORS
from flows.errors import SourceUnavailable, UsageError
from flows.http import Fetcher
from flows.steps.ingest import failure, ingest
from flows.steps.news import news
from flows.workspace import Workspace
from warehouse.connection import reader
from warehouse.content import content_sha256
from warehouse.load import LoadResult

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SMALL = [name for name, source in CONNECTORS.items() if source.feeds() and not source.bulk]
SAMPLES = Path(__file__).parents[1] / "data"
# A figure of every source, as its sample states it.
FIGURES = {
    ("software_heritage", "software-heritage", "documents", "unique"): 3837301367,
    ("software_heritage", "software-heritage", "repositories", "unique"): 65642044,
    ("internet_archive", "internet-archive-texts", "works", "raw"): 50,
    ("gutenberg", "gutenberg-language-fr", "works", "unique"): 2,
    ("crossref", "crossref", "works", "unique"): 183388203,
    ("arxiv", "arxiv", "works", "unique"): 214881,
    ("semantic_scholar", "semantic-scholar", "works", "unique"): 200_000_000,
    ("openalex", "openalex", "works", "unique"): 246136992,
    ("openalex", "openalex-article", "works", "unique"): 202814957,
    ("wikimedia", "wikipedia-de", "documents", "unique"): 7028569,
    ("hugging_face", "fineweb", "documents", "deduplicated"): 70000,
    ("hugging_face", "fineweb2", "parquet_bytes", "filtered"): 18157506,
    ("common_crawl", "cc-main-2024-51", "pages", "raw"): 2635362356,
}


@pytest.fixture
def workspace(with_catalogue: Callable[[Path], Workspace], tmp_path: Path) -> Workspace:
    """A workspace with the catalogue."""
    return with_catalogue(tmp_path / "workspace")


def fetched(
    workspace: Workspace, http: Fetcher | None, *sources: str, now: datetime = NOW
) -> dict[str, LoadResult]:
    results = ingest(workspace, sources, None, None, now, lambda text: None, http)
    return {result.source: result for result in results}


def figures(workspace: Workspace, source: str) -> dict[tuple[str, str, str, date], float]:
    with reader(workspace.published) as connection:
        rows = connection.execute(
            text(
                "SELECT corpus_id, metric, stage, valid_on, value FROM out_inventory "
                "WHERE source = :source"
            ),
            {"source": source},
        )
        return {tuple(row[:4]): row.value for row in rows}  # type: ignore[misc]


def facts(workspace: Workspace) -> str:
    with reader(workspace.published) as connection:
        return content_sha256(connection)


def ask(workspace: Workspace, question: str) -> list[tuple[Any, ...]]:
    with reader(workspace.published) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(question)]


def test_every_small_source_loads_and_a_rerun_changes_nothing(
    workspace: Workspace, publishers: Any, fetcher: Callable[..., Fetcher]
) -> None:
    http = fetcher()
    first = fetched(workspace, http)
    assert list(first) == ["catalogue", *SMALL]
    assert {name: r.status for name, r in first.items() if r.status != "loaded"} == {
        "catalogue": "unchanged"
    }
    found = {
        (source, *key[:3]): value
        for source in first
        for key, value in figures(workspace, source).items()
    }
    assert {key: found.get(key) for key in FIGURES} == FIGURES
    before, asked = facts(workspace), len(publishers.asked)
    again = fetched(workspace, http)
    assert {result.status for result in again.values()} == {"unchanged"}
    assert facts(workspace) == before
    # A figure of the day is not asked for twice.
    hosts = {path.split("/")[1] for path, _ in publishers.asked[asked:]}
    assert not hosts & {"api.openalex.org", "api.crossref.org", "datasets-server.huggingface.co"}


def test_dumps_are_fetched_when_named_under_the_name_they_are_found_at(
    workspace: Workspace, publishers: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    folder = "www.hathitrust.org/files/hathifiles"
    listed = (SAMPLES / "hathitrust/hathi_file_list.json").read_bytes()
    volumes = gzip.compress((SAMPLES / "hathitrust/hathi_full_20220101.txt").read_bytes())
    publishers.on(f"{folder}/hathi_file_list.json", reply(listed, 200, {"ETag": '"1"'}))
    dump = {"Content-Type": "application/gzip"}
    publishers.on(f"{folder}/hathi_full_20220101.txt.gz", reply(b"", 404))
    result = fetched(workspace, fetcher(), "hathitrust")["hathitrust"]
    assert (result.status, "answers 404" in result.message) == ("failed", True)
    publishers.on(f"{folder}/hathi_full_20220101.txt.gz", reply(volumes, 200, dump))
    for kind in ("works", "editions"):
        file = f"ol_dump_{kind}_2024-01-31.txt"
        found = f"archive.org/download/{file}.gz"
        latest = f"openlibrary.org/data/ol_dump_{kind}_latest.txt.gz"
        publishers.on(latest, reply(b"", 302, {"Location": f"https://{found}"}))
        content = gzip.compress((SAMPLES / f"open_library/{file}").read_bytes())
        publishers.on(found, reply(content, 200, dump))
    results = fetched(workspace, fetcher(), "hathitrust", "open_library")
    assert {name: result.status for name, result in results.items()} == {
        "catalogue": "unchanged", "hathitrust": "loaded", "open_library": "loaded",
    }  # fmt: skip
    assert figures(workspace, "open_library") == {
        ("open-library", "works", "raw", date(2024, 1, 31)): 2,
        ("open-library", "editions", "raw", date(2024, 1, 31)): 1,
    }
    volumes_found = figures(workspace, "hathitrust")
    assert volumes_found["hathitrust", "volumes", "raw", date(2022, 1, 1)] == 11
    before = facts(workspace)
    cut = reply(gzip.compress(b"/type/work")[:-9], 200, dump)
    publishers.on("archive.org/download/ol_dump_works_2024-01-31.txt.gz", cut)
    failed = fetched(workspace, fetcher(), "open_library")["open_library"]
    assert (failed.status, "cut-off gzip" in failed.message) == ("failed", True)
    assert facts(workspace) == before


def test_a_figure_of_the_day_is_dated_by_its_answer(
    workspace: Workspace, publishers: Any, fetcher: Callable[..., Fetcher]
) -> None:
    publishers.date = "Mon, 23 Nov 2026 23:59:00 GMT"
    fetched(workspace, fetcher(), "software_heritage", "arxiv")
    days = dict(ask(workspace, "SELECT source, known_at FROM vintage"))
    assert days == {"software_heritage": date(2026, 11, 23), "arxiv": date(2026, 4, 12)}


def test_an_origin_is_the_feed_itself_without_keys(
    workspace: Workspace, publishers: Any, fetcher: Callable[..., Fetcher]
) -> None:
    secrets = {"OPENALEX_API_KEY": "oa-key-12345", "DATAWALL_CONTACT": "me@lab.example"}
    fetched(workspace, fetcher(secrets), "openalex", "crossref")
    urls = {url for (url,) in ask(workspace, "SELECT url FROM origin WHERE kind = 'file'")}
    assert urls == {feed.url for s in ("openalex", "crossref") for feed in CONNECTORS[s].feeds()}
    assert any("api_key=oa-key-12345" in path for path, _ in publishers.asked)
    kept = b"".join(path.read_bytes() for path in workspace.root.rglob("*") if path.is_file())
    assert not any(secret.encode() in kept for secret in secrets.values())


def test_fetched_bytes_and_the_same_file_are_one_vintage(
    workspace: Workspace,
    publishers: Any,
    fetcher: Callable[..., Fetcher],
    crawl_statistics: Callable[[str], bytes],
) -> None:
    folder = workspace.root / "files"
    folder.mkdir()
    for series in ("monthly", "monthly_new", "cumulative", "domain", "languages"):
        (folder / f"{series}.csv").write_bytes(crawl_statistics(series))
    shutil.copy(SAMPLES / "common_crawl/collinfo.2024-30.json", folder)
    ingest(workspace, ["common_crawl"], folder, None, NOW, lambda text: None)
    before = facts(workspace)
    result = fetched(workspace, fetcher(), "common_crawl")["common_crawl"]
    assert (result.status, result.added) == ("unchanged", 0)
    assert facts(workspace) == before


def test_an_unchanged_feed_is_answered_with_304_and_stays(
    workspace: Workspace, publishers: Any, fetcher: Callable[..., Fetcher]
) -> None:
    http = fetcher()
    fetched(workspace, http, "common_crawl")
    publishers.asked.clear()
    later = fetched(workspace, http, "common_crawl", now=NOW + timedelta(days=7))
    conditional = [path for path, head in publishers.asked if "if-none-match" in head]
    assert len(conditional) == 6
    assert later["common_crawl"].message == "0 feed(s) new, 6 unchanged"


def test_a_silent_revision_is_known_since_the_day_it_is_seen(
    workspace: Workspace, publishers: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    http = fetcher()
    fetched(workspace, http, "common_crawl")
    place = "raw.githubusercontent.com/commoncrawl/cc-crawl-statistics/master/plots/crawlsize"
    body = (SAMPLES / "common_crawl/monthly.2024-51.csv").read_bytes()
    publishers.on(f"{place}/monthly.csv", reply(body.replace(b"2635362356", b"2635362357")))
    result = fetched(workspace, http, "common_crawl")["common_crawl"]
    assert (result.status, result.added, result.closed) == ("loaded", 1, 1)
    assert ask(workspace, "SELECT revised_at, revised_to FROM out_revisions WHERE "
                          "source = 'common_crawl'") == [(NOW.date(), 2635362357)]  # fmt: skip
    before = facts(workspace)
    publishers.on(f"{place}/monthly.csv", reply(body.replace(b"2635362356", b"2635362358")))
    assert fetched(workspace, http, "common_crawl")["common_crawl"].status == "unchanged"
    assert facts(workspace) == before


def test_a_source_that_cannot_be_reached_is_missing_and_keeps_its_figures(
    workspace: Workspace, publishers: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    fetched(workspace, fetcher(), "software_heritage")
    before = facts(workspace)
    publishers.on("archive.softwareheritage.org/api/1/stat/counters/", reply(b"", 503))
    later = NOW + timedelta(days=1)
    http = fetcher(clock=lambda: later)
    results = ingest(workspace, ["software_heritage"], None, None, later, lambda text: None, http)
    assert results[1].status == "missing"
    assert "answers 503" in results[1].message
    assert facts(workspace) == before
    assert isinstance(failure(results, ["software_heritage"]), SourceUnavailable)
    assert failure(results, []) is None


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"<html>login</html>", {"Content-Type": "text/html"}, "gives 'text/html'"),
        (b'{"content": 5', {}, "not a JSON file"),
        (b'{"content": -1, "revision": 2, "origin": 3}', {}, "a whole number"),
        (b'{"contents": 1}', {}, "holds no content"),
        (b"[]", {}, "no JSON object"),
        (b"", {}, "is empty"),
    ],
)
def test_a_changed_answer_fails_and_moves_nothing(
    workspace: Workspace,
    publishers: Any,
    reply: Any,
    fetcher: Callable[..., Fetcher],
    body: bytes,
    headers: dict[str, str],
    said: str,
) -> None:
    before = facts(workspace)
    publishers.on("archive.softwareheritage.org/api/1/stat/counters/", reply(body, 200, headers))
    result = fetched(workspace, fetcher(), "software_heritage")["software_heritage"]
    assert result.status == "failed"
    assert said in result.message
    assert facts(workspace) == before


def _reordered(body: bytes) -> bytes:
    rows = [line.split(b",") for line in body.splitlines()]
    return b"\n".join(b",".join([*row[1:], row[0]]) for row in rows) + b"\n"


CRAWLS = "raw.githubusercontent.com/commoncrawl/cc-crawl-statistics/master/plots/crawlsize"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (lambda body: b"\xef\xbb\xbf" + body, "loaded", "6 feed(s) new"),
        (_reordered, "loaded", "6 feed(s) new"),
        (lambda body: body.replace(b"page", b"pages", 1), "failed", "columns missing: page"),
        (lambda body: body + body.splitlines(keepends=True)[-1], "failed", "occurs twice"),
        (lambda body: body[:-9], "failed", "truncated"),
        (lambda body: body.replace(b"2635362356", b"many"), "loaded", "6 feed(s) new"),
    ],
)
def test_faults_of_a_table_are_loaded_quarantined_or_failed(
    workspace: Workspace,
    publishers: Any,
    reply: Any,
    fetcher: Callable[..., Fetcher],
    change: Callable[[bytes], bytes],
    status: str,
    said: str,
) -> None:
    body = (SAMPLES / "common_crawl/monthly.2024-51.csv").read_bytes()
    changed = change(body)
    publishers.on(f"{CRAWLS}/monthly.csv", reply(changed))
    result = fetched(workspace, fetcher(), "common_crawl")["common_crawl"]
    assert result.status == status, result.message
    assert said in result.message
    # The newest crawl's row is the one that went to quarantine.
    assert result.quarantined == (1 if b"many" in changed else 0)
    # The other feeds load whatever happened to this one, and the message says so.
    assert ask(workspace, "SELECT count(*) FROM vintage WHERE series = 'domain'") == [(1,)]


def test_offline_nothing_is_fetched(workspace: Workspace) -> None:
    assert list(fetched(workspace, None)) == ["catalogue"]
    with pytest.raises(UsageError, match="not fetched offline"):
        fetched(workspace, None, "crossref")


def test_what_is_no_feed_is_not_fetched(
    workspace: Workspace, fetcher: Callable[..., Fetcher]
) -> None:
    with pytest.raises(UsageError, match="own_inventory is no feed"):
        fetched(workspace, fetcher(), "own_inventory")


def test_what_is_fetched_is_not_dated_by_hand(
    workspace: Workspace, fetcher: Callable[..., Fetcher]
) -> None:
    with pytest.raises(UsageError, match="--known-at dates files"):
        ingest(workspace, [], None, NOW.date(), NOW, lambda text: None, fetcher())


def test_news_are_changed_failed_and_stale(
    workspace: Workspace, publishers: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    results = list(fetched(workspace, fetcher(), "software_heritage", "arxiv").values())
    told = {(item.kind, item.source) for item in news(workspace, results, NOW.date())}
    # The sample's answer is of April: six months are too old for a weekly source.
    assert told == {
        ("changed", "software_heritage"), ("changed", "arxiv"), ("stale", "arxiv"),
    }  # fmt: skip
    publishers.on("api.crossref.org/works", reply(b"", 200))
    publishers.on("api.semanticscholar.org/datasets/v1/release/latest", reply(b"", 401))
    results = list(fetched(workspace, fetcher(), "crossref", "semantic_scholar").values())
    (failed, stale) = news(workspace, results, NOW.date())
    assert (failed.kind, failed.source, failed.age_days) == ("failed", "crossref", None)
    assert (stale.kind, stale.source) == ("stale", "semantic_scholar")
    assert "set S2_API_KEY" in json.dumps(stale.payload())
