"""Records refuse words and numbers outside the shared vocabulary."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from models.errors import RecordInvalid
from models.records import CorpusRecord, InventoryRecord, OriginRecord, Parsed, TrainingRunRecord

FIGURE: dict[str, Any] = {
    "corpus_id": "pile", "metric": "tokens", "stage": "raw", "valid_on": date(2020, 12, 31),
    "value": 3e11, "unit": "tokens",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"metric": "letters"}, "inventory of pile: metric 'letters' is unknown; allowed: tokens"),
        ({"stage": "cooked"}, "stage 'cooked' is unknown; allowed: raw"),
        ({"status": "sure"}, "status 'sure' is unknown; allowed: published"),
        ({"value": -1.0}, "tokens is -1.0; a finite number ≥ 0 is needed"),
        ({"value": math.nan}, "tokens is nan"),
        ({"value": math.inf}, "tokens is inf"),
    ],
)
def test_inventory(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecordInvalid, match=sentence):
        InventoryRecord(**(FIGURE | changed))


def test_origin_and_corpus() -> None:
    with pytest.raises(RecordInvalid, match="origin o: kind 'rumour' is unknown"):
        OriginRecord("o", "rumour", "p", "t", "u")  # type: ignore[arg-type]
    for field, value in (("domain", "webb"), ("access", "shut"), ("origin", "alien")):
        words = {"domain": "web", "access": "open", "origin": "human"} | {field: value}
        with pytest.raises(RecordInvalid, match=f"corpus c: .*{value!r} is unknown"):
            CorpusRecord("c", "n", words["domain"], words["access"], words["origin"])  # type: ignore[arg-type]


def test_rows_count_what_a_source_is_about() -> None:
    corpus = CorpusRecord("c", "n", "web", "open", "human")
    run = TrainingRunRecord("m", None, "", "", None, None, None, None, "", "", "", "")
    assert Parsed("s", date(2024, 1, 1), corpora=(corpus,)).rows == 1
    figures = (InventoryRecord(**FIGURE), InventoryRecord(**FIGURE))
    assert Parsed("s", date(2024, 1, 1), corpora=(corpus,), inventory=figures).rows == 2
    assert Parsed("s", date(2024, 1, 1), training_runs=(run,)).rows == 1
