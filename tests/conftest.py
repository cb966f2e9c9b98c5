"""What several test folders share: the catalogue as known on one day, and scenario files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge
    from forecasts.scenario import Scenario

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
