"""Software Heritage: how many distinct files, revisions and repositories its archive holds.

Series:  counters
Units:   distinct file contents, revisions (commits) and origins (repositories), exact counts
Vintage: the date in the file's name: the answer does not tell it
Source:  archive.softwareheritage.org/api/1/stat/counters/
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.connectors import answers
from flows.connectors.feed import Feed, Key, Schedule
from models.records import CorpusRecord, Metric, Parsed

name = "software_heritage"
publisher = "Software Heritage"
url = "https://archive.softwareheritage.org/api/1/stat/counters/doc/"
licence = "Software Heritage terms of use, https://www.softwareheritage.org/legal/"
schedule: Schedule = "weekly"
group = "reference"
bulk = False

_READ = answers.pattern("counters")
_COUNTERS: dict[str, tuple[Metric, str]] = {
    "content": ("documents", "distinct file contents"),
    "revision": ("revisions", "distinct revisions"),
    "origin": ("repositories", "places of source code visited"),
}


def feeds() -> list[Feed]:
    """The one answer; a token raises the hourly limit."""
    return [
        Feed(
            "counters",
            "counters.json",
            "https://archive.softwareheritage.org/api/1/stat/counters/",
            "json",
            dated=True,
            keys=(Key("SWH_TOKEN", header="Authorization", template="Bearer {}"),),
        )
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder software_heritage, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The counters. Several older ones no longer exist; only those used must be there."""
    answers.stem_of(name, _READ, "software_heritage")
    document = answers.document(name, content)
    day = answers.day_of(name, None, known_at)
    return Parsed(
        "counters",
        day,
        (CorpusRecord("software-heritage", "Software Heritage", "code", "mixed", "human"),),
        tuple(
            answers.figure(
                "software-heritage",
                metric,
                "unique",
                day,
                answers.count(name, document, counter),
                f"{words}, exact count",
            )
            for counter, (metric, words) in _COUNTERS.items()
        ),
    )
