"""Common Crawl: how many pages, URLs, digests and domains each crawl holds.

Series:  monthly      totals within one crawl
         monthly_new  what one crawl adds to all earlier ones
         cumulative   union of all crawls so far (for pages, their sum)
         domain       registered domains, hosts and top-level domains within one crawl
         languages    pages and URLs of each crawl by their primary language
         collinfo     the list of crawls, with the days each covers
Units:   counts of records, never bytes or tokens
Dates:   a crawl's figures are about the Sunday that ends the ISO week in its id. Collinfo has
         finer dates, but ids are in every file: so the key of a row never depends on what else
         was loaded before. The three oldest ids name years: 31 December of the last one.
Vintage: the date of the newest crawl in the file
Source:  cc-crawl-statistics, plots/crawlsize and plots/languages.csv;
         index.commoncrawl.org/collinfo.json
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePath

from flows.connectors import files
from flows.connectors.feed import Feed, Schedule
from flows.connectors.files import Row, Unreadable
from flows.errors import SourceChanged
from models.records import CorpusRecord, InventoryRecord, Metric, Parsed, RejectedRow, Stage

name = "common_crawl"
publisher = "Common Crawl Foundation"
url = "https://commoncrawl.github.io/cc-crawl-statistics/"
licence = "Common Crawl terms of use, https://commoncrawl.org/terms-of-use"
schedule: Schedule = "weekly"
group = "crawls"
bulk = False

WHOLE = "common-crawl"
# A sketch's error is of order 1 % (one standard deviation), so ±2 % covers about 95 %.
SKETCH_ERROR = 0.02
SKETCH_CI_PROB = 0.95

# After the publisher's name a vintage or copy number may stand, but no further word.
_REST = r"(?:[ .-].*|_[0-9].*)?"
_READ = re.compile(
    rf"(?:(monthly_new|monthly|cumulative|domain|languages){_REST}\.csv|(collinfo){_REST}\.json)(?:\.gz)?"
)
_LANGUAGE = re.compile(r"[a-z]{3}|<unknown>|<other>")
_CRAWL = re.compile(r"CC-MAIN-([0-9]{4})-([0-9]{2})")
_CRAWL_IN_NAME = re.compile(r"(?<![0-9])([0-9]{4}-[0-9]{2})(?![0-9]|-[0-9])")
_OLD_CRAWLS = {
    "CC-MAIN-2008-2009": date(2009, 12, 31),
    "CC-MAIN-2009-2010": date(2010, 12, 31),
    "CC-MAIN-2012": date(2012, 12, 31),
}
# 15 digits: every such count is exact as a float, and none comes near it.
_COUNT = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    metric: Metric
    counts: str
    required: bool = True

    @property
    def stage(self) -> Stage:
        return "raw" if self.metric == "pages" else "unique"

    @property
    def unit(self) -> str:
        return self.metric.removeprefix("new_")

    @property
    def sketched(self) -> bool:
        """Whether the figure is a sketch's own estimate, with the sketch's error.

        First-time counts are steps between two large sketches: their error has no stated size (29
        of 72 steps rose between the 2020-40 and 2022-49 vintages, by up to 27 %, although a larger
        base can only lower them), so they carry no interval.
        """
        return self.header.endswith(" estim.") and not self.metric.startswith("new_")


_STEP = "in no earlier crawl, a step between two sketches"
# monthly_new's page repeats monthly's and is left out; domain's url repeats it too and is read, so
# that a check can hold the two series against each other. New digests are optional: between 2022-49
# and 2024-42 the publisher ceased to give them.
_SERIES: dict[str, tuple[_Column, ...]] = {
    "monthly": (
        _Column("page", "pages", "captures within the crawl"),
        _Column("url", "urls", "distinct URLs within the crawl"),
        _Column("digest estim.", "digests", "distinct contents within the crawl"),
    ),
    "monthly_new": (
        _Column("url estim.", "new_urls", f"URLs {_STEP}"),
        _Column("digest estim.", "new_digests", f"contents {_STEP}", required=False),
    ),
    "cumulative": (
        _Column("page", "pages", "captures summed over all crawls so far"),
        _Column("url estim.", "urls", "distinct URLs of all crawls so far"),
        _Column("digest estim.", "digests", "distinct contents of all crawls so far"),
    ),
    "domain": (
        _Column("domain", "domains", "registered domains within the crawl"),
        _Column("host", "hosts", "hosts within the crawl"),
        _Column("tld", "tlds", "top-level domains within the crawl"),
        _Column("url", "urls", "distinct URLs within the crawl", required=False),
    ),
}


_RAW = "https://raw.githubusercontent.com/commoncrawl/cc-crawl-statistics/master/plots"


def feeds() -> list[Feed]:
    """The crawl list and all statistics: new ones come with each crawl, about monthly."""
    statistics = {series: f"{_RAW}/crawlsize/{series}.csv" for series in _SERIES}
    statistics["languages"] = f"{_RAW}/languages.csv"
    collinfo = "https://index.commoncrawl.org/collinfo.json"
    return [
        Feed("collinfo", "collinfo.json", collinfo, "json", pause_s=2.0),
        *(Feed(series, f"{series}.csv", url, "csv") for series, url in statistics.items()),
    ]


def find(folder: Path) -> list[Path]:
    """Statistics and crawl lists in the folder or its sub-folder common_crawl, by name."""
    return files.matching(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that this version knows and does not read: none."""
    return []


# "name" is this module's own name elsewhere; here it is the file's, as in every connector.
def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Records of one file; its name says which series it is, and may say its newest crawl."""
    file_name = PurePath(name).name
    match = _READ.fullmatch(file_name)
    if match is None:
        raise SourceChanged(
            f"{file_name} is no name of a Common Crawl file; allowed: "
            f"{', '.join(_SERIES)}, languages (.csv), collinfo (.json), with or without a vintage "
            "such as .2024-51"
        )
    if match[2]:
        return _parse_collinfo(file_name, content, known_at)
    if match[1] == "languages":
        return _parse_languages(file_name, content, known_at)
    return _parse_statistics(file_name, match[1], content, known_at)


def _parse_statistics(file_name: str, series: str, content: bytes, known_at: date | None) -> Parsed:
    columns = _SERIES[series]
    whole = WHOLE if series == "cumulative" else ""
    table = files.read_table(
        file_name,
        content,
        required=[("crawl",), *((column.header,) for column in columns if column.required)],
        used={"crawl", *(column.header for column in columns)},
    )
    crawls: dict[str, date] = {}
    inventory: list[InventoryRecord] = []
    rejected = list(table.rejected)
    for row in table.rows:
        crawl = row.cells["crawl"]
        try:
            day = crawl_date(crawl)
            records = list(_inventory(whole or crawl.lower(), day, columns, row))
        except Unreadable as reason:
            rejected.append(row.rejected(reason))
            continue
        _add_once(file_name, crawls, crawl, day)
        inventory += records
    rejected.sort(key=lambda row: row.line)
    files.require_readable(file_name, len(crawls), rejected)
    corpora = () if whole else tuple(map(_crawl_corpus, crawls))
    vintage = _vintage(file_name, crawls, known_at)
    return Parsed(
        series, vintage, (_WHOLE_CORPUS, *corpora), tuple(inventory), rejected=tuple(rejected)
    )


def _inventory(
    corpus: str, day: date, columns: tuple[_Column, ...], row: Row
) -> Iterator[InventoryRecord]:
    for column in columns:
        cell = row.cells.get(column.header, "").strip()
        if cell:
            yield _record(corpus, day, column, _count(column.header, cell))


def _record(corpus: str, day: date, column: _Column, value: float) -> InventoryRecord:
    how = "exact count"
    low = high = ci_prob = None
    if column.sketched:
        how = "HyperLogLog estimate, ±2 % from a sketch error of about 1 %"
        low, high = value * (1 - SKETCH_ERROR), value * (1 + SKETCH_ERROR)
        ci_prob = SKETCH_CI_PROB
    return InventoryRecord(
        corpus_id=corpus,
        metric=column.metric,
        stage=column.stage,
        valid_on=day,
        value=value,
        unit=column.unit,
        low=low,
        high=high,
        ci_prob=ci_prob,
        basis=f"{column.counts}; {how}",
    )


def _parse_languages(file_name: str, content: bytes, known_at: date | None) -> Parsed:
    """Pages and URLs by language. The share of the crawl repeats them and is not read.

    Before CC-MAIN-2018-34 languages were not identified: every page is <unknown>.
    """
    table = files.read_table(
        file_name,
        content,
        required=[("crawl",), ("primary_language",), *((c.header,) for c in _BY_LANGUAGE)],
        used={"crawl", "primary_language", *(column.header for column in _BY_LANGUAGE)},
    )
    crawls: dict[str, date] = {}
    seen: set[tuple[str, str]] = set()
    corpora = [_WHOLE_CORPUS]
    inventory: list[InventoryRecord] = []
    rejected = list(table.rejected)
    for row in table.rows:
        crawl, language = row.cells["crawl"], row.cells["primary_language"]
        try:
            day = crawl_date(crawl)
            if not _LANGUAGE.fullmatch(language):
                raise Unreadable(
                    f"primary_language is {language[:60]!r}; three letters or <unknown> are needed"
                )
            corpus = f"{crawl.lower()}-{language.strip('<>')}"
            records = list(_inventory(corpus, day, _BY_LANGUAGE, row))
        except Unreadable as reason:
            rejected.append(row.rejected(reason))
            continue
        if (crawl, language) in seen:
            raise SourceChanged(f"{file_name}: {language} occurs twice in {crawl}")
        seen.add((crawl, language))
        if crawl not in crawls:
            crawls[crawl] = day
            corpora.append(_crawl_corpus(crawl))
        inventory += records
        corpora.append(_language_corpus(crawl, corpus, language))
    rejected.sort(key=lambda row: row.line)
    files.require_readable(file_name, len(seen), rejected)
    vintage = _vintage(file_name, crawls, known_at)
    return Parsed("languages", vintage, tuple(corpora), tuple(inventory), rejected=tuple(rejected))


_BY_LANGUAGE = (
    _Column("pages", "pages", "captures within the crawl in the language"),
    _Column("urls", "urls", "distinct URLs within the crawl in the language"),
)


def _language_corpus(crawl: str, corpus: str, language: str) -> CorpusRecord:
    title = f"Common Crawl {crawl}, {language.strip('<>')}"
    return CorpusRecord(corpus, title, "web", "open", "human", crawl.lower())


def _count(header: str, cell: str) -> float:
    if not _COUNT.fullmatch(cell):
        raise Unreadable(f"{header} is {cell[:60]!r}; a whole number ≥ 0 is needed")
    return float(int(cell))


def crawl_date(crawl: str) -> date:
    """Date a crawl's figures are about: the last day of the week, or years, in its id."""
    if crawl in _OLD_CRAWLS:
        return _OLD_CRAWLS[crawl]
    match = _CRAWL.fullmatch(crawl)
    if match is None:
        raise Unreadable(f"crawl is {crawl[:60]!r}; an id such as CC-MAIN-2024-51 is needed")
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), 7)
    except ValueError as error:
        raise Unreadable(f"crawl is {crawl!r}; that year has no such week") from error


def _add_once(file_name: str, crawls: dict[str, date], crawl: str, day: date) -> None:
    if crawl in crawls:
        raise SourceChanged(f"{file_name}: {crawl} occurs twice; each crawl has one row")
    crawls[crawl] = day


def _vintage(file_name: str, crawls: dict[str, date], known_at: date | None) -> date:
    newest = max(crawls, key=lambda crawl: crawls[crawl])
    named = _CRAWL_IN_NAME.search(file_name)
    if named and newest != f"CC-MAIN-{named[1]}":
        raise SourceChanged(
            f"{file_name} is named for crawl {named[1]}, but its newest crawl is {newest}; "
            "rename the file or get it again"
        )
    return known_at or crawls[newest]


_WHOLE_CORPUS = CorpusRecord(WHOLE, "Common Crawl", "web", "open", "human", "indexed-web")


def _crawl_corpus(
    crawl: str, covers_from: date | None = None, covers_to: date | None = None
) -> CorpusRecord:
    return CorpusRecord(
        crawl.lower(),
        f"Common Crawl {crawl}",
        "web",
        "open",
        "human",
        WHOLE,
        covers_from,
        covers_to,
    )


def _parse_collinfo(file_name: str, content: bytes, known_at: date | None) -> Parsed:
    crawls: dict[str, date] = {}
    corpora: list[CorpusRecord] = []
    rejected: list[RejectedRow] = []
    # An entry has no line of its own once parsed: its place in the list stands for it.
    for place, entry in enumerate(_entries(file_name, content), start=1):
        try:
            crawl, day, corpus = _crawl_entry(entry)
        except Unreadable as reason:
            rejected.append(RejectedRow(place, str(reason), _raw(entry)))
            continue
        _add_once(file_name, crawls, crawl, day)
        corpora.append(corpus)
    files.require_readable(file_name, len(crawls), rejected)
    vintage = _vintage(file_name, crawls, known_at)
    return Parsed("collinfo", vintage, (_WHOLE_CORPUS, *corpora), rejected=tuple(rejected))


def _entries(file_name: str, content: bytes) -> list[object]:
    text = files.text_of(file_name, content, "JSON")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceChanged(f"{files.not_of_form(file_name, 'JSON', text)} ({error})") from error
    if not isinstance(entries, list) or not entries:
        raise SourceChanged(f"{file_name} is no list of crawls; get the file again")
    return entries


def _raw(entry: object) -> str:
    try:
        return json.dumps(entry)[: files.RAW_LIMIT]
    except RecursionError:
        return "an entry nested too deeply to show"


def _crawl_entry(entry: object) -> tuple[str, date, CorpusRecord]:
    crawl = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(crawl, str):
        raise Unreadable("entry without an id; an object with id, from and to is needed")
    covers_from, covers_to = _day(entry, "from"), _day(entry, "to")
    if covers_from and covers_to and covers_from > covers_to:
        raise Unreadable(f"crawl covers {covers_from} to {covers_to}; from must not be later")
    return crawl, crawl_date(crawl), _crawl_corpus(crawl, covers_from, covers_to)


def _day(entry: dict[str, object], key: str) -> date | None:
    """Day of a UTC time without zone; None in the older form, which lacks both keys."""
    moment = entry.get(key)
    if moment is None:
        return None
    try:
        return datetime.fromisoformat(str(moment)).date()
    except ValueError as error:
        raise Unreadable(f"{key} is {str(moment)[:60]!r}; a time in ISO form is needed") from error
