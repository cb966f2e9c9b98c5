"""OpenAlex: how many works it lists, by year of publication and by type.

Series:  works_by_year  the total, and the works published in each whole year
         works_by_type  the total of each type: article, book-chapter, dataset …
Units:   works
Vintage: the date in the file's name: the answer does not tell it
Source:  api.openalex.org/works with group_by, read page by page with a cursor. A key in
         OPENALEX_API_KEY is asked for since February 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from flows.connectors import answers
from flows.connectors.feed import Feed, Key, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, InventoryRecord, Parsed, RejectedRow

name = "openalex"
publisher = "OpenAlex"
url = "https://developers.openalex.org"
licence = "CC0 1.0"
schedule: Schedule = "weekly"
group = "papers"
bulk = False

_GROUPS = {"works_by_year": "publication_year", "works_by_type": "type"}
_READ = answers.pattern(*_GROUPS)
_YEAR = re.compile(r"1[0-9]{3}|20[0-9]{2}")
_TYPE = re.compile(r"(?:https://openalex\.org/types/)?([a-z]+(?:-[a-z]+)*)")
_KEYS = (
    Key("OPENALEX_API_KEY", parameter="api_key"),
    Key("DATAWALL_CONTACT", parameter="mailto"),
)


def feeds() -> list[Feed]:
    """One group-by a series, page after page."""
    return [
        Feed(
            series,
            f"{series}.json",
            _page(grouped, "*"),
            "json",
            dated=True,
            keys=_KEYS,
            next_page=lambda content, grouped=grouped: _next(grouped, content),  # type: ignore[misc]
        )
        for series, grouped in _GROUPS.items()
    ]


def _page(grouped: str, cursor: str) -> str:
    from urllib.parse import urlencode

    question = {"group_by": grouped, "per-page": 200, "cursor": cursor}
    return f"https://api.openalex.org/works?{urlencode(question)}"


def _next(grouped: str, content: bytes) -> str | None:
    """Address of the page after this one; the last has no cursor or no groups."""
    document = answers.document(f"a page by {grouped}", content)
    meta = document.get("meta")
    cursor = meta.get("next_cursor") if isinstance(meta, dict) else None
    return _page(grouped, cursor) if isinstance(cursor, str) and document.get("group_by") else None


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder openalex, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The groups of all pages, and the total that every page repeats."""
    series = answers.stem_of(name, _READ, "openalex")
    pages = answers.documents(name, content)
    if not pages:
        raise SourceChanged(f"{name} holds no page")
    totals = {answers.count(name, page, "meta", "count") for page in pages}
    if len(totals) != 1:
        raise SourceChanged(f"{name}: its pages state different totals: {sorted(totals)[:3]}")
    day = answers.day_of(name, None, known_at)
    rejected: list[RejectedRow] = []
    groups = _groups(name, pages, rejected)
    if series == "works_by_year":
        inventory = (
            answers.figure("openalex", "works", "unique", day, totals.pop(), "works of all types"),
            *_years(groups, day, rejected),
        )
        return Parsed(series, day, (CORPUS,), inventory, rejected=tuple(rejected))
    types = tuple(_types(groups, day, rejected))
    corpora = (CORPUS, *(_type_corpus(record.corpus_id) for record in types))
    return Parsed(series, day, corpora, types, rejected=tuple(rejected))


def _groups(
    name: str, pages: list[dict[str, Any]], rejected: list[RejectedRow]
) -> dict[str, tuple[int, float]]:
    """Count and place of each key; a key that comes twice makes the answer useless."""
    found: dict[str, tuple[int, float]] = {}
    place = 0
    for page in pages:
        groups = answers.at(name, page, "group_by")
        for entry in groups if isinstance(groups, list) else [groups]:
            place += 1
            key = entry.get("key") if isinstance(entry, dict) else None
            number = entry.get("count") if isinstance(entry, dict) else None
            if not isinstance(key, str | int) or not answers.is_count(number):
                reason = "a group with a key and a whole number ≥ 0 is needed"
                rejected.append(RejectedRow(place, reason, repr(entry)[:200]))
                continue
            if str(key) in found:
                raise SourceChanged(f"{name}: group {str(key)[:60]!r} occurs twice")
            found[str(key)] = place, float(number)
    if not found:
        raise SourceChanged(f"{name} holds no group that can be read")
    return found


def _years(
    groups: dict[str, tuple[int, float]], day: date, rejected: list[RejectedRow]
) -> Iterator[InventoryRecord]:
    """Works of each whole year before the day; the year under way is not over."""
    for key, (place, number) in groups.items():
        if not _YEAR.fullmatch(key) or int(key) > day.year + 1:
            reason = "a year of publication up to the next is needed"
            rejected.append(RejectedRow(place, reason, f"{key[:100]}: {number:g}"))
        elif int(key) < day.year:
            yield answers.figure(
                "openalex",
                "new_works",
                "unique",
                date(int(key), 12, 31),
                number,
                "works of all types published in the year",
            )


def _types(
    groups: dict[str, tuple[int, float]], day: date, rejected: list[RejectedRow]
) -> Iterator[InventoryRecord]:
    for key, (place, number) in groups.items():
        match = _TYPE.fullmatch(key)
        if match is None:
            raw = f"{key[:100]}: {number:g}"
            rejected.append(RejectedRow(place, "a type such as article is needed", raw))
        else:
            basis = f"works of type {match[1]}"
            yield answers.figure(f"openalex-{match[1]}", "works", "unique", day, number, basis)


def _type_corpus(corpus: str) -> CorpusRecord:
    kind = corpus.removeprefix("openalex-")
    return CorpusRecord(corpus, f"OpenAlex, {kind}", "papers", "mixed", "human", "openalex")


CORPUS = CorpusRecord("openalex", "OpenAlex", "papers", "open", "human")
