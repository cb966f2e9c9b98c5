"""arXiv: how many papers it holds.

Series:  papers
Units:   papers (works): the total of a search over all dates of submission
Vintage: the day the answer was made (`updated`)
Source:  export.arxiv.org/api/query, opensearch:totalResults; one call in three seconds
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

from flows.connectors import answers, files, openalex
from flows.connectors.feed import Feed, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, Parsed

name = "arxiv"
publisher = "arXiv"
url = "https://info.arxiv.org/help/api/"
licence = "CC0 1.0 (metadata)"
schedule: Schedule = "weekly"
group = "papers"
bulk = False

_READ = answers.pattern("papers", form="xml")
_TOTAL = "{http://a9.com/-/spec/opensearch/1.1/}totalResults"
_ATOM = "{http://www.w3.org/2005/Atom}"
_COUNT = re.compile(r"[0-9]{1,15}")


def feeds() -> list[Feed]:
    """A search over all dates of submission, for nothing but its count."""
    return [
        Feed(
            "papers",
            "papers.xml",
            "https://export.arxiv.org/api/query?search_query=submittedDate:"
            "%5B199101010000+TO+209912312359%5D&start=0&max_results=1",
            "atom",
            dated=True,
            pause_s=3.0,
        )
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder arxiv, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The total of a search."""
    answers.stem_of(name, _READ, "arxiv")
    text = files.text_of(name, content, "Atom")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # Entities can grow without bound, and an Atom feed has none.
        raise SourceChanged(f"{name} declares a document type, which no Atom answer does")
    try:
        root = ET.fromstring(text)  # noqa: S314  (no document type: checked above)
    except (ET.ParseError, ValueError) as error:
        raise SourceChanged(f"{files.not_of_form(name, 'Atom', text)} ({error})") from error
    total = (root.findtext(_TOTAL) or "").strip()
    if root.tag != f"{_ATOM}feed" or not _COUNT.fullmatch(total):
        raise SourceChanged(f"{name} is no Atom feed with totalResults; {files.AGAIN}")
    day = answers.day_of(name, root.findtext(f"{_ATOM}updated"), known_at)
    corpus = CorpusRecord("arxiv", "arXiv", "papers", "mixed", "human", "openalex")
    figure = answers.figure("arxiv", "works", "unique", day, float(total), "count of a search")
    return Parsed("papers", day, (openalex.CORPUS, corpus), (figure,))
