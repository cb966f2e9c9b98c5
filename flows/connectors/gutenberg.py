"""Project Gutenberg: how many texts its catalogue lists, by language.

Series:  pg_catalog
Units:   items of type Text (works); Sound, Image, Dataset and other types are left out
Several: a work may have two languages ("de; en"); it then counts in the total alone
Vintage: the date in the file's name: the catalogue does not tell it
Source:  www.gutenberg.org/cache/epub/feeds/pg_catalog.csv, about 21 MB, one row an item
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

from flows.connectors import answers, files
from flows.connectors.feed import Feed, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, InventoryRecord, Parsed

name = "gutenberg"
publisher = "Project Gutenberg"
url = "https://www.gutenberg.org/ebooks/offline_catalogs.html"
licence = "public domain (catalogue)"
schedule: Schedule = "weekly"
group = "books"
bulk = False

_READ = answers.pattern("pg_catalog", form="csv")
_NUMBER = re.compile(r"[0-9]{1,9}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,8})?")
_COLUMNS = ("Text#", "Type", "Language")


def feeds() -> list[Feed]:
    """The whole catalogue."""
    return [
        Feed(
            "pg_catalog",
            "pg_catalog.csv",
            "https://www.gutenberg.org/cache/epub/feeds/pg_catalog.csv",
            "csv",
            dated=True,
            time_s=600.0,
            pause_s=2.0,
        )
    ]


def find(folder: Path) -> list[Path]:
    """Catalogues in the folder or its sub-folder gutenberg, by name."""
    return files.matching(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Texts in all, and those of each sole language."""
    answers.stem_of(name, _READ, "gutenberg")
    table = files.read_table(name, content, [(column,) for column in _COLUMNS], {*_COLUMNS})
    rejected = list(table.rejected)
    seen: set[str] = set()
    texts: Counter[str] = Counter()
    for row in table.rows:
        number, kind, language = (row.cells[column].strip() for column in _COLUMNS)
        if not _NUMBER.fullmatch(number) or not kind:
            rejected.append(row.rejected("a number and a type are needed"))
            continue
        if number in seen:
            raise SourceChanged(f"{name}: text {number} occurs twice; each has one row")
        seen.add(number)
        if kind == "Text":
            texts[language] += 1
    files.require_readable(name, len(seen), rejected)
    if not texts:
        raise SourceChanged(f"{name} lists no item of type Text")
    day = answers.day_of(name, None, known_at)
    languages = sorted(language for language in texts if _LANGUAGE.fullmatch(language))
    total = answers.figure(
        _ALL.corpus_id,
        "works",
        "unique",
        day,
        float(texts.total()),
        "items of type Text, exact count",
    )
    return Parsed(
        "pg_catalog",
        day,
        (_ALL, *map(_corpus, languages)),
        (total, *(_of_language(language, day, texts[language]) for language in languages)),
        rejected=tuple(sorted(rejected, key=lambda row: row.line)),
    )


def _of_language(language: str, day: date, number: int) -> InventoryRecord:
    basis = "items of type Text with this sole language, exact count"
    return answers.figure(_corpus(language).corpus_id, "works", "unique", day, float(number), basis)


def _corpus(language: str) -> CorpusRecord:
    # Not gutenberg-en: that is the English part which the Common Pile cleaned, in the catalogue.
    name, title = f"gutenberg-language-{language}", f"Project Gutenberg, language {language}"
    return CorpusRecord(name, title, "books", "open", "human", "gutenberg")


_ALL = CorpusRecord("gutenberg", "Project Gutenberg", "books", "open", "human")
