"""HathiTrust's and Open Library's dumps: counted line by line, never held whole."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from flows.connectors import dumps, hathitrust, open_library
from flows.errors import SourceChanged

SAMPLES = Path(__file__).parents[2] / "data"
FULL = SAMPLES / "hathitrust/hathi_full_20220101.txt"
UPDATE = SAMPLES / "hathitrust/hathi_upd_20240102.txt"
WORK = b'/type/work\t/works/OL%dW\t1\t2024-01-02T03:04:05.000000\t{"title": "%s"}\n'


def test_volumes_are_counted_in_all_open_and_by_language() -> None:
    content = FULL.read_bytes().replace(b"\tdeny\t", b"\tallow\t", 2)
    parsed = hathitrust.parse(FULL.name, gzip.compress(content), None)
    found = {record.corpus_id: record.value for record in parsed.inventory}
    assert (parsed.series, parsed.vintage) == ("full", date(2022, 1, 1))
    assert (found["hathitrust"], found["hathitrust-open"]) == (11, 2)
    rows = [line.split("\t") for line in FULL.read_text("utf-8").splitlines()]
    assert found["hathitrust-slo"] == sum(row[18] == "slo" for row in rows) > 0


def test_an_update_counts_what_changed_and_no_total() -> None:
    content = UPDATE.read_bytes()
    rows = content.splitlines(keepends=True)
    opened = rows[0].replace(b"\tdeny\t", b"\tallow\t")
    parsed = hathitrust.parse(UPDATE.name, gzip.compress(opened + rows[1]), None)
    # Each day is a series of its own: the next day's update withdraws nothing of it.
    assert (parsed.series, parsed.vintage) == ("update-20240102", date(2024, 1, 2))
    found = {(r.corpus_id, r.metric): (r.value, r.unit) for r in parsed.inventory}
    assert found == {
        ("hathitrust", "changed_volumes"): (2, "volumes"),
        ("hathitrust-open", "changed_volumes"): (1, "volumes"),
    }
    assert parsed == hathitrust.parse_stream(UPDATE.name, io.BytesIO(opened + rows[1]), None)
    assert not hathitrust.unread(UPDATE.parent)
    assert UPDATE in hathitrust.find(UPDATE.parent)


@pytest.mark.parametrize("path", [FULL, UPDATE], ids=["full", "update"])
def test_rows_have_26_fields_without_header_or_quoting(path: Path) -> None:
    row, *_ = path.read_bytes().splitlines(keepends=True)
    cells = row.split(b"\t")
    assert len(cells) == 26
    # A quotation mark begins no quoted field: the row after it is a row of its own.
    quoted = b"\t".join([*cells[:11], b'"Slovensk\xc3\xa9', *cells[12:]])
    header = b"\t".join(b"field %d" % number for number in range(26)) + b"\n"
    short = b"\t".join(cells[:25]) + b"\n"
    parsed = hathitrust.parse(path.name, quoted + row + header + short, None)
    assert parsed.inventory[0].value == 2
    assert [rejected.line for rejected in parsed.rejected] == [3, 4]


def test_an_update_named_for_no_day_is_refused() -> None:
    with pytest.raises(SourceChanged, match="named for no date"):
        hathitrust.parse("hathi_upd_20240231.txt", UPDATE.read_bytes(), None)
    with pytest.raises(SourceChanged, match="no name of an inventory, an update or a file list"):
        hathitrust.parse("hathi_day_20240102.txt", UPDATE.read_bytes(), None)


def test_the_list_leads_to_the_newest_full_file() -> None:
    content = (SAMPLES / "hathitrust/hathi_file_list.json").read_bytes()
    (feed,) = hathitrust.feeds()
    assert feed.follow is not None
    further = feed.follow(content)
    assert further is not None
    assert further.url.endswith("/hathi_full_20220101.txt.gz")
    assert hathitrust.parse(feed.file, content, None).vintage == date(2022, 1, 1)
    with pytest.raises(SourceChanged, match="lists no full inventory"):
        feed.follow(b"[]")


def test_redirects_do_not_count_and_bad_rows_are_kept_aside() -> None:
    name = "ol_dump_works_2024-01-31.txt"
    content = (SAMPLES / "open_library" / name).read_bytes()
    parsed = open_library.parse(name, content + b"no record\n", None)
    assert [record.value for record in parsed.inventory] == [2]
    assert [row.line for row in parsed.rejected] == [4]
    with pytest.raises(SourceChanged, match="no record of /type/edition"):
        open_library.parse("ol_dump_editions_2024-01-31.txt", content, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[:-1], "truncated: line 3 has no end"),
        (lambda content: gzip.compress(content)[:-9], "cut-off gzip"),
        (lambda content: b"\x1f\x8b" + content, "damaged or cut-off gzip"),
        (lambda content: content + b"\xff\n", "line 4, is not UTF-8"),
        (lambda content: content + b"a" * 2_000 + b"\n", "a line beyond 0.001 MB"),
        (lambda content: content + b"bad\n" * 6, "more than 5 rows cannot be read"),
        (lambda content: b"", "is empty"),
    ],
)
def test_a_damaged_dump_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], said: str
) -> None:
    monkeypatch.setattr(dumps, "LINE_LIMIT", 1_000)
    monkeypatch.setattr(dumps, "REJECTED_LIMIT", 5)
    content = b"".join(WORK % (number, b"A") for number in range(3))
    with pytest.raises(SourceChanged, match=said):
        open_library.parse("ol_dump_works_2024-01-31.txt", change(content), None)


def test_memory_does_not_grow_with_the_dump(tmp_path: Path) -> None:
    path = tmp_path / "ol_dump_works_2024-01-31.txt.gz"
    block = b"".join(WORK % (number, b"A" * 1_000) for number in range(1_000))
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for _ in range(30):
            packed.write(block)
    tracemalloc.start()
    with path.open("rb") as file:
        parsed = open_library.parse_stream(path.name, file, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parsed.inventory[0].value == 30_000
    assert peak < 2_000_000  # of 32 MB


def test_a_dump_in_memory_and_one_on_disk_are_read_alike() -> None:
    content = FULL.read_bytes()
    streamed = hathitrust.parse_stream(FULL.name, io.BytesIO(content), None)
    assert streamed == hathitrust.parse(FULL.name, content, None)
