"""Crossref: how many works have a DOI there, and how many were published each year.

Series:  works
Units:   registered works of all types; `new_works` those first published in a year
Vintage: the date in the file's name: the answer does not tell it
Source:  api.crossref.org/works, rows=0 with the facet `published` (documented; the real sample has
         no facet). A contact in DATAWALL_CONTACT puts the request into the polite pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from flows.connectors import answers, openalex
from flows.connectors.feed import Feed, Key, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, InventoryRecord, Parsed, RejectedRow

name = "crossref"
publisher = "Crossref"
url = "https://api.crossref.org"
licence = "CC0 1.0"
schedule: Schedule = "weekly"
group = "papers"
bulk = False

_READ = answers.pattern("works")
_YEAR = re.compile(r"1[5-9][0-9]{2}|20[0-9]{2}")


def feeds() -> list[Feed]:
    """The count of all works, and those of each year with it."""
    return [
        Feed(
            "works",
            "works.json",
            "https://api.crossref.org/works?rows=0&facet=published%3A%2A",
            "json",
            dated=True,
            keys=(Key("DATAWALL_CONTACT", parameter="mailto"),),
        )
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder crossref, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The totals of a list of works."""
    answers.stem_of(name, _READ, "crossref")
    document = answers.document(name, content)
    kind = document.get("message-type")
    if kind != "work-list":
        raise SourceChanged(f"{name} is a {str(kind)[:60]!r}; a 'work-list' is needed")
    total = answers.count(name, document, "message", "total-results")
    day = answers.day_of(name, None, known_at)
    rejected: list[RejectedRow] = []
    years = tuple(_years(document["message"], day, rejected))
    works = answers.figure("crossref", "works", "unique", day, total, "registered works, all types")
    corpora = (openalex.CORPUS, _CORPUS)
    return Parsed("works", day, corpora, (works, *years), rejected=tuple(rejected))


def _years(
    message: dict[str, Any], day: date, rejected: list[RejectedRow]
) -> Iterator[InventoryRecord]:
    """Works of each whole year before the day; the year under way is not over."""
    facet = message.get("facets")
    published = facet.get("published") if isinstance(facet, dict) else None
    values = published.get("values") if isinstance(published, dict) else None
    for place, (year, number) in enumerate(values.items() if isinstance(values, dict) else (), 1):
        if not _YEAR.fullmatch(str(year)) or not answers.is_count(number):
            raw = f"{year}: {number!r}"[:200]
            rejected.append(RejectedRow(place, "a year and a whole number ≥ 0 are needed", raw))
        elif int(year) < day.year:
            yield answers.figure(
                "crossref",
                "new_works",
                "unique",
                date(int(year), 12, 31),
                float(number),
                "works first published in the year, all types",
            )


_CORPUS = CorpusRecord("crossref", "Crossref", "papers", "open", "human", "openalex")
