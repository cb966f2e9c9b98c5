"""Wikimedia: how many articles each large Wikipedia has.

Series:  siteinfo-LANG  one wiki's own statistics
Units:   articles, as the wiki counts them (content pages with at least one link)
Vintage: the server's time in the answer (general.time), else the date in the file's name
Source:  MediaWiki action API, meta=siteinfo
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path, PurePath

from flows.connectors import answers
from flows.connectors.feed import Feed, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, Parsed

name = "wikimedia"
publisher = "Wikimedia Foundation"
url = "https://www.mediawiki.org/wiki/API:Siteinfo"
licence = "CC0 1.0"
schedule: Schedule = "weekly"
group = "reference"
bulk = False

# The ten Wikipedias with most readers; every other language can be read from a file.
LANGUAGES = ("en", "de", "fr", "es", "ja", "ru", "pt", "zh", "it", "ar")
_READ = re.compile(r"siteinfo-([a-z]{2,3})(?:\.[^/]*)?\.json(?:\.gz)?")


def feeds() -> list[Feed]:
    """One question a wiki."""
    return [
        Feed(
            f"siteinfo-{language}",
            f"siteinfo-{language}.json",
            f"https://{language}.wikipedia.org/w/api.php?action=query&meta=siteinfo"
            "&siprop=general%7Cstatistics&format=json",
            "json",
            dated=True,
        )
        for language in LANGUAGES
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder wikimedia, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The statistics of one wiki; the file's name says which."""
    language = answers.stem_of(name, _READ, "wikimedia")
    document = answers.document(name, content)
    general = document.get("query", {}) if isinstance(document.get("query"), dict) else {}
    stated = general.get("general", {})
    stated = stated if isinstance(stated, dict) else {}
    wiki = stated.get("wikiid", f"{language}wiki")
    if wiki != f"{language}wiki":
        raise SourceChanged(f"{PurePath(name).name} is an answer of {str(wiki)[:60]!r}")
    day = answers.day_of(name, stated.get("time"), known_at)
    articles = answers.count(name, document, "query", "statistics", "articles")
    corpus = f"wikipedia-{language}"
    return Parsed(
        f"siteinfo-{language}",
        day,
        (
            _ALL,
            CorpusRecord(
                corpus, f"Wikipedia, {language}", "encyclopedic", "open", "human", "wikipedia-all"
            ),
        ),
        (answers.figure(corpus, "documents", "unique", day, articles, "articles, exact count"),),
    )


_ALL = CorpusRecord("wikipedia-all", "Wikipedia, all languages", "encyclopedic", "open", "human")
