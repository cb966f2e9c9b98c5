"""Small warehouses and small vintages of an invented source, `lab`."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.records import CorpusRecord, InventoryRecord, Parsed, RejectedRow, TrainingRunRecord
from warehouse.connection import writer
from warehouse.insert import insert_rows
from warehouse.load import Artefact, file_origin
from warehouse.migrate import migrate

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
SAMPLES: dict[str, Any] = {
    "VARCHAR": "word",
    "BIGINT": 7,
    "DOUBLE": 0.25,
    "DOUBLE[]": [0.25, 0.75],
    "DATE": date(2024, 5, 6),
    "TIMESTAMP WITH TIME ZONE": NOW,
    "BOOLEAN": False,
    "JSON": "[]",
}


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "warehouse.duckdb"
    with writer(path) as connection:
        migrate(connection)
    return path


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Callable[[], Path]:
    """Call it for another empty warehouse of this version."""
    numbers = count()

    def make() -> Path:
        return shutil.copy(template, tmp_path / f"warehouse{next(numbers)}.duckdb")

    return make


@pytest.fixture
def connection(fresh: Callable[[], Path]) -> Iterator[Connection]:
    with writer(fresh()) as opened:
        yield opened


@pytest.fixture(scope="session")
def artefact() -> Callable[..., Artefact]:
    """Call it for one vintage of `lab`: figures by corpus, and by (corpus, metric) if several."""

    def make(
        vintage: str,
        figures: Mapping[Any, float],
        *,
        series: str = "counts",
        runs: tuple[TrainingRunRecord, ...] = (),
        rejected: tuple[RejectedRow, ...] = (),
        unit: str = "pages",
        interval: float = 0.0,
    ) -> Artefact:
        placed = {
            key if isinstance(key, tuple) else (key, "pages"): n for key, n in figures.items()
        }
        corpora = {name: CorpusRecord(name, name, "web", "open", "human") for name, _ in placed}
        inventory = tuple(
            InventoryRecord(
                corpus_id=name, metric=metric, stage="raw", valid_on=date(2020, 1, 1), value=value,
                unit=unit, low=value - interval if interval else None,
                high=value + interval if interval else None, ci_prob=0.9 if interval else None,
            )
            for (name, metric), value in placed.items()
        )  # fmt: skip
        day = date.fromisoformat(vintage)
        parsed = Parsed(series, day, tuple(corpora.values()), inventory, runs, rejected)
        content = repr((series, figures, runs, rejected, unit, interval)).encode()
        digest = hashlib.sha256(content).hexdigest()
        origin = file_origin(
            "lab", "The Lab", "https://lab.example", "CC0", parsed, digest, len(content)
        )
        return Artefact(parsed, origin, Path("aa") / hashlib.sha256(content).hexdigest())

    return make


@pytest.fixture(scope="session")
def model() -> Callable[..., TrainingRunRecord]:
    """Call it for one past training run."""

    def make(name: str, compute_flop: float = 1e24, base_model: str = "") -> TrainingRunRecord:
        return TrainingRunRecord(
            name, date(2023, 1, 1), "Org", "Language", 1e9, 2e10, compute_flop, None, "", "", "",
            base_model,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def sample_row() -> Callable[..., dict[str, Any]]:
    """Call it for a row with a value in every column of a table, some of them given."""

    def make(connection: Connection, table: str, **given: Any) -> dict[str, Any]:
        asked = connection.exec_driver_sql(
            f"SELECT name, type FROM pragma_table_info('{table}')"  # noqa: S608
        )
        return {name: SAMPLES[kind] for name, kind in asked} | given

    return make


@pytest.fixture(scope="session")
def plant(sample_row: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Call it to put a row into a table past every check."""

    def put(connection: Connection, table: str, **given: Any) -> None:
        insert_rows(connection, table, [sample_row(connection, table, **given)])

    return put


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., list[tuple[Any, ...]]]:
    """Call it for the sorted rows of a query; it leaves no transaction open."""

    def ask(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
        found = [tuple(row) for row in connection.execute(text(sql))]
        connection.rollback()
        return sorted(found, key=repr)

    return ask
