"""Project Gutenberg's catalogue: an excerpt of the real file (tests/data/README.md)."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from flows.connectors.gutenberg import parse
from flows.errors import SourceChanged

SAMPLE = Path(__file__).parents[2] / "data/gutenberg/pg_catalog.2025-03-07.csv"
CONTENT = SAMPLE.read_bytes()


def test_texts_are_counted_once_and_by_sole_language() -> None:
    parsed = parse(SAMPLE.name, CONTENT, None)
    found = {record.corpus_id: record.value for record in parsed.inventory}
    rows = list(csv.DictReader(SAMPLE.read_text("utf-8").splitlines(keepends=True)))
    texts = [row for row in rows if row["Type"] == "Text"]
    assert (len(rows), parsed.rejected, parsed.vintage) == (190, (), date(2025, 3, 7))
    assert found["gutenberg"] == len(texts) == 159
    assert found["gutenberg-language-en"] == sum(row["Language"] == "en" for row in texts)
    # Some works have two languages: they are in the total alone.
    assert 0 < sum(found.values()) - found["gutenberg"] < len(texts)


def test_a_repeated_row_fails_and_an_unreadable_one_is_kept_aside() -> None:
    first = CONTENT.splitlines(keepends=True)[1]
    with pytest.raises(SourceChanged, match="text 1 occurs twice"):
        parse(SAMPLE.name, CONTENT + first, None)
    parsed = parse(SAMPLE.name, CONTENT + first.replace(b"1,Text", b"one,Text", 1), None)
    assert [row.reason for row in parsed.rejected] == ["a number and a type are needed"]


def test_a_catalogue_without_texts_is_refused() -> None:
    with pytest.raises(SourceChanged, match="no item of type Text"):
        parse(SAMPLE.name, b"Text#,Type,Language\n1,Sound,en\n", None)
    with pytest.raises(SourceChanged, match="columns missing: Language"):
        parse(SAMPLE.name, b"Text#,Type\n1,Text\n", None)
