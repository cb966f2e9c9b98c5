"""`datawall measure` end to end: formats, hostile files, samples, storing, use in a scenario."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard
from typer.testing import CliRunner, Result

from flows import cli, command
from flows.measuring import files, unpack
from flows.measuring.files import Part, find
from flows.measuring.measure import Measurer, Options
from flows.measuring.tokens import counter, pieces
from models.measure.measurement import Measurement

WET = Path(__file__).parents[2] / "data/wet"
TEXTS = [
    f"Document number {i} says that {'very ' * (i % 7)}much is {i * 7919}." for i in range(300)
]
Measure = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Measure:
    """Measure something in a fresh workspace with one process."""

    def invoke(*args: Any, workers: int = 1) -> Result:
        place = ["--workspace", str(tmp_path / "workspace"), "--workers", str(workers)]
        return CliRunner().invoke(cli.app, ["measure", *map(str, args), *place])

    return invoke


def _json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def _values(document: dict[str, Any]) -> dict[str, float]:
    return {row["name"]: row["value"] for row in document["estimates"]}


def _refused(result: Result, code: int, words: str) -> None:
    assert result.exit_code == code, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("datawall: ")]
    assert len(lines) == 1, result.stderr
    assert words in lines[0]


def _lines(key: str = "text") -> bytes:
    return b"".join(json.dumps({key: text}).encode() + b"\n" for text in TEXTS)


def _wet(texts: list[str]) -> bytes:
    records = [b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n"]
    for text in texts:
        body = text.encode()
        head = f"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {len(body)}\r\n\r\n"
        records.append(head.encode() + body + b"\r\n\r\n")
    return b"".join(records)


def _write(folder: Path, name: str) -> Path:
    path = folder / name
    plain = name.removesuffix(".gz").removesuffix(".zst")
    if plain.endswith(".parquet"):
        rows = [(text,) for text in TEXTS]
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t (text VARCHAR)")
            connection.executemany("INSERT INTO t VALUES (?)", rows)
            connection.execute(f"COPY t TO '{path}'")
        return path
    content = {"wet": _wet(TEXTS), "jsonl": _lines(), "txt": "\n".join(TEXTS).encode()}[
        plain.rpartition(".")[2]
    ]
    if name.endswith(".gz"):
        # A member each record, as crawls are packed.
        content = gzip.compress(content[:100]) + gzip.compress(content[100:])
    if name.endswith(".zst"):
        packer = zstandard.ZstdCompressor()
        content = packer.compress(content[:100]) + packer.compress(content[100:])
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "a.wet",
        "a.wet.gz",
        "a.jsonl",
        "a.jsonl.gz",
        "a.jsonl.zst",
        "a.txt",
        "a.txt.zst",
        "a.parquet",
    ],
)
def test_every_format_gives_the_same_documents(name: str, tmp_path: Path, run: Measure) -> None:
    document = _json(run(_write(tmp_path, name), "--split", "line", "--json"))
    values = _values(document)
    count = counter("o200k_base")
    assert values["documents"] == len(TEXTS)
    assert values["bytes"] == values["characters"] == sum(map(len, TEXTS))
    assert values["words"] == sum(len(text.split()) for text in TEXTS)
    assert values["tokens"] == sum(map(count, TEXTS))
    assert values["bytes_per_token"] == pytest.approx(values["bytes"] / values["tokens"])
    assert document["unreadable"] == []
    assert len(document["files"][0]["sha256"]) == 64


def test_real_wet_files(run: Measure) -> None:
    document = _json(run(WET, "--json"))
    assert _values(document)["documents"] == 3
    # Its records are shorter than their headers say, so that every second one is hidden.
    (problem,) = document["unreadable"]
    assert problem["documents"] == 3
    assert "2019-13" in problem["first"]
    assert {row["language"] for row in document["languages"]} >= {"ru", "zh"}


def test_parts_of_a_file_are_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.jsonl")
    (file,) = find([str(path)])
    measurer = Measurer(Options())
    whole = measurer.part(Part(file, 0, file.size), lambda _: None).measurement
    for step in (1, 50, 997, 4096):
        merged = Measurement()
        # Single bytes are many parts: some lines are enough.
        end = file.size if step > 1 else 400
        for at in range(0, end, step):
            merged.merge(
                measurer.part(Part(file, at, min(at + step, end)), lambda _: None).measurement
            )
        if step > 1:
            assert merged.estimates("x") == whole.estimates("x"), step
        else:
            assert merged.documents == path.read_bytes()[:399].count(b"\n") + 1


def test_two_workers_find_what_one_finds(
    tmp_path: Path, run: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 5000)
    path = _write(tmp_path, "a.jsonl")
    one, two = (run(path, "--json", workers=n) for n in (1, 2))
    assert _json(one) == _json(two)


def test_duplicates_are_found(tmp_path: Path, run: Measure) -> None:
    long = [" ".join(f"{word}{i}" for word in TEXTS[i].split() * 9) for i in range(60)]
    texts = long + long[:20] + [text + " end" for text in long[20:40]]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    values = _values(_json(run(tmp_path / "a.txt", "--split", "line", "--json")))
    assert values["exact_duplicate_share"] == pytest.approx(0.2)
    assert values["near_duplicate_share"] == pytest.approx(0.4, abs=0.02)


HOSTILE: dict[str, tuple[str, bytes]] = {
    "cut gzip": ("b.jsonl.gz", gzip.compress(os.urandom(10**5).hex().encode())[:-3000]),
    "no gzip": ("b.jsonl.gz", b"plain text\n"),
    "cut zstd": ("b.txt.zst", zstandard.compress(os.urandom(10**5).hex().encode())[:-3000]),
    "not UTF-8": ("b.txt", b"caf\xe9 and more"),
    "binary": ("b.txt", b"\x7fELF\0\0\0\1"),
    "empty": ("b.txt", b""),
    "not JSON": ("b.jsonl", b"[1, 2\n"),
    "nested JSON": ("b.jsonl", b"[" * 200_000 + b"\n"),
    "other key": ("b.jsonl", b'{"body": "x"}\n'),
    "number": ("b.jsonl", b'{"text": 5}\n'),
    "half a pair": ("b.jsonl", b'{"text": "\\ud800"}\n'),
    "no WARC": ("b.wet", b"something else\n"),
    "cut WARC": ("b.wet", _wet(TEXTS[:1])[:-20]),
    "no length": ("b.wet", b"WARC/1.0\r\nWARC-Type: conversion\r\n\r\nabc"),
    "no Parquet": ("b.parquet", b"PAR1 is what it says"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_be_read_is_counted(what: str, tmp_path: Path, run: Measure) -> None:
    name, content = HOSTILE[what]
    (tmp_path / name).write_bytes(content)
    _refused(run(tmp_path / name, "--json"), 3, "no document could be read")
    _write(tmp_path, "a.jsonl")
    document = _json(run(tmp_path / name, tmp_path / "a.jsonl", "--json"))
    assert _values(document)["documents"] == len(TEXTS)
    (problem,) = document["unreadable"]
    assert problem["documents"] == 1
    assert problem["first"].endswith(name)


def test_a_parquet_file_without_the_column_says_what_it_has(tmp_path: Path, run: Measure) -> None:
    _write(tmp_path, "a.parquet")
    # `filename` is a column that the database would make up.
    for name in ("body", "filename", "TEXT"):
        result = run(tmp_path / "a.parquet", "--column", name)
        _refused(result, 3, f"no Parquet column '{name}', only 'text'")
    (tmp_path / "a.parquet").rename(tmp_path / "a[1].parquet")
    _refused(run(tmp_path / "a[1].parquet"), 3, "Parquet under a name with *, ? or [ in it")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    _refused(run(tmp_path / "b.parquet"), 3, "no Parquet, or damaged")


def test_a_file_named_in_several_ways_is_one(
    tmp_path: Path, run: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path, "a.jsonl")
    (tmp_path / "link.jsonl").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    names = ("a.jsonl", "./a.jsonl", path, tmp_path, path.as_uri(), f"{tmp_path}//*.jsonl")
    document = _json(run(*names, "--json"))
    assert _values(document)["documents"] == len(TEXTS)
    assert len(document["files"]) == 1


def test_an_empty_place_is_refused(tmp_path: Path, run: Measure) -> None:
    _refused(run(""), 2, "a path is empty")
    (tmp_path / "a.jsonl").write_bytes(b"\n")
    _refused(run(tmp_path / "a.jsonl"), 3, "no document could be read in 1 file(s): they hold none")


def _packed_lines(ending: str) -> tuple[bytes, int]:
    """Three thousand lines, packed in members of a hundred, and how many."""
    lines = [f"{i} {os.urandom(40).hex()}\n".encode() for i in range(3000)]
    members = [b"".join(lines[at : at + 100]) for at in range(0, 3000, 100)]
    checked = zstandard.ZstdCompressor(write_checksum=True).compress
    pack = gzip.compress if ending == "gz" else checked
    return b"".join(map(pack, members)), len(lines)


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize("harm", ["cut", "damaged"])
def test_what_stands_before_damage_is_measured(
    harm: str, ending: str, tmp_path: Path, run: Measure
) -> None:
    content, lines = _packed_lines(ending)
    at = len(content) * 9 // 10
    left = content[:at] if harm == "cut" else content[:at] + b"\xff" * 500 + content[at + 500 :]
    (tmp_path / f"a.txt.{ending}").write_bytes(left)
    document = _json(run(tmp_path / f"a.txt.{ending}", "--split", "line", "--json"))
    # At most the member that is damaged is lost before it, and all behind it.
    assert 0.85 * lines < _values(document)["documents"] <= 0.9 * lines + 10
    reasons = {row["reason"]: row["documents"] for row in document["unreadable"]}
    assert reasons["damaged or cut off while packed"] == 1


def test_members_with_padding_between_them_are_one_file(tmp_path: Path, run: Measure) -> None:
    content = gzip.compress(b"one\ntwo\n") + b"\0" * 5000 + gzip.compress(b"three\n") + b"\0" * 9
    (tmp_path / "a.txt.gz").write_bytes(content)
    document = _json(run(tmp_path / "a.txt.gz", "--split", "line", "--json"))
    assert (_values(document)["documents"], document["unreadable"]) == (3, [])


def test_a_bomb_is_defused(tmp_path: Path, run: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 2**20)
    for name, packed in (
        ("a.txt.gz", gzip.compress(b"a" * 2**24)),
        ("a.txt.zst", zstandard.compress(b"a" * 2**24)),
    ):
        (tmp_path / name).write_bytes(packed)
        _refused(run(tmp_path / name), 3, "unpacks to more than 200 times its size")


def test_a_line_without_end_is_skipped(
    tmp_path: Path, run: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.measuring import readers

    monkeypatch.setattr(readers, "MAX_DOCUMENT", 1000)
    (tmp_path / "a.txt").write_text("one\n" + "x" * 5000 + "\ntwo\n")
    document = _json(run(tmp_path / "a.txt", "--split", "line", "--json"))
    assert _values(document)["documents"] == 2
    assert document["unreadable"][0]["reason"].startswith("longer than")


def test_a_long_document_is_tokenized_in_pieces() -> None:
    text = "word and another " * 80_000
    assert "".join(pieces(text)) == text
    assert max(map(len, pieces(text))) <= 500_000
    assert counter("o200k_base")(text) == pytest.approx(3 * 80_000, rel=1e-4)


def test_a_sample_has_intervals_that_hold_the_truth(tmp_path: Path, run: Measure) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"{t} {i}" for i in range(9) for t in TEXTS))
    whole = _values(_json(run(tmp_path / "a.txt", "--split", "line", "--json")))
    part = _json(run(tmp_path / "a.txt", "--split", "line", "--sample", "0.2", "--json"))
    assert part["sample_share"] == 0.2
    rows = {row["name"]: row for row in part["estimates"]}
    for name in ("tokens", "bytes_per_token", "words_per_token"):
        row = rows[name]
        # Two half-widths: one draw of a 90 % interval may well miss.
        half = (row["high"] - row["low"]) / 2
        assert abs(row["value"] - whole[name]) < 2 * half, name
        assert row["low"] < row["value"] < row["high"]
        assert row["ci_prob"] == 0.9
    for name in ("documents", "bytes", "words", "near_duplicate_share"):
        assert rows[name]["value"] == whole[name]
    _refused(run(tmp_path / "a.txt", "--sample", "0.000001"), 2, "raise --sample")


@pytest.mark.campaign
def test_intervals_widen_as_the_sample_shrinks(tmp_path: Path, run: Measure) -> None:
    (tmp_path / "a.txt").write_text("\n".join(f"{t} {i}" for i in range(9) for t in TEXTS))
    widths = []
    for share in ("1", "0.8", "0.3", "0.05"):
        document = _json(run(tmp_path / "a.txt", "--split", "line", "--sample", share, "--json"))
        row = next(row for row in document["estimates"] if row["name"] == "tokens")
        # A complete count has no interval.
        assert (row["low"] is None) == (share == "1")
        widths.append(0.0 if share == "1" else row["high"] - row["low"])
    assert widths == sorted(widths)
    assert widths[1] < widths[2] < widths[3]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["nowhere.jsonl"], 3, "does not exist"),
        ([__file__], 2, "no ending that tells its format"),
        (["memory://a.txt"], 2, "allowed, one at a time"),
        (["https://a.example::file:///etc/passwd"], 2, "allowed, one at a time"),
        ([str(WET), "--sample", "0"], 2, "--sample is 0"),
        ([str(WET), "--domain", "space"], 2, "domain 'space' is unknown"),
        ([str(WET), "--tokenizer", "gpt9"], 2, "allowed: o200k_base"),
        ([str(WET), "--split", "page"], 2, "allowed: file, line"),
        ([str(WET), "--corpus", "My Corpus"], 2, "use small letters"),
        ([str(WET), "--corpus", "wikipedia-en", "--store"], 2, "already stated by catalogue"),
    ],
)
def test_wrong_use_is_one_sentence(
    args: list[str], code: int, words: str, run: Measure, tmp_path: Path
) -> None:
    _refused(run(*args), code, words)


def test_a_url_is_read_through_fsspec(tmp_path: Path, run: Measure) -> None:
    path = _write(tmp_path, "a.jsonl.gz")
    document = _json(run(f"file://{path}", "--json"))
    assert _values(document)["documents"] == len(TEXTS)
    assert document["files"][0]["sha256"]


def test_a_stored_corpus_serves_a_scenario(
    with_catalogue: Callable[[Path], object], tmp_path: Path, run: Measure
) -> None:
    with_catalogue(tmp_path / "workspace")
    path, place = _write(tmp_path, "a.jsonl"), ["--workspace", str(tmp_path / "workspace")]
    args = (path, "--corpus", "my-corpus", "--domain", "web", "--store", "--sample", "0.5")
    assert _json(run(*args, "--json"))["stored"] == "loaded"
    assert _json(run(*args, "--json"))["stored"] == "unchanged"
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "why: the corpus measured here takes the place of the indexed web\n"
        "worlds: 1000\n"
        "supply:\n"
        "  web:\n"
        "    count: inventory:my-corpus.bytes.raw\n"
        "    conversion: [{per: 'measured:my-corpus.bytes_per_token'}]\n"
        "    growth: []\n"
        "    usable_fraction: null\n"
        "    usable_base: deduplicated_text\n"
        "    overlap: measured:my-corpus.near_duplicate_share\n"
    )
    done = CliRunner().invoke(cli.app, ["forecast", "--scenario", str(scenario), "--json", *place])
    forecast = _json(done)
    used = {row["name"]: row for row in forecast["inputs"]}
    claim = used["measured:my-corpus.bytes_per_token"]
    assert (claim["status"], claim["publisher"]) == ("measured", "measured here")
    assert claim["low"] < claim["drawn_p50"] < claim["high"]
    web = next(r for r in forecast["supply"] if (r["domain"], r["stage"]) == ("web", "raw"))
    size = sum(map(len, TEXTS))
    assert web["p50"] == pytest.approx(size / claim["value"], rel=0.01)


def test_another_result_on_one_day_is_refused(tmp_path: Path, run: Measure) -> None:
    path = _write(tmp_path, "a.jsonl")
    args = ("--corpus", "my-corpus", "--store")
    _json(run(path, *args, "--json"))
    path.write_bytes(_lines()[:-30])
    _refused(run(path, *args), 3, "another --corpus name")


@pytest.mark.campaign
def test_ctrl_c_stops_all_workers_and_stores_nothing(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(_lines() * 2500)
    place = tmp_path / "workspace"
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "measure", str(path), "--corpus", "my-corpus",
         "--store", "--workers", "2", "--workspace", str(place)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not list a process's children")
    deadline = time.monotonic() + 60
    # Two workers and Python's own tracker of shared memory.
    while len(workers := children.read_text().split()) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in stderr
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    done = CliRunner().invoke(
        cli.app, ["sql", "SELECT count(*) AS n FROM out_corpora WHERE source = 'measured'",
                  "--json", "--workspace", str(place)],
    )  # fmt: skip
    assert json.loads(done.stdout) == [{"n": 0}]


def test_stored_corpora_are_a_source_that_can_be_held(
    with_catalogue: Callable[[Path], object],
    tmp_path: Path,
    run: Measure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_catalogue(tmp_path / "workspace")
    place = ["--workspace", str(tmp_path / "workspace")]

    def ask(*args: str) -> dict[str, Any]:
        return _json(CliRunner().invoke(cli.app, [*args, "--json", *place]))

    def listed() -> dict[str, Any]:
        rows = ask("sources")["sources"]
        return {row["source"]: row for row in rows}

    path = _write(tmp_path, "a.jsonl")
    args = ("--corpus", "my-corpus", "--store", "--json")
    first = datetime(2026, 11, 22, 12, tzinfo=UTC)
    monkeypatch.setattr(command, "now", lambda: first)
    _json(run(path, "--corpus", "my-corpus", "--json"))
    assert "measured" not in listed()
    _json(run(path, *args))
    row = listed()["measured"]
    assert (row["last_vintage"], row["age_days"], row["state"]) == ("2026-11-22", 0, "accepted")
    assert (row["publisher"], row["status"], row["rows"] > 0) == ("measured here", "loaded", True)
    monkeypatch.setattr(command, "now", lambda: first + timedelta(days=200))
    path.write_bytes(_lines() * 5)
    again = run(path, *args)
    assert "datawall sources ack measured" in again.stderr
    assert listed()["measured"]["state"] == "held"
    held = ask("sources", "ack", "measured", "--by", "A. Planner")["acknowledged"]
    assert [vintage["series"] for vintage in held] == ["my-corpus"]
    assert listed()["measured"]["state"] == "acknowledged"
