"""What several test folders share: the catalogue as known on one day, and scenario files."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge
    from forecasts.scenario import Scenario

# A busy machine makes no test fail: what is slow shows in benchmarks.
hypothesis.settings.register_profile("datawall", deadline=None)
hypothesis.settings.load_profile("datawall")

# The catalogue's judgements date from this day, so every claim is known on it.
AS_OF = date(2026, 11, 21)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden/*.json from this run"
    )


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Claims and origins of the catalogue as known on AS_OF."""
    from flows.steps.forecast import know
    from flows.workspace import Workspace

    return know(Workspace(tmp_path_factory.mktemp("catalogue")), AS_OF)


@pytest.fixture
def write_scenario(tmp_path: Path) -> Callable[[str], Path]:
    """Write a scenario file of differences, with a why, and return its path."""

    def write(differences: str) -> Path:
        path = tmp_path / "changed.yaml"
        path.write_text(f"why: it is written by a test\n{differences}", "utf-8")
        return path

    return write


@pytest.fixture
def make_scenario(write_scenario: Callable[[str], Path]) -> Callable[[str], Scenario]:
    """Load a scenario given by its differences from the base."""
    from forecasts.scenario import load

    return lambda differences: load(str(write_scenario(differences)))


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Address of a PostgreSQL database made for this test and dropped after it."""
    psycopg = pytest.importorskip("psycopg")
    name = f"datawall_test_{uuid.uuid4().hex[:12]}"
    for user in ("root", "postgres"):
        try:
            administrator = psycopg.connect(
                f"host=127.0.0.1 user={user} dbname=postgres connect_timeout=3", autocommit=True
            )
            break
        except psycopg.OperationalError:
            continue
    else:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432 that trusts root or postgres")
    with administrator:
        administrator.execute(f"CREATE DATABASE {name}")
        try:
            yield f"postgresql://{user}@127.0.0.1:5432/{name}"
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty ledger database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))
