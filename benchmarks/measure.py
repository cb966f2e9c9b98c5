"""Measuring a corpus, against the bare tokenizer on the same documents in the same run.

The text is made up: words of Zipf's law from three vocabularies (languages), a known share of near
copies in groups of two to four. Size in MB: MEASURE_MB, default 200. Ratios of CPU seconds
hold on a busy machine; the scaling over two workers, of wall seconds, only on an idle one.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

NEAR_SHARE = 0.3


def _vocabulary(generator: np.random.Generator, letters: str, size: int) -> list[str]:
    lengths = generator.integers(2, 10, size)
    return ["".join(generator.choice(list(letters), n)) for n in lengths]


def _documents(generator: np.random.Generator, size: int) -> tuple[list[str], float]:
    """About `size` bytes of documents, and the share of them that are near copies."""
    alphabets = ("etaoinshrdlucmfwyp", "enisratdhulcgäöü", "оеаинтсрвлкмдпуя")
    words = [np.array(_vocabulary(generator, letters, 20_000)) for letters in alphabets]
    rank = 1 / np.arange(1, 20_001)
    weight = np.cumsum(rank / rank.sum())
    found: list[str] = []
    copies, made = 0, 0
    while made < size:
        vocabulary = words[generator.integers(3)]
        drawn = np.searchsorted(weight, generator.random(int(generator.integers(200, 900))))
        text = vocabulary[np.minimum(drawn, 19_999)]
        # Groups of one to four: the copies are a known share of all.
        group = 1
        while group < 4 and copies < NEAR_SHARE * (len(found) + group):
            copies, group = copies + 1, group + 1
        for _ in range(group):
            changed = text.copy()
            places = generator.integers(0, text.size, max(1, text.size // 200))
            changed[places] = vocabulary[generator.integers(0, 20_000, places.size)]
            found.append(" ".join(changed))
            made += len(found[-1].encode())
    order = generator.permutation(len(found))
    return [found[i] for i in order], copies / len(found)


def write_corpus(path: Path, megabytes: int, seed: int = 1) -> tuple[int, float]:
    """JSONL of about this size; returns bytes of text and the planted near-duplicate share."""
    generator = np.random.default_rng(seed)
    size, shares = 0, []
    with path.open("w", encoding="utf-8") as file:
        for _ in range(max(1, megabytes // 50)):
            documents, share = _documents(generator, min(megabytes, 50) * 10**6)
            shares.append((len(documents), share))
            for text in documents:
                size += len(text.encode())
                file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    total = sum(n for n, _ in shares)
    return size, sum(n * share for n, share in shares) / total


_BARE = """
import json, sys, time
import bpe_openai
from flows.measuring.tokens import counter
encode = bpe_openai.get_encoding("o200k_base").encode_ordinary
count = counter("o200k_base")
spent = {"encode": 0.0, "count": 0.0}
tokens = 0
batch = []
def work():
    for name, call in (("encode", lambda t: len(encode(t))), ("count", count)):
        start = time.process_time()
        for text in batch: call(text)
        spent[name] += time.process_time() - start
with open(sys.argv[1], "rb") as file:
    for line in file:
        batch.append(json.loads(line)["text"])
        if len(batch) == 1000: work(); batch = []
work()
print(json.dumps(spent))
"""


def _bare(path: Path) -> dict[str, float]:
    """CPU seconds of the bare tokenizer over each document: its public call, and the one we use."""
    done = subprocess.run(
        [sys.executable, "-c", _BARE, str(path)], check=True, capture_output=True, text=True
    )
    return {str(k): float(v) for k, v in json.loads(done.stdout).items()}


def _memory(pid: int) -> int:
    """Proportional memory of a process and its children, bytes; zero once it is gone."""
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
            total += next(int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:"))
            for task in Path(f"/proc/{each}/task").iterdir():
                waiting += [int(c) for c in (task / "children").read_text().split()]
        except (OSError, StopIteration):
            continue
    return total * 1024


def _ours(path: Path, workers: int) -> tuple[float, float, int, dict[str, float]]:
    """CPU and wall seconds, peak memory and results of the command itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "flows.cli", "measure", str(path), "--json"]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = {row["name"]: row["value"] for row in json.loads(output)["estimates"]}
    return cpu, wall, peak, found


def main() -> None:
    """Print ratios to the bare tokenizer, scaling, memory and the error of the planted share."""
    megabytes = int(os.environ.get("MEASURE_MB", "200"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.jsonl"
        size, truth = write_corpus(path, megabytes)
        bare = _bare(path)
        print(f"measure, {size / 1e6:.0f} MB of text; tokenizer's public call = 1, by CPU seconds")
        print(f"  bare encode_ordinary  {size / bare['encode'] / 1e6:6.1f} MB/s a core")
        speed = bare["encode"] / bare["count"]
        print(f"  bare count            × {speed:.2f}")
        walls = []
        for workers in (1, 2):
            cpu, wall, peak, found = _ours(path, workers)
            walls.append(wall)
            print(
                f"  measure, {workers} worker(s)  × {bare['encode'] / cpu:.2f} "
                f"(of bare count × {bare['count'] / cpu:.2f})   wall {wall:.1f} s   "
                f"peak {peak / 1e6:.0f} MB"
            )
            error = 100 * (found["near_duplicate_share"] - truth)
            print(f"    near-duplicate share: planted {truth:.4f}, off by {error:+.2f} points")
        print(f"  two workers: wall time × {walls[0] / walls[1]:.2f} faster")


if __name__ == "__main__":
    main()
