"""DataCite: how many texts have a DOI there: reports, theses, preprints and articles.

Series:  texts
Units:   registered works of the general type Text
Vintage: the date in the file's name: the answer does not tell it
Source:  api.datacite.org/dois?resource-type-id=text, no rows, meta.total
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.connectors import answers
from flows.connectors.feed import Feed, Schedule
from models.records import CorpusRecord, Parsed

name = "datacite"
publisher = "DataCite"
url = "https://support.datacite.org/docs/api"
licence = "CC0 1.0"
schedule: Schedule = "weekly"
group = "papers"
bulk = False

_READ = answers.pattern("texts")
_CORPUS = CorpusRecord("datacite-texts", "DataCite, texts", "papers", "mixed", "human")


def feeds() -> list[Feed]:
    """One list for nothing but its count."""
    return [
        Feed(
            "texts",
            "texts.json",
            "https://api.datacite.org/dois?resource-type-id=text&page%5Bsize%5D=0",
            "json",
            dated=True,
        )
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder datacite, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The total of a list of DOIs."""
    answers.stem_of(name, _READ, "datacite")
    total = answers.count(name, answers.document(name, content), "meta", "total")
    day = answers.day_of(name, None, known_at)
    basis = "registered works of type Text"
    figure = answers.figure(_CORPUS.corpus_id, "works", "unique", day, total, basis)
    return Parsed("texts", day, (_CORPUS,), (figure,))
