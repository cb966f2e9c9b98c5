import gzip
import os
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.connectors import files
from flows.errors import SourceChanged, SourceUnavailable

REQUIRED = (("crawl",), ("page", "pages"))
USED = {"crawl", "page", "pages"}


def table(content: bytes) -> files.Table:
    return files.read_table("f.csv", content, REQUIRED, USED)


@pytest.mark.parametrize(
    "content",
    [b"crawl,page\na,1\n", b"\xef\xbb\xbfcrawl,page\r\na,1\r\n", b"crawl,page\n\na,1\n\n"],
    ids=["plain", "byte-order mark and CRLF", "blank lines"],
)
def test_reads_plain_and_marked_text(content: bytes) -> None:
    (row,) = table(content).rows
    assert row.cells == {"crawl": "a", "page": "1"}
    assert row.first(("pages", "page")) == "1"
    assert row.first(("absent",)) == ""


def test_reads_gzip_and_line_breaks_inside_cells() -> None:
    (row,) = table(gzip.compress(b'note,crawl,page\n"two\r\nlines ""x""",a,1\n', mtime=0)).rows
    assert row.line == 2
    assert row.raw == '"two\r\nlines ""x""",a,1'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b"<!DOCTYPE html><html>", r"not a CSV file: starts with '<!DOCTYPE"),
        (b"\n\n<html>", "not a CSV file: starts with '<html>"),
        (b'[{"id": 1}]', "not a CSV file"),
        (b"PK\x03\x04\x14\x00", "not a CSV file: starts with b'PK"),
        (b"crawl,page\na,\x001\n", "not a CSV file"),
        ("crawl,page\né,1\n".encode("latin-1"), "byte 11 is not UTF-8"),
        (b'"crawl,page\na,1\n', "not a CSV file"),
        (b"crawl,seite\na,1\n", "columns missing: page or pages; columns seen: 'crawl, seite'"),
        (b"crawl,page,page\na,1,2\n", "column 'page' occurs more than once"),
        (b"crawl,page\n", "a header and no rows"),
        (b"crawl,page", "a header and no rows"),
        (b"crawl,page\na,1\nb\n", "truncated: its last row, line 3, has 1 of 2 cells"),
        (b"crawl,page\na,1\nb,2,3\n", "truncated"),
        (b"crawl,page\na,1\nb,123", "no line end"),
        (b'crawl,page\na,1\nb,"12', "truncated"),
        (gzip.compress(b"crawl,page\na,1\n", mtime=0)[:-5], "damaged or truncated gzip"),
        (gzip.compress(b"crawl,page\na,1\n", mtime=0) + b"rest", "damaged or truncated gzip"),
    ],
)
def test_refuses_what_is_no_table(content: bytes, message: str) -> None:
    with pytest.raises(SourceChanged, match=message) as caught:
        table(content)
    assert "f.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_line_end_is_accepted_after_an_unread_cell() -> None:
    assert len(table(b"crawl,page,note\na,1,x\nb,2,").rows) == 2


def test_malformed_row_in_the_middle_costs_that_row_alone() -> None:
    found = table(b'crawl,page\na,1\nb\n"c"x,3\nd,4\n')
    assert [row.cells["crawl"] for row in found.rows] == ["a", "d"]
    assert [(row.line, row.raw) for row in found.rejected] == [(3, "b"), (4, '"c"x,3')]
    assert "1 cells; the header has 2" in found.rejected[0].reason
    assert "not CSV" in found.rejected[1].reason


def test_rejected_text_is_bounded() -> None:
    found = table(b"crawl,page\n" + b"x" * 5_000 + b"\nb,2\n")
    assert len(found.rejected[0].raw) == files.RAW_LIMIT == 2_000


def test_more_rejected_than_read_is_the_file_s_fault() -> None:
    rejected = table(b"crawl,page\nb\nc\nd,4\n").rejected
    files.require_readable("f.csv", 2, rejected)
    with pytest.raises(SourceChanged, match=r"2 of 3 rows cannot be read.*line 2"):
        files.require_readable("f.csv", 1, rejected)


def test_unpacking_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    given_out = 0
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal given_out
        piece = read(self, size)
        given_out += len(piece)
        return piece

    bomb = gzip.compress(bytes(40_000_000))
    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(SourceChanged, match="unpacks to more than 3 MB"):
        files.gunzip("f.csv.gz", bomb, limit=3_000_000)
    assert given_out < 5_000_000
    assert files.GUNZIP_LIMIT == 200_000_000


def test_every_gzip_member_counts() -> None:
    member = gzip.compress(b"x" * 600, mtime=0)
    assert files.gunzip("f", member * 3, limit=1_800) == b"x" * 1_800
    with pytest.raises(SourceChanged, match="unpacks to more"):
        files.gunzip("f", member * 3, limit=1_799)


def test_reads_a_file_and_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"12345")
    (tmp_path / "link.csv").symlink_to(tmp_path / "f.csv")
    assert files.read_file(tmp_path / "link.csv", limit=5) == b"12345"
    with pytest.raises(SourceChanged, match="more than"):
        files.read_file(tmp_path / "f.csv", limit=4)


def test_unreadable_files_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for name, message in [
        ("absent.csv", "does not exist"),
        ("broken.csv", "does not exist"),
        ("loop.csv", "cannot be read"),
        ("pipe.csv", "no regular file"),
        ("", "no regular file"),
    ]:
        with pytest.raises(SourceUnavailable, match=message):
            files.read_file(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_forbidden_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"1")
    (tmp_path / "f.csv").chmod(0)
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        files.read_file(tmp_path / "f.csv")


def test_matching_looks_in_both_folders_in_name_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "c.csv").mkdir()
    for name in ["b.csv", "sub/a.csv", "sub/b.csv", "z.txt"]:
        (tmp_path / name).write_text("")
    (tmp_path / "d.csv").symlink_to(tmp_path / "nowhere")
    found = files.matching(tmp_path, "sub", re.compile(r".\.csv"))
    expected = ["sub/a.csv", "b.csv", "sub/b.csv", "d.csv"]
    assert [path.relative_to(tmp_path).as_posix() for path in found] == expected


def test_matching_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("")
    with pytest.raises(SourceUnavailable, match="does not exist"):
        files.matching(tmp_path / "absent", "sub", re.compile(".*"))
    with pytest.raises(SourceUnavailable, match="is a file"):
        files.matching(tmp_path / "f.csv", "sub", re.compile(".*"))


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_change(content: bytes) -> None:
    for start in (b"", b"crawl,page\n", b"\x1f\x8b", b"\x1f\x8b\x08\x00"):
        try:
            found = table(start + content)
        except SourceChanged:
            continue
        assert found.rows or found.rejected


@given(st.text(max_size=300))
def test_any_text_after_a_header_parses_or_changes(text: str) -> None:
    try:
        found = table(zlib.compress(f"crawl,page\n{text}\nz,1\n".encode(), wbits=31))
    except SourceChanged:
        return
    assert all(len(row.cells) == 2 for row in found.rows)
