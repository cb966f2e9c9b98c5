"""Open Library: how many works and editions its monthly dumps hold.

Series:  works, editions
Units:   records of the type the dump is of; redirects and deleted ones are left out
Vintage: the date in the file's name, which the address `latest` leads to
Source:  openlibrary.org/data, gzipped lines of type, key, revision, time and JSON; about 5 GB, read
         line by line. The JSON is not opened.
"""

from __future__ import annotations

import io
import re
from datetime import date
from pathlib import Path, PurePath
from typing import BinaryIO

from flows.connectors import answers, dumps, files
from flows.connectors.feed import GIGABYTE, Feed, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, Metric, Parsed, RejectedRow

name = "open_library"
publisher = "Open Library"
url = "https://openlibrary.org/developers/dumps"
licence = "Open Library terms, https://openlibrary.org/developers/licensing"
schedule: Schedule = "monthly"
group = "dumps"
bulk = True

_READ = re.compile(r"ol_dump_(works|editions)_(?:latest|[0-9]{4}-[0-9]{2}-[0-9]{2})\.txt(?:\.gz)?")
_KINDS: dict[str, tuple[str, Metric]] = {
    "works": ("/type/work", "works"),
    "editions": ("/type/edition", "editions"),
}
_TYPE = re.compile(r"/type/[a-z_]{1,40}")


def feeds() -> list[Feed]:
    """The newest dump of each kind."""
    return [
        Feed(
            kind,
            f"ol_dump_{kind}_latest.txt.gz",
            f"https://openlibrary.org/data/ol_dump_{kind}_latest.txt.gz",
            "dump",
            limit=40 * GIGABYTE,
            time_s=6 * 3600.0,
            pause_s=2.0,
        )
        for kind in _KINDS
    ]


def find(folder: Path) -> list[Path]:
    """Dumps in the folder or its sub-folder open_library, by name."""
    return files.matching(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Count of a dump held in memory."""
    return parse_stream(name, io.BytesIO(content), known_at)


def parse_stream(name: str, file: BinaryIO, known_at: date | None) -> Parsed:
    """Count of a dump of any size."""
    match = _READ.fullmatch(PurePath(name).name)
    if match is None:
        raise SourceChanged(f"{PurePath(name).name[:100]!r} is no name of an Open Library dump")
    wanted, metric = _KINDS[match[1]]
    day = answers.day_of(name, None, known_at)
    rejected: list[RejectedRow] = []
    read = found = 0
    for number, line in dumps.lines(name, file):
        kind, _, rest = line.partition("\t")
        if not _TYPE.fullmatch(kind) or rest.count("\t") < 3:
            dumps.reject(name, rejected, number, "type, key, revision, time, JSON needed", line)
            continue
        read += 1
        found += kind == wanted
    files.require_readable(name, read, rejected)
    if not found:
        raise SourceChanged(f"{name} holds no record of {wanted}")
    basis = f"records of {wanted}, exact count of a dump"
    figure = answers.figure("open-library", metric, "raw", day, float(found), basis)
    return Parsed(match[1], day, (_CORPUS,), (figure,), rejected=tuple(rejected))


_CORPUS = CorpusRecord("open-library", "Open Library", "books", "restricted", "human")
