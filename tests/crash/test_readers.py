"""Readers beside loads: processes ask the published copy while it is replaced again and again.

Long-lived processes stand for starts of `datawall sql`: each opens the copy anew for every
question, through the function that the command calls. READS sets how many questions are asked.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from flows.steps.prepare import prepare, writing
from flows.workspace import Workspace
from models.records import CorpusRecord, InventoryRecord, Parsed
from warehouse.load import Artefact, file_origin, load
from warehouse.read import run

pytestmark = [pytest.mark.campaign, pytest.mark.crash]

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
READS = int(os.environ.get("READS", "1000"))
READERS = 4
FIGURES = 200
# One generation holds one vintage more than the one before, and every figure of a vintage has its
# number: a torn read would show two numbers, a part of a vintage, or a total that does not agree.
ASKED = """
SELECT
    (SELECT number FROM generation) AS generation,
    (SELECT count(*) FROM vintage WHERE source = 'own_inventory') AS vintages,
    count(*) AS figures,
    min(value) AS low,
    max(value) AS high,
    (SELECT arg_max(total, known_at) FROM vintage_total) AS total
FROM out_inventory
WHERE source = 'own_inventory'
"""


def _vintage(number: int) -> Artefact:
    corpora = [CorpusRecord(f"c{i}", "", "private", "open", "human") for i in range(FIGURES)]
    figures = [
        InventoryRecord(c.corpus_id, "tokens", "raw", date(2024, 1, 1), 1000.0 + number, "tokens")
        for c in corpora
    ]
    day = date(2024, 1, 1) + timedelta(days=number)
    parsed = Parsed("counts", day, tuple(corpora), tuple(figures))
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    origin = file_origin("own_inventory", "us", "docs", "ours", parsed, digest, 1)
    return Artefact(parsed, origin, Path("aa") / str(number))


def _load(root: Path, number: int) -> None:
    with writing(Workspace(root)) as connection:
        load(connection, "own_inventory", [_vintage(number)], NOW)


def _read(published: Path, count: int, answers: Any, done: Event) -> None:
    """Ask again and again, opening the copy anew; at least `count` times and until loads end."""
    asked = 0
    while asked < count or not done.is_set():
        try:
            (row,) = run(published, ASKED).rows
        except BaseException as error:
            answers.put(repr(error))
            raise
        answers.put(row)
        asked += 1


def _waiting(answers: Any) -> list[Any]:
    """Answers that have come, waiting for some but not for ever."""
    found: list[Any] = []
    with suppress(Empty):
        while len(found) < READS // 20:
            found.append(answers.get(timeout=0.2))
    return found


def test_readers_never_wait_and_never_see_a_part(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    workspace = Workspace(tmp_path)
    prepare(workspace)
    _load(tmp_path, 0)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["warehouse.read", "flows.steps.prepare"])
    answers, done = context.Queue(), context.Event()
    readers = [
        context.Process(target=_read, args=(workspace.published, READS // READERS, answers, done))
        for _ in range(READERS)
    ]
    for reader in readers:
        reader.start()
    seen: list[Any] = []
    number = 0
    # Loads go on for as long as there are questions, so that no answer comes from a quiet copy.
    while len(seen) < READS and not any(isinstance(row, str) for row in seen):
        number += 1
        _load(tmp_path, number)
        seen += _waiting(answers)
    done.set()
    # A reader ends only when its answers are taken.
    while any(reader.is_alive() for reader in readers) or not answers.empty():
        seen += _waiting(answers)
    assert [row for row in seen if isinstance(row, str)] == []
    assert {reader.exitcode for reader in readers} == {0}
    for _, vintages, figures, low, high, total in seen:
        assert (figures, low, high) == (FIGURES, 999.0 + vintages, 999.0 + vintages)
        assert total == FIGURES * low
    generations = {row[0]: row[1] for row in seen}
    assert len({generation - vintages for generation, vintages in generations.items()}) == 1
    record_property("reads", len(seen))
    record_property("loads", number)
    record_property("generations read", len(generations))
    assert len(seen) >= READS
    assert len(generations) > 1
