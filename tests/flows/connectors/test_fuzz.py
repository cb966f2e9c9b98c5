"""Hostile content: no mutation of a sample gets anything but records or SourceChanged out of parse.

DATAWALL_FUZZ_EXAMPLES sets how many mutations are made of all samples together (default 10,000).
"""

from __future__ import annotations

import gzip
import io
import math
import os
import random
import re
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.connectors.registry import CONNECTORS
from flows.errors import SourceChanged
from flows.steps.ingest import ingest
from flows.workspace import Workspace
from models import own_inventory
from warehouse.connection import reader
from warehouse.content import content_sha256

SOURCES = list(CONNECTORS)
SAMPLES = Path(__file__).parents[2] / "data"
ROW = ("ours", "private", "tokens", "raw", "2026-06-30", "1000")


def _own() -> dict[Path, bytes]:
    """A planner's own inventory in each of its forms."""
    head = ("corpus_id", "domain", "metric", "stage", "valid_on", "value")
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (head, ROW, ("theirs", *ROW[1:])):
        book.active.append(row)
    book.save(stream)
    with tempfile.TemporaryDirectory() as folder:
        parquet = Path(folder) / "own.parquet"
        columns = ", ".join(f"'{cell}' AS {name}" for name, cell in zip(head, ROW, strict=True))
        duckdb.sql(f"COPY (SELECT {columns}) TO '{parquet}' (FORMAT parquet)")
        contents = {
            "csv": "".join(",".join(row) + "\n" for row in (head, ROW, ("b", *ROW[1:]))).encode(),
            "yaml": own_inventory.template().encode(),
            "xlsx": stream.getvalue(),
            "parquet": parquet.read_bytes(),
        }
    return {Path(f"own_inventory.fuzz.2026-06-30.{form}"): c for form, c in contents.items()}


OWN = _own()
FOUND = [(name, path) for name, source in CONNECTORS.items() for path in source.find(SAMPLES)]
CONTENTS = {path: path.read_bytes() for _, path in FOUND} | OWN
FOUND += [("own_inventory", path) for path in OWN]
HOSTILE = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b"\n", b"\r", b"\t", b"{",
    b"[" * 5000, b"}", b"]", b"null", b"NaN", b"-1", b"1e999", b"9" * 400, b"0", b"true",
    b"<!DOCTYPE a>", b"9999-12-31", b"0000-00-00", b"\\ud800", b"\x1f\x8b", b"<html>", b";", b" ",
    b"{}", b"[]", b"''",
]  # fmt: skip
NUMBER = re.compile(rb"[0-9]+")


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One to four changes of the kinds that transport, publishers and attackers make."""
    for _ in range(rng.randint(1, 4)):
        a, b = sorted(rng.randrange(len(content) + 1) for _ in range(2))
        b = min(b, a + rng.choice([1, 8, 64, 4096]))
        kind = rng.randrange(7)
        if kind == 0:
            content = content[:a]  # cut off
        elif kind == 1:
            content = content[:a] + content[b:]  # a hole
        elif kind == 2:
            content = content[:b] + content[a:b] + content[b:]  # a part twice
        elif kind == 3:
            content = content[:a] + rng.choice(HOSTILE) + content[b:]
        elif kind == 4 and a < len(content):
            content = content[:a] + bytes([rng.randrange(256)]) + content[a + 1 :]
        elif kind == 5 and (numbers := list(NUMBER.finditer(content))):
            number = rng.choice(numbers)
            content = content[: number.start()] + rng.choice(HOSTILE) + content[number.end() :]
        elif kind == 6:
            lines = content.splitlines(keepends=True)
            rng.shuffle(lines)
            content = b"".join(lines)
    if rng.random() < 0.05:
        content = gzip.compress(content)[: rng.choice([None, -5])]
    return content


def outcome(source: str, path: Path, content: bytes) -> str:
    """What became of a content: "parsed" or "refused"; everything else fails the test."""
    name = path.name.removesuffix(".gz")
    try:
        parsed = CONNECTORS[source].parse(name, content, None)
    except SourceChanged as error:
        told = str(error)
        assert told
        assert len(told) < 2_000
        return "refused"
    assert isinstance(parsed.vintage, date)
    assert parsed.inventory or parsed.training_runs or parsed.corpora or parsed.parquet
    assert all(math.isfinite(record.value) and record.value >= 0 for record in parsed.inventory)
    keys = Counter(
        (record.corpus_id, record.metric, record.stage, record.valid_on)
        for record in parsed.inventory
    )
    assert not [key for key, times in keys.items() if times > 1]
    known = {corpus.corpus_id for corpus in parsed.corpora}
    assert {record.corpus_id for record in parsed.inventory} <= known
    return "parsed"


def test_every_source_has_a_sample_that_is_read() -> None:
    assert {source for source, _ in FOUND} >= set(SOURCES)
    read = {source for source, path in FOUND if outcome(source, path, CONTENTS[path]) == "parsed"}
    assert read >= set(SOURCES)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FOUND), st.randoms(use_true_random=False))
def test_a_mutated_sample_is_read_or_refused(found: tuple[str, Path], rng: random.Random) -> None:
    source, path = found
    outcome(source, path, mutated(CONTENTS[path], rng))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FOUND), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(found: tuple[str, Path], content: bytes) -> None:
    outcome(*found, content)


@pytest.mark.parametrize("source", SOURCES)
def test_many_mutations_of_every_source(source: str) -> None:
    paths = [path for name, path in FOUND if name == source]
    each = math.ceil(int(os.environ.get("DATAWALL_FUZZ_EXAMPLES", "10000")) / len(SOURCES))
    told: Counter[str] = Counter()
    for seed in range(each):
        rng = random.Random(f"{source} {seed}")  # noqa: S311
        path = rng.choice(paths)
        told[outcome(source, path, mutated(CONTENTS[path], rng))] += 1
    assert told.total() == each
    assert told["refused"]
    assert told["parsed"]


NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.campaign
@pytest.mark.parametrize("source", SOURCES)
def test_a_refused_content_changes_nothing_in_the_warehouse(source: str, tmp_path: Path) -> None:
    """What is loaded is loaded whole, and what fails leaves the content as it was."""
    workspace = Workspace(tmp_path / "workspace")
    ingest(workspace, [], tmp_path, None, NOW, lambda _: None)
    samples = [path for name, path in FOUND if name == source]
    told: Counter[str] = Counter()
    before = _content(workspace)
    for seed in range(12):
        rng = random.Random(f"load {source} {seed}")  # noqa: S311
        path = rng.choice(samples)
        folder = tmp_path / str(seed) / source
        folder.mkdir(parents=True)
        (folder / path.name).write_bytes(mutated(CONTENTS[path], rng))
        day = date(2026, 7, 1) + timedelta(days=seed)
        result = ingest(workspace, [source], folder, day, NOW, lambda _: None)[-1]
        after = _content(workspace)
        assert (after == before) == (result.status != "loaded"), result
        assert result.status in ("loaded", "failed")
        told[result.status] += 1
        before = after
    assert told["failed"]


def _content(workspace: Workspace) -> str:
    with reader(workspace.published) as connection:
        return content_sha256(connection)
