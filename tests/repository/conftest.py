"""What documents are compared with: the repository's files, a real warehouse, real forecasts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from flows.steps.forecast import Knowledge, know
from flows.steps.prepare import prepare
from flows.workspace import Workspace
from forecasts import scenario as scenarios
from forecasts.forecast import run_forecast
from forecasts.results import Forecast

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def document() -> Callable[[str], str]:
    """Text of a document by its path from the root."""
    return lambda name: (ROOT / name).read_text("utf-8")


def _ignored_folders() -> set[str]:
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    return {line.rstrip("/") for line in lines if line.endswith("/")} | {".git"}


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """Every text file of the repository by path: git need not be there, so ignored folders are
    left out by .gitignore's own list."""
    ignored = _ignored_folders()
    found: dict[str, str] = {}
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in ignored]
        # In a linked working tree .git is a file, and no text of the repository.
        for name in set(names) - {".git"}:
            path = Path(folder, name)
            try:
                found[str(path.relative_to(ROOT))] = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue  # an image or archive
    return found


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the catalogue and nothing else."""
    place = Workspace(tmp_path_factory.mktemp("documented"))
    prepare(place)
    return place


@pytest.fixture(scope="session")
def published(workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the published warehouse, read without the project's own code around it.

    A copy, because DuckDB refuses one process two configurations of one file.
    """
    file = shutil.copy(workspace.published, workspace.root / "copy.duckdb")
    connection = duckdb.connect(str(file), read_only=True)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def as_of(document: Callable[[str], str]) -> date:
    """The date whose forecasts the documents quote."""
    found = re.search(r"Headline, as of (\d{4}-\d{2}-\d{2})", document("README.md"))
    assert found, "README states no headline date"
    return datetime.strptime(found[1], "%Y-%m-%d").replace(tzinfo=UTC).date()


@pytest.fixture(scope="session")
def knowledge(workspace: Workspace, as_of: date) -> Knowledge:
    """Claims and origins on that date."""
    return know(workspace, as_of)


@pytest.fixture(scope="session")
def results(knowledge: Knowledge) -> dict[str, Forecast]:
    """The forecasts of every scenario of the package, as documented."""
    return {
        name: run_forecast(
            scenarios.load(name),
            knowledge.claims,
            knowledge.origins,
            as_of=knowledge.as_of,
            code_version="documented",
            laws=knowledge.laws_of(scenarios.load(name)),
        )
        for name in scenarios.names()
    }
