"""HathiTrust: how many digitised volumes it holds, how many are open to read, and their languages.

Series:  file_list        the list of files, which leads to the newest full inventory; no figures
         full             the full inventory: one row a volume
         update-YYYYMMDD  one day's volumes that are new, or whose record or access changed. One
                          may come on two days and one that leaves is not told, so updates add up to
                          no total; each is a series of its own, compared with no other.
Units:   volumes. Duplicates of a work are volumes of their own.
Open:    access is allow, which the publisher says of volumes that anybody may read in full; the
         catalogue's hathitrust-open is the same
Vintage: the date in the file's name
Source:  www.hathitrust.org/files/hathifiles: gzipped tab-separated rows of 26 fields without header
         or quoting, of a full one about a gigabyte, read row by row
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from flows.connectors import answers, dumps, files
from flows.connectors.feed import GIGABYTE, MEGABYTE, Feed, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, Metric, Parsed, RejectedRow

name = "hathitrust"
publisher = "HathiTrust"
url = "https://www.hathitrust.org/member-libraries/resources-for-librarians/data-resources/hathifiles/"
licence = "CC0 1.0 (hathifiles)"
schedule: Schedule = "monthly"
group = "dumps"
bulk = True

_FULL = re.compile(r"hathi_full_([0-9]{4})([0-9]{2})([0-9]{2})\.txt(?:\.gz)?")
_LIST = re.compile(r"hathi_file_list(?:\.[^/]*)?\.json")
_UPDATE = re.compile(_FULL.pattern.replace("full", "upd"))
_READ = re.compile(rf"{_FULL.pattern}|{_UPDATE.pattern}|{_LIST.pattern}")
_FOLDER = "https://www.hathitrust.org/files/hathifiles/"
_FIELDS, _ACCESS, _LANGUAGE = 26, 1, 18
_LANGUAGE_CODE = re.compile(r"[a-z]{3}")


def feeds() -> list[Feed]:
    """The list of files, and the newest full one with it; updates are read where they are given."""
    return [
        Feed(
            "file_list",
            "hathi_file_list.json",
            f"{_FOLDER}hathi_file_list.json",
            "json",
            pause_s=2.0,
            follow=_newest,
        )
    ]


def _newest(content: bytes) -> Feed:
    file = max(_full_files("hathi_file_list.json", content))[1]
    return Feed(
        "full",
        file,
        f"{_FOLDER}{file}",
        "dump",
        limit=20 * GIGABYTE,
        time_s=6 * 3600.0,
        pause_s=2.0,
    )


def find(folder: Path) -> list[Path]:
    """Inventories, updates and file lists in the folder or its sub-folder hathitrust, by name."""
    return files.matching(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that this version knows and does not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Counts of an inventory or update held in memory, or the day of a file list."""
    return parse_stream(name, io.BytesIO(content), known_at)


def parse_stream(name: str, file: BinaryIO, known_at: date | None) -> Parsed:
    """Counts of an inventory or update of any size, or the day of a file list."""
    file_name = PurePath(name).name
    if _LIST.fullmatch(file_name):
        days = _full_files(file_name, file.read(64 * MEGABYTE))
        return Parsed("file_list", known_at or max(days)[0], (_GOOGLE, _ALL), ())
    if not _READ.fullmatch(file_name):
        raise SourceChanged(
            f"{file_name[:100]!r} is no name of an inventory, an update or a file list"
        )
    return _count(file_name, file, known_at)


def _full_files(name: str, content: bytes) -> list[tuple[date, str]]:
    """Day and name of each full inventory on the list."""
    text = files.text_of(name, content, "JSON")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceChanged(f"{files.not_of_form(name, 'JSON', text)} ({error})") from error
    found = [
        (_day(file), file)
        for entry in (entries if isinstance(entries, list) else [])
        if (file := _file_of(entry))
    ]
    if not found:
        raise SourceChanged(f"{name} lists no full inventory such as hathi_full_20250101.txt.gz")
    return found


def _file_of(entry: Any) -> str:
    file = entry.get("filename") if isinstance(entry, dict) else None
    return file if isinstance(file, str) and _FULL.fullmatch(file) else ""


def _day(file: str) -> date:
    match = _FULL.fullmatch(file) or _UPDATE.fullmatch(file)
    try:
        year, month, day = map(int, match.groups() if match else ())
        return date(year, month, day)
    except ValueError as error:
        raise SourceChanged(f"{file[:100]} is named for no date; rename the file") from error


def _count(name: str, file: BinaryIO, known_at: date | None) -> Parsed:
    day = _day(name)
    rejected: list[RejectedRow] = []
    languages: Counter[str] = Counter()
    volumes = readable = 0
    for number, line in dumps.lines(name, file):
        cells = line.split("\t")
        if len(cells) != _FIELDS or cells[_ACCESS] not in ("allow", "deny"):
            reason = f"{_FIELDS} fields and an access of allow or deny are needed"
            dumps.reject(name, rejected, number, reason, line)
            continue
        volumes += 1
        readable += cells[_ACCESS] == "allow"
        if _LANGUAGE_CODE.fullmatch(cells[_LANGUAGE]):
            languages[cells[_LANGUAGE]] += 1
    files.require_readable(name, volumes, rejected)
    if not volumes:
        raise SourceChanged(f"{name} holds no volume that can be read")
    if _UPDATE.fullmatch(name):
        changed = [(_ALL, volumes, "new or changed"), (_OPEN, readable, "new or changed, now open")]
        return _parsed(
            f"update-{day:%Y%m%d}", known_at or day, "changed_volumes", changed, rejected
        )
    counted = [
        (_ALL, volumes, "all"),
        (_OPEN, readable, "with access allow"),
        *((_of_language(each), number, f"in {each}") for each, number in sorted(languages.items())),
    ]
    return _parsed("full", known_at or day, "volumes", counted, rejected)


def _parsed(
    series: str,
    day: date,
    metric: Metric,
    counted: list[tuple[CorpusRecord, int, str]],
    rejected: list[RejectedRow],
) -> Parsed:
    inventory = tuple(
        answers.figure(
            corpus.corpus_id, metric, "raw", day, float(number), f"volumes, {which}, exact count",
            unit="volumes",
        )
        for corpus, number, which in counted
    )  # fmt: skip
    corpora = (_GOOGLE, *dict.fromkeys([_ALL, *(corpus for corpus, _, _ in counted)]))
    return Parsed(series, day, corpora, inventory, rejected=tuple(rejected))


def _of_language(language: str) -> CorpusRecord:
    return CorpusRecord(
        f"hathitrust-{language}", f"HathiTrust, {language}", "books", "restricted", "human",
        "hathitrust",
    )  # fmt: skip


_GOOGLE = CorpusRecord(
    "google-books", "Google Books scans", "books", "restricted", "human", "books-ever-isbndb"
)
_ALL = CorpusRecord("hathitrust", "HathiTrust", "books", "restricted", "human", "google-books")
_OPEN = CorpusRecord(
    "hathitrust-open", "HathiTrust volumes open to read", "books", "open", "human", "hathitrust"
)
