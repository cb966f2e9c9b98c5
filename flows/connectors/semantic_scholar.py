"""Semantic Scholar: how many papers and full texts its data sets hold.

Series:  release  the list of data sets of one release
Units:   records, as the descriptions state them: "200M records in 30 1.5GB files". They are
         rounded, so the interval is half a unit of the last digit on either side, without a level.
Vintage: the release's own date
Source:  api.semanticscholar.org/datasets/v1/release/latest
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

from flows.connectors import answers, openalex
from flows.connectors.feed import Feed, Key, Schedule
from flows.errors import SourceChanged
from models.records import CorpusRecord, InventoryRecord, Metric, Parsed, RejectedRow, Stage

name = "semantic_scholar"
publisher = "Allen Institute for AI"
url = "https://api.semanticscholar.org/api-docs/datasets"
licence = "ODC-By 1.0"
schedule: Schedule = "weekly"
group = "papers"
bulk = False

_READ = answers.pattern("release")
_RECORDS = re.compile(r"(?<![0-9.])([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([KMB]) records")
_TIMES = {"K": Decimal(10**3), "M": Decimal(10**6), "B": Decimal(10**9)}
_SETS: dict[str, tuple[str, Metric, Stage]] = {
    "papers": ("semantic-scholar", "works", "unique"),
    "s2orc": ("s2orc-fulltext", "documents", "filtered"),
}


def feeds() -> list[Feed]:
    """The newest release; a key raises the limits."""
    return [
        Feed(
            "release",
            "release.json",
            "https://api.semanticscholar.org/datasets/v1/release/latest",
            "json",
            keys=(Key("S2_API_KEY", header="x-api-key"),),
        )
    ]


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder semantic_scholar, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The sizes that the descriptions of the used data sets state."""
    answers.stem_of(name, _READ, "semantic_scholar")
    document = answers.document(name, content)
    release = answers.at(name, document, "release_id")
    day = answers.day_of(name, release, known_at)
    listed = answers.at(name, document, "datasets")
    if not isinstance(listed, list):
        raise SourceChanged(f"{name}: datasets is no list")
    inventory: dict[str, InventoryRecord] = {}
    rejected: list[RejectedRow] = []
    for place, entry in enumerate(listed, 1):
        kind = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(kind, str) or kind not in _SETS:
            continue
        if kind in inventory:
            raise SourceChanged(f"{name}: data set {kind} is listed twice")
        stated = _RECORDS.search(str(entry.get("description", "")))
        if stated is None:
            reason = "the description states no number of records, such as 200M records"
            rejected.append(RejectedRow(place, reason, repr(entry)[:500]))
        else:
            inventory[kind] = _figure(kind, day, stated)
    if not inventory:
        raise SourceChanged(f"{name} states no number of records of {' or '.join(_SETS)}")
    return Parsed("release", day, _CORPORA, tuple(inventory.values()), rejected=tuple(rejected))


def _figure(kind: str, day: date, stated: re.Match[str]) -> InventoryRecord:
    corpus, metric, stage = _SETS[kind]
    number = Decimal(stated[1])
    exponent = number.as_tuple().exponent
    half = Decimal(1).scaleb(int(exponent)) / 2
    times = _TIMES[stated[2]]
    return InventoryRecord(
        corpus_id=corpus,
        metric=metric,
        stage=stage,
        valid_on=day,
        value=float(number * times),
        low=float(max(number - half, Decimal(0)) * times),
        high=float((number + half) * times),
        unit=metric,
        basis=f"{stated[0]}, as described; rounded",
    )


_CORPORA = (
    openalex.CORPUS,
    CorpusRecord("semantic-scholar", "Semantic Scholar", "papers", "open", "human", "openalex"),
    CorpusRecord("s2orc", "S2ORC metadata", "papers", "open", "human", "openalex"),
    CorpusRecord("s2orc-fulltext", "S2ORC full text", "papers", "open", "human", "s2orc"),
)
