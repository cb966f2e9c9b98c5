import gzip
import itertools
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.connectors import common_crawl
from flows.connectors.common_crawl import crawl_date, parse
from flows.connectors.files import Unreadable
from flows.errors import SourceChanged
from models.records import InventoryRecord, Parsed

SAMPLES = Path(__file__).parents[2] / "data/common_crawl"


def read(folder: Path, name: str) -> Parsed:
    return parse(name, (folder / "common_crawl" / name).read_bytes(), None)


def by_date(parsed: Parsed, metric: str) -> dict[date, float]:
    return {row.valid_on: row.value for row in parsed.inventory if row.metric == metric}


def only(parsed: Parsed, metric: str, day: date) -> InventoryRecord:
    (row,) = (r for r in parsed.inventory if r.metric == metric and r.valid_on == day)
    return row


def test_finds_own_files_from_the_folder_or_its_parent(samples: Path, tmp_path: Path) -> None:
    expected = [
        "collinfo.2023-50.json",
        "collinfo.2024-30.json",
        "cumulative.2024-51.csv",
        "domain.2024-51.csv",
        "languages.2024-51.csv",
        "monthly.2020-40.csv",
        "monthly.2024-42.csv",
        "monthly.2024-51.csv",
        "monthly_new.2022-49.csv",
        "monthly_new.2024-51.csv",
    ]
    assert [path.name for path in common_crawl.find(samples)] == expected
    assert [path.name for path in common_crawl.find(samples / "common_crawl")] == expected
    for name in ("monthly.csv", "monthly_new.csv", "domains.csv", "monthly_sales.csv"):
        shutil.copy(SAMPLES / "monthly.2024-51.csv", tmp_path / name)
    names = [path.name for path in common_crawl.find(tmp_path)]
    assert names == ["monthly.csv", "monthly_new.csv"]


def test_languages_are_parts_of_their_crawl(samples: Path) -> None:
    assert common_crawl.unread(samples) == []
    parsed = read(samples, "languages.2024-51.csv")
    assert (parsed.series, parsed.vintage, parsed.rows) == ("languages", date(2024, 12, 22), 14)
    found = {(row.corpus_id, row.metric): row.value for row in parsed.inventory}
    assert found["cc-main-2024-51-eng", "pages"] == 1127889690
    assert found["cc-main-2024-51-eng", "urls"] == 1121417327
    # Before 2018-34 every page's language is unknown.
    assert found["cc-main-2008-2009-unknown", "pages"] == 1798158091
    parents = {corpus.corpus_id: corpus.parent_corpus for corpus in parsed.corpora}
    assert parents["cc-main-2024-51-eng"] == "cc-main-2024-51"
    assert parents["cc-main-2024-51"] == "common-crawl"


def test_a_language_counts_once_in_a_crawl_and_has_a_code() -> None:
    head = b"crawl,primary_language,pages,urls,%pages/crawl\n"
    row = b"CC-MAIN-2024-51,eng,10,9,1.0\n"
    with pytest.raises(SourceChanged, match="eng occurs twice in CC-MAIN-2024-51"):
        parse("languages.csv", head + row + row, None)
    parsed = parse("languages.csv", head + row + row.replace(b"eng", b"English"), None)
    assert [entry.line for entry in parsed.rejected] == [3]


def test_shares_of_languages_are_of_the_monthly_pages(shared: Path) -> None:
    pages = by_date(read(shared, "monthly.2024-51.csv"), "pages")
    lines = (shared / "common_crawl/languages.2024-51.excerpt.csv").read_text().splitlines()
    parsed = read(shared, "languages.2024-51.excerpt.csv")
    counts = [row for row in parsed.inventory if row.metric == "pages"]
    assert len(counts) == len(lines) - 1 == 41
    for row, line in zip(counts, lines[1:], strict=True):
        assert 100 * row.value / pages[row.valid_on] == pytest.approx(
            float(line.split(",")[-1]), abs=0.00005
        )


@pytest.mark.parametrize(
    ("crawl", "day"),
    [
        ("CC-MAIN-2024-51", date(2024, 12, 22)),
        ("CC-MAIN-2013-20", date(2013, 5, 19)),
        ("CC-MAIN-2020-53", date(2021, 1, 3)),
        ("CC-MAIN-2008-2009", date(2009, 12, 31)),
        ("CC-MAIN-2009-2010", date(2010, 12, 31)),
        ("CC-MAIN-2012", date(2012, 12, 31)),
    ],
)
def test_crawl_ids_give_dates(crawl: str, day: date) -> None:
    assert crawl_date(crawl) == day


@pytest.mark.parametrize(
    "crawl",
    ["", "CC-MAIN-2024-54", "CC-MAIN-2021-53", "CC-MAIN-2024-00", "CC-MAIN-0000-01", "CC-NEWS"],
)
def test_impossible_crawl_ids_are_unreadable(crawl: str) -> None:
    with pytest.raises(Unreadable):
        crawl_date(crawl)


def test_monthly_gives_totals_of_each_crawl(samples: Path) -> None:
    parsed = read(samples, "monthly.2024-51.csv")
    assert (parsed.series, parsed.vintage) == ("monthly", date(2024, 12, 22))
    assert (parsed.rows, parsed.rejected) == (36, ())
    newest = date(2024, 12, 22)
    assert {row.corpus_id for row in parsed.inventory if row.valid_on == newest} == {
        "cc-main-2024-51"
    }
    pages, urls = only(parsed, "pages", newest), only(parsed, "urls", newest)
    assert (pages.value, pages.unit, pages.stage) == (2635362356, "pages", "raw")
    assert (urls.value, urls.unit, urls.stage) == (2621880944, "urls", "unique")
    assert (pages.low, pages.high, pages.ci_prob, pages.status) == (None, None, None, "published")
    digests = only(parsed, "digests", newest)
    assert (digests.value, digests.stage, digests.ci_prob) == (2574983678, "unique", 0.95)
    assert (digests.low, digests.high) == (2574983678 * 0.98, 2574983678 * 1.02)
    assert digests.status == "published"
    assert "HyperLogLog" in digests.basis
    assert "HyperLogLog" not in urls.basis
    assert all(row.known_at is None for row in parsed.inventory)


def test_each_crawl_is_a_corpus_within_the_whole(samples: Path) -> None:
    whole, *crawls = read(samples, "monthly.2024-51.csv").corpora
    assert (whole.corpus_id, whole.parent_corpus) == ("common-crawl", "indexed-web")
    assert len(crawls) == 12
    newest = crawls[-1]
    assert newest.corpus_id == "cc-main-2024-51"
    assert newest.name == "Common Crawl CC-MAIN-2024-51"
    assert (newest.parent_corpus, newest.domain) == ("common-crawl", "web")
    assert (newest.access_class, newest.information_origin) == ("open", "human")


def test_cumulative_is_about_the_whole(samples: Path) -> None:
    parsed = read(samples, "cumulative.2024-51.csv")
    assert {row.corpus_id for row in parsed.inventory} == {"common-crawl"}
    assert [corpus.corpus_id for corpus in parsed.corpora] == ["common-crawl"]
    urls = only(parsed, "urls", date(2024, 12, 22))
    assert (urls.value, urls.stage, urls.ci_prob) == (88348928908, "unique", 0.95)
    pages = only(parsed, "pages", date(2024, 12, 22))
    assert (pages.value, pages.stage, pages.ci_prob) == (290052656232, "raw", None)


def test_monthly_new_gave_digests_only_in_older_vintages(samples: Path) -> None:
    older, newer = (
        read(samples, "monthly_new.2022-49.csv"),
        read(samples, "monthly_new.2024-51.csv"),
    )
    assert {row.metric for row in older.inventory} == {"new_urls", "new_digests"}
    assert {row.metric for row in newer.inventory} == {"new_urls"}
    assert only(newer, "new_urls", date(2024, 12, 22)).value == 1054461777
    assert {row.unit for row in older.inventory} == {"urls", "digests"}


def test_domain_gives_exact_counts_and_the_urls_of_monthly(samples: Path) -> None:
    parsed = read(samples, "domain.2024-51.csv")
    last = {row.metric: row.value for row in parsed.inventory[-4:]}
    urls = only(read(samples, "monthly.2024-51.csv"), "urls", date(2024, 12, 22)).value
    assert last == {"domains": 38347759, "hosts": 47522314, "tlds": 4883, "urls": urls}
    assert {row.metric for row in parsed.inventory} == set(last)
    assert {row.ci_prob for row in parsed.inventory} == {None}


def test_collinfo_gives_days_in_the_newer_form_only(samples: Path) -> None:
    newer, older = read(samples, "collinfo.2024-30.json"), read(samples, "collinfo.2023-50.json")
    assert (newer.series, newer.vintage) == ("collinfo", date(2024, 7, 28))
    assert (older.series, older.vintage) == ("collinfo", date(2023, 12, 17))
    july = newer.corpora[1]
    assert july.corpus_id == "cc-main-2024-30"
    assert (july.covers_from, july.covers_to) == (date(2024, 7, 12), date(2024, 7, 25))
    assert {corpus.covers_from for corpus in older.corpora} == {None}
    assert len(newer.corpora) == len(older.corpora) == 8
    assert newer.inventory == older.inventory == ()


def test_keys_are_the_same_whatever_else_was_loaded(samples: Path) -> None:
    alone = read(samples, "monthly.2024-51.csv")
    read(samples, "collinfo.2024-30.json")
    assert read(samples, "monthly.2024-51.csv") == alone


def test_vintage_comes_from_the_content(samples: Path) -> None:
    content = (SAMPLES / "monthly.2024-51.csv").read_bytes()
    assert parse("monthly.csv", content, None).vintage == date(2024, 12, 22)
    assert parse("a/b/monthly.2024-51.csv", content, date(2025, 1, 7)).vintage == date(2025, 1, 7)
    dated = parse("monthly.2024-12-31.csv", content, None)
    assert dated.vintage == date(2024, 12, 22)
    with pytest.raises(SourceChanged, match=r"named for crawl 2024-42.*CC-MAIN-2024-51"):
        parse("monthly.2024-42.csv", content, date(2025, 1, 7))


def test_blank_cells_give_no_record() -> None:
    content = b"crawl,digest estim.,page,url\nCC-MAIN-2024-51,,5,\nCC-MAIN-2024-46,1,2,3\n"
    parsed = parse("monthly.csv", content, None)
    assert [(row.metric, row.value) for row in parsed.inventory] == [
        ("pages", 5),
        ("pages", 2),
        ("urls", 3),
        ("digests", 1),
    ]


@pytest.mark.parametrize("cell", ["-5", "2.5", "1e9", "n/a", "1,5", "٣", "9" * 16, "inf"])
def test_counts_are_whole_numbers_or_the_row_is_rejected(cell: str) -> None:
    rows = [f'CC-MAIN-2024-46,"{cell}",1,2', "CC-MAIN-2024-51,1,2,3"]
    content = "\n".join(["crawl,tld,host,domain", *rows, ""]).encode()
    parsed = parse("domain.csv", content, None)
    assert [(row.line, row.raw) for row in parsed.rejected] == [(2, rows[0])]
    assert "whole number" in parsed.rejected[0].reason
    assert {row.corpus_id for row in parsed.inventory} == {"cc-main-2024-51"}
    assert [corpus.corpus_id for corpus in parsed.corpora] == ["common-crawl", "cc-main-2024-51"]


def test_a_column_that_became_another_type_is_a_changed_source() -> None:
    text = (SAMPLES / "monthly_new.2024-51.csv").read_text()
    changed = "\n".join(
        line if line.startswith("crawl") else f"{line}.0" for line in text.splitlines()
    )
    with pytest.raises(SourceChanged, match="12 of 12 rows cannot be read"):
        parse("monthly_new.csv", f"{changed}\n".encode(), None)


@pytest.mark.parametrize("name", ["monthly.2024-51.csv", "collinfo.2024-30.json"])
def test_a_crawl_has_one_row(name: str) -> None:
    content = (SAMPLES / name).read_bytes()
    if name.endswith("csv"):
        content += content.splitlines(keepends=True)[-1]
    else:
        content = content.replace(b'"CC-MAIN-2024-26"', b'"CC-MAIN-2024-30"')
    with pytest.raises(SourceChanged, match="occurs twice"):
        parse(name, content, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html></html>", "not a JSON file: starts with '<html>"),
        (b'{"id": "CC-MAIN-2024-51"}', "no list of crawls"),
        (b"[]", "no list of crawls"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[" + b"1" * 5_000 + b"]", "not a JSON file|cannot be read"),
        (b'[{"id": "CC-MAIN-2024-51"}, 1, {}, {"id": "x"}]', "3 of 4 rows cannot be read"),
    ],
)
def test_refuses_what_is_no_crawl_list(content: bytes, message: str) -> None:
    with pytest.raises(SourceChanged, match=message):
        parse("collinfo.json", content, None)


@pytest.mark.parametrize(
    "entry",
    [
        "7",
        '{"id": 7}',
        '{"id": "CC-MAIN-2024-99"}',
        '{"id": "CC-MAIN-2024-10", "from": "soon"}',
        '{"id": "CC-MAIN-2024-10", "from": "2024-02-09T00:00:00", "to": "2024-02-01T00:00:00"}',
    ],
)
def test_a_malformed_entry_is_rejected_alone(entry: str) -> None:
    parsed = parse("collinfo.json", f'[{{"id": "CC-MAIN-2024-51"}}, {entry}]'.encode(), None)
    assert [(row.line, row.raw) for row in parsed.rejected] == [(2, entry)]
    assert [corpus.corpus_id for corpus in parsed.corpora] == ["common-crawl", "cc-main-2024-51"]


def test_packed_content_reads_the_same(samples: Path) -> None:
    content = (SAMPLES / "domain.2024-51.csv").read_bytes()
    name = "domain.2024-51.csv"
    assert parse(f"{name}.gz", gzip.compress(content), None) == parse(name, content, None)


FILES = sorted(SAMPLES.iterdir())
FILES = [path for path in FILES if path.suffix != ".md"]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_truncated_file_never_gives_a_false_record(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    name, content = path.name.split(".")[0] + path.suffix, path.read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    whole = parse(name, content, None)
    try:
        parsed = parse(name, content[:cut], None)
    except SourceChanged:
        return
    assert content[:cut].endswith(b"\n") or name.startswith(("languages", "collinfo"))
    assert parsed.inventory == whole.inventory[: len(parsed.inventory)]
    assert parsed.corpora == whole.corpora[: len(parsed.corpora)]


@given(st.sampled_from(["monthly.csv", "domain.csv", "collinfo.json"]), st.binary(max_size=200))
@settings(deadline=None)
def test_random_bytes_parse_or_change(name: str, noise: bytes) -> None:
    content = (SAMPLES / "monthly.2024-51.csv").read_bytes()
    for text in (noise, content[:100] + noise + content[100:]):
        try:
            parsed = parse(name, text, None)
        except SourceChanged:
            continue
        assert parsed.rows


# The relations that the publisher's whole files obey.

ROWS = {
    "monthly.2020-40.csv": 72,
    "monthly.2021-17.csv": 80,
    "monthly.2022-49.csv": 92,
    "monthly.2024-42.csv": 104,
    "monthly.2024-51.csv": 107,
    "monthly_new.2020-40.csv": 72,
    "monthly_new.2022-49.csv": 92,
    "monthly_new.2024-42.csv": 104,
    "monthly_new.2024-51.csv": 107,
    "cumulative.2024-18.csv": 99,
    "cumulative.2024-42.csv": 104,
    "cumulative.2024-51.csv": 107,
    "domain.2024-51.csv": 107,
    "collinfo.2024-30.json": 102,
    "collinfo.2023-50.json": 97,
}


def test_whole_files_have_the_stated_rows(shared: Path) -> None:
    named = {path.name for path in common_crawl.find(shared)}
    assert named == {*ROWS, "languages.2024-51.excerpt.csv"}
    for name, rows in ROWS.items():
        parsed = read(shared, name)
        days = {row.valid_on for row in parsed.inventory}
        assert (name, len(days) or len(parsed.corpora) - 1) == (name, rows)
        assert parsed.rejected == ()


@pytest.mark.parametrize("vintage", ["2024-42", "2024-51"])
def test_cumulative_pages_are_the_running_sum(shared: Path, vintage: str) -> None:
    monthly = by_date(read(shared, f"monthly.{vintage}.csv"), "pages")
    cumulative = by_date(read(shared, f"cumulative.{vintage}.csv"), "pages")
    assert cumulative == dict(zip(monthly, itertools.accumulate(monthly.values()), strict=True))


@pytest.mark.parametrize("vintage", ["2024-42", "2024-51"])
def test_new_urls_are_the_steps_of_cumulative_urls(shared: Path, vintage: str) -> None:
    new = by_date(read(shared, f"monthly_new.{vintage}.csv"), "new_urls")
    cumulative = by_date(read(shared, f"cumulative.{vintage}.csv"), "urls")
    assert list(itertools.accumulate(new.values())) == list(cumulative.values())
    assert list(new) == list(cumulative)


def test_new_digests_are_steps_capped_at_the_crawl_s_own(shared: Path) -> None:
    new = by_date(read(shared, "monthly_new.2022-49.csv"), "new_digests")
    own = by_date(read(shared, "monthly.2022-49.csv"), "digests")
    union = by_date(read(shared, "cumulative.2024-18.csv"), "digests")
    before = 0.0
    for day, value in new.items():
        assert value == min(union[day] - before, own[day]), day
        before = union[day]


def test_urls_of_domain_and_monthly_agree(shared: Path) -> None:
    monthly = by_date(read(shared, "monthly.2024-51.csv"), "urls")
    assert len(monthly) == 107
    assert by_date(read(shared, "domain.2024-51.csv"), "urls") == monthly


def test_three_oldest_crawls_entered_between_2020_and_2021(shared: Path) -> None:
    oldest = {date(2009, 12, 31), date(2010, 12, 31), date(2012, 12, 31)}
    assert not oldest & set(by_date(read(shared, "monthly.2020-40.csv"), "pages"))
    assert oldest < set(by_date(read(shared, "monthly.2021-17.csv"), "pages"))
    early = by_date(read(shared, "monthly_new.2020-40.csv"), "new_urls")
    late = by_date(read(shared, "monthly_new.2022-49.csv"), "new_urls")
    assert all(late[day] != value for day, value in early.items())
    # A larger base leaves fewer URLs new. That 29 of 72 steps rose, by up to a quarter, shows that
    # a step between two sketches is far less exact than a sketch.
    rise = [late[day] / value for day, value in early.items() if late[day] > value]
    assert (len(early), len(rise)) == (72, 29)
    assert max(rise) == pytest.approx(1.266, abs=0.001)


def test_a_crawl_entered_late_and_changed_the_next_one(shared: Path) -> None:
    late, after = date(2024, 9, 22), date(2024, 10, 20)
    for series, metric in [("monthly_new", "new_urls"), ("cumulative", "urls")]:
        before = by_date(read(shared, f"{series}.2024-42.csv"), metric)
        since = by_date(read(shared, f"{series}.2024-51.csv"), metric)
        assert late not in before
        assert late in since
        assert before[after] != since[after]
