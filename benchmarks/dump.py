"""Streaming a dump: an invented Open Library one through `datawall ingest`, against gzip alone.

Each in a process of its own, on the same machine, one after the other: the peer unpacks the same
file and throws it away; the command also keeps the bytes, reads each record, counts and commits.
BENCH_DUMP_MB sets the size of the text, which lies packed (default 3,000).
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MEGABYTES = int(os.environ.get("BENCH_DUMP_MB", "3000"))
MOST_BYTES = 500_000_000
NAME = "ol_dump_editions_2026-01-31.txt.gz"
# Packed once and repeated: a gzip file may have any number of members.
_BLOCK = 50_000
_UNPACK = """
import gzip, sys
with gzip.open(sys.argv[1]) as file:
    while file.read(1 << 20): pass
"""


def _block() -> bytes:
    """Records of editions with titles and subjects of invented words, one in 50 a redirect."""
    chance = random.Random(1)  # noqa: S311
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(3, 11))) for _ in range(5000)]
    rows = []
    for number in range(_BLOCK):
        kind = "redirect" if number % 50 == 0 else "edition"
        record = {
            "title": " ".join(chance.choices(words, k=6)),
            "subjects": [" ".join(chance.choices(words, k=3)) for _ in range(20)],
        }
        key = f"/books/OL{number}M"
        rows.append(f"/type/{kind}\t{key}\t1\t2024-01-02T03:04:05\t{json.dumps(record)}\n")
    return "".join(rows).encode()


def _write(path: Path) -> tuple[int, int]:
    """A dump of about MEGABYTES; its bytes unpacked and its editions."""
    block = _block()
    packed, times = gzip.compress(block, 1), max(1, round(MEGABYTES * 1e6 / len(block)))
    with path.open("wb") as file:
        for _ in range(times):
            file.write(packed)
    return times * len(block), times * _BLOCK * 49 // 50


@dataclass(frozen=True)
class _Spent:
    wall_s: float
    cpu_s: float
    peak_bytes: int
    output: str


def _run(*args: str) -> _Spent:
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, *args], stdout=said, stderr=subprocess.DEVNULL, text=True
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read()
    if process.returncode:
        raise RuntimeError(f"{args[:3]} ended with {process.returncode}: {output[-500:]}")
    wall = time.perf_counter() - start
    return _Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)


def main() -> None:
    """Print memory against its limit, and speed against unpacking alone."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        size, editions = _write(folder / NAME)
        packed = (folder / NAME).stat().st_size
        bare = _run("-c", _UNPACK, str(folder / NAME))
        place = ("--workspace", str(folder / "w"), "--json")
        base = _run("-m", "flows.cli", "ingest", "--offline", *place)
        full = _run("-m", "flows.cli", "ingest", "open_library", "--from", temporary, *place)
        asked = "SELECT value FROM out_inventory WHERE source = 'open_library'"
        (row,) = json.loads(_run("-m", "flows.cli", "sql", asked, *place).output)
    if row["value"] != editions:
        raise RuntimeError(f"{row['value']} editions were counted of {editions}")
    fits = "ok" if full.peak_bytes <= MOST_BYTES else "too much"
    print(f"dump: {size / 1e9:.2f} GB of Open Library, {packed / 1e9:.2f} GB packed, streamed")
    print(f"  peak memory {full.peak_bytes / 1e6:.0f} MB, at most 500: {fits}")
    print(f"  peak memory ÷ that of loading the catalogue alone {_over(full, base):.2f}")
    print(f"  speed ÷ unpacking alone {bare.cpu_s / full.cpu_s:.2f} by CPU seconds, "
          f"{bare.wall_s / full.wall_s:.2f} by wall seconds")  # fmt: skip
    print(f"  {editions:,} editions, {size / full.wall_s / 1e6:.0f} MB/s of text")


def _over(one: _Spent, other: _Spent) -> float:
    return one.peak_bytes / other.peak_bytes


if __name__ == "__main__":
    main()
