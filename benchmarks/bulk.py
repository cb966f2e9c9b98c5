"""Bulk loading: figures of a Parquet file, against DuckDB's own COPY of the same file.

Both in processes of their own, on the same machine, one after the other; the load reads, judges,
checks, adds up and commits, the copy only inserts. Publishing (the readers' copy) is timed apart.
BENCH_BULK_ROWS sets the number of rows (default 5,000,000).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = int(os.environ.get("BENCH_BULK_ROWS", "5000000"))
REPEATS = 3
LEAST_RATIO = 0.5
MOST_BYTES = 1_000_000_000


def make(file: Path) -> None:
    """Figures of 50,000 invented corpora on a hundred days."""
    import duckdb

    with duckdb.connect() as database:
        database.execute("SET preserve_insertion_order = false")
        database.execute(
            f"""
            COPY (
                SELECT
                    'corpus-' || (i % 50000) AS corpus_id, 'web' AS "domain", 'tokens' AS metric,
                    'raw' AS stage, DATE '2020-01-01' + CAST(i // 50000 AS INTEGER) AS valid_on,
                    CAST(hash(i) % 1000000000 AS DOUBLE) AS value, 'tokens' AS unit,
                    'estimate' AS status, 'generated' AS basis
                FROM range({ROWS}) AS t(i)
            ) TO '{file}' (FORMAT parquet)
            """  # noqa: S608
        )


def copy(file: Path, folder: Path) -> None:
    """DuckDB's own COPY of the file into a table of its columns, committed and on disk."""
    import duckdb

    with duckdb.connect(folder / "copy.duckdb") as database:
        database.execute(f"CREATE TABLE figures AS FROM read_parquet('{file}') LIMIT 0")
        start, cpu = time.perf_counter(), time.process_time()
        database.execute(f"COPY figures FROM '{file}' (FORMAT parquet)")
        database.execute("CHECKPOINT")
        _say(seconds=time.perf_counter() - start, cpu=time.process_time() - cpu)


def load(file: Path, folder: Path) -> None:
    """The load as `datawall ingest` does it, from the file to the committed vintage."""
    from datetime import UTC, datetime

    from flows.connectors import own_inventory
    from flows.connectors.files import read_file
    from warehouse import catalogue, snapshots
    from warehouse.connection import writer
    from warehouse.load import Artefact, file_origin
    from warehouse.load import load as merge
    from warehouse.migrate import migrate
    from warehouse.publish import publish

    with writer(folder / "warehouse.duckdb") as connection:
        migrate(connection)
        catalogue.load(connection)
        start, cpu = time.perf_counter(), time.process_time()
        content = read_file(file)
        _, relative = snapshots.keep(folder / "snapshots", content)
        parsed = own_inventory.parse(file.name, content, None)
        origin = file_origin(
            "own_inventory",
            "bench",
            "bench",
            "none",
            parsed,
            snapshots.sha256(content),
            len(content),
        )
        del content
        artefact = Artefact(parsed, origin, relative, folder / "snapshots" / relative)
        result = merge(connection, "own_inventory", [artefact], datetime.now(UTC))
        connection.exec_driver_sql("CHECKPOINT")
        loaded, cpu = time.perf_counter(), time.process_time() - cpu
        publish(connection, folder / "published.duckdb")
        published = time.perf_counter() - loaded
        _say(seconds=loaded - start, cpu=cpu, publish=published, rows=result.rows)


def _say(**numbers: float) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    numbers["bytes"] = usage.ru_maxrss * 1024
    print("\n" + json.dumps(numbers))


def _alone(part: Callable[..., None], *paths: Path) -> dict[str, Any]:
    """Run a part in a process of its own, for its own time and memory."""
    code = f"from pathlib import Path; from benchmarks import bulk; bulk.{part.__name__}("
    code += ", ".join(f"Path({str(path)!r})" for path in paths) + ")"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return dict(json.loads(said[-1])) if said else {}


def main() -> None:
    """Print the ratio of speeds and the memory of the load."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = folder / "own_inventory.2026-01-01.parquet"
        _alone(make, file)
        runs = []
        for number in range(REPEATS):
            place = folder / str(number)
            place.mkdir()
            runs.append((_alone(copy, file, place), _alone(load, file, place)))
            shutil.rmtree(place)
    copied, loaded = ({key: min(r[i][key] for r in runs) for key in runs[0][i]} for i in (0, 1))
    ratio = copied["seconds"] / loaded["seconds"]
    verdict = "ok" if ratio >= LEAST_RATIO else "too slow"
    print(f"bulk: {loaded['rows']:,} figures from Parquet, best of {REPEATS}")
    print(f"  load {loaded['seconds']:.2f} s, COPY {copied['seconds']:.2f} s")
    print(f"  speed of load ÷ COPY {ratio:.2f}, at least {LEAST_RATIO}: {verdict}")
    print(f"  the same in CPU seconds {copied['cpu'] / loaded['cpu']:.2f}")
    print(f"  publishing ÷ COPY {loaded['publish'] / copied['seconds']:.2f} (not part of the load)")
    memory = loaded["bytes"]
    fits = "ok" if memory <= MOST_BYTES else "too much"
    print(f"  peak memory of load and publishing {memory / 1e9:.2f} GB, at most 1: {fits}")


if __name__ == "__main__":
    main()
