"""Internet Archive: how many texts it lists.

Series:  texts  items of media type texts: books, papers, magazines, leaflets
Units:   items (works), as its search counts them
Vintage: the date in the file's name: the answer does not tell it
Source:  archive.org/advancedsearch.php; the scrape interface's answer is read as well
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.connectors import answers
from flows.connectors.feed import Feed, Schedule
from models.records import CorpusRecord, Parsed

name = "internet_archive"
publisher = "Internet Archive"
url = "https://archive.org/advancedsearch.php"
licence = "Internet Archive terms of use, https://archive.org/about/terms"
schedule: Schedule = "monthly"
group = "books"
bulk = False

_CORPUS = "internet-archive-texts"
_READ = answers.pattern("texts")


def feeds() -> list[Feed]:
    """One search for nothing but its count."""
    return [
        Feed(
            "texts",
            "texts.json",
            "https://archive.org/advancedsearch.php?q=mediatype%3Atexts&fl%5B%5D=identifier"
            "&rows=0&output=json",
            "json",
            dated=True,
            pause_s=2.0,
        )
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder internet_archive, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The count of a search (response.numFound) or of a scrape (total)."""
    answers.stem_of(name, _READ, "internet_archive")
    document = answers.document(name, content)
    scraped = "items" in document
    found = answers.count(name, document, *(("total",) if scraped else ("response", "numFound")))
    day = answers.day_of(name, None, known_at)
    corpus = CorpusRecord(
        _CORPUS, "Internet Archive books and texts", "books", "restricted", "human"
    )
    basis = "items of media type texts, count of a search"
    return Parsed(
        "texts", day, (corpus,), (answers.figure(_CORPUS, "works", "raw", day, found, basis),)
    )
