"""DataCite. The sample is written after the documentation; it is not a real answer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flows.connectors.datacite import parse
from flows.errors import SourceChanged

SAMPLE = Path(__file__).parents[2] / "data/datacite/texts.2025-01-01.json"


def test_the_total_is_the_figure() -> None:
    (record,) = parse(SAMPLE.name, SAMPLE.read_bytes(), None).inventory
    assert (record.value, record.unit) == (12_345_678, "works")
    assert record.valid_on == date(2025, 1, 1)


def test_an_answer_without_a_total_is_refused() -> None:
    with pytest.raises(SourceChanged, match=r"holds no meta\.total"):
        parse(SAMPLE.name, b'{"data": [], "meta": {}}', None)
    with pytest.raises(SourceChanged, match="a whole number"):
        parse(SAMPLE.name, b'{"meta": {"total": "many"}}', None)
