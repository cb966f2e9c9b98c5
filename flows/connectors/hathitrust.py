"""HathiTrust: how many digitised volumes it holds, how many are open to read, and their languages.

Series:  file_list  the list of inventory files, which leads to the newest full one; no figures
         full       the full inventory: one row a volume
Units:   volumes. Duplicates of a work are volumes of their own.
Vintage: the date in the file's name
Source:  www.hathitrust.org/files/hathifiles: gzipped tab-separated rows of 26 fields without header
         or quoting, about a gigabyte, read row by row. Updates hold a day's changes and no total:
         they are known and not read.
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
from models.records import CorpusRecord, Parsed, RejectedRow

name = "hathitrust"
publisher = "HathiTrust"
url = "https://www.hathitrust.org/member-libraries/resources-for-librarians/data-resources/hathifiles/"
licence = "CC0 1.0 (hathifiles)"
schedule: Schedule = "monthly"
group = "dumps"
bulk = True

_FULL = re.compile(r"hathi_full_([0-9]{4})([0-9]{2})([0-9]{2})\.txt(?:\.gz)?")
_LIST = re.compile(r"hathi_file_list(?:\.[^/]*)?\.json")
_READ = re.compile(rf"{_FULL.pattern}|{_LIST.pattern}")
_UPDATE = re.compile(r"hathi_upd_[0-9]{8}\.txt(?:\.gz)?")
_FOLDER = "https://www.hathitrust.org/files/hathifiles/"
_FIELDS, _ACCESS, _LANGUAGE = 26, 1, 18
_LANGUAGE_CODE = re.compile(r"[a-z]{3}")


def feeds() -> list[Feed]:
    """The list of files, and the newest full one with it."""
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
    """Full inventories and file lists in the folder or its sub-folder hathitrust, by name."""
    return files.matching(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Updates, which hold a day's changes and no total."""
    return files.matching(folder, name, _UPDATE)


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Counts of an inventory held in memory, or the day of a file list."""
    return parse_stream(name, io.BytesIO(content), known_at)


def parse_stream(name: str, file: BinaryIO, known_at: date | None) -> Parsed:
    """Counts of an inventory of any size, or the day of a file list."""
    file_name = PurePath(name).name
    if _LIST.fullmatch(file_name):
        days = _full_files(file_name, file.read(64 * MEGABYTE))
        return Parsed("file_list", known_at or max(days)[0], (_GOOGLE, _ALL), ())
    if not _FULL.fullmatch(file_name):
        raise SourceChanged(f"{file_name[:100]!r} is no name of a full inventory or a file list")
    return _count(file_name, file, known_at or _day(file_name))


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
    match = _FULL.fullmatch(file)
    try:
        year, month, day = map(int, match.groups() if match else ())
        return date(year, month, day)
    except ValueError as error:
        raise SourceChanged(f"{file[:100]} is named for no date; rename the file") from error


def _count(name: str, file: BinaryIO, day: date) -> Parsed:
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
    counted = [
        (_ALL, volumes, "volumes, exact count"),
        (_OPEN, readable, "volumes with access allow, exact count"),
        *((_of_language(each), number, f"volumes in {each}, exact count")
          for each, number in sorted(languages.items())),
    ]  # fmt: skip
    inventory = tuple(
        answers.figure(corpus.corpus_id, "volumes", "raw", day, float(number), basis)
        for corpus, number, basis in counted
    )
    corpora = (_GOOGLE, *(corpus for corpus, _, _ in counted))
    return Parsed("full", day, corpora, inventory, rejected=tuple(rejected))


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
    "hathitrust-open", "HathiTrust volumes open to read", "books", "restricted", "human",
    "hathitrust",
)  # fmt: skip
