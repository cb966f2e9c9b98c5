"""Ledgers of both kinds, with one decision that may be launched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from warehouse.ledger import approvals, intents
from warehouse.ledger.connection import Ledger, locked, open_ledger

NOW = datetime(2027, 1, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def template(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_copy: Callable[..., AbstractContextManager[str]],
) -> Iterator[str]:
    """Address of a ledger with tables and no rows, of each kind in turn."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('template') / 'ledger.sqlite'}"
        else:
            url = stack.enter_context(postgres_copy())
        with locked(open_ledger(Path("unused"), url)):
            pass
        yield url


@pytest.fixture
def ledger(
    template: str, tmp_path: Path, postgres_copy: Callable[..., AbstractContextManager[str]]
) -> Iterator[Ledger]:
    """A ledger of this test's own: a copy, for making the tables takes as long as ten tests."""
    with ExitStack() as stack:
        if template.startswith("sqlite"):
            file = template.removeprefix("sqlite:///")
            url = f"sqlite:///{shutil.copy(file, tmp_path / 'ledger.sqlite')}"
        else:
            url = stack.enter_context(postgres_copy(template))
        yield open_ledger(Path("unused"), url)


@pytest.fixture(scope="session")
def limits() -> Callable[..., intents.Limits]:
    """Call it for generous limits, some of them given."""

    def make(**given: Any) -> intents.Limits:
        plain: dict[str, Any] = {
            "run_cents": 100_000, "month_cents": 100_000, "max_pending": 100,
            "cooldown": timedelta(0), "passes": 1, "needs_approval": True,
        }  # fmt: skip
        return intents.Limits(**plain | given)

    return make


@pytest.fixture(scope="session")
def request_for() -> Callable[..., intents.Request]:
    """Call it for a request to launch decision dN of run rN."""

    def make(n: int, cents: int = 1_000, **given: Any) -> intents.Request:
        plain: dict[str, Any] = {
            "launch_id": f"launch{n:04d}", "decision_id": f"d{n}", "run": f"r{n}",
            "plan_sha256": f"p{n}", "attempt": 1, "launcher": "local",
            "manifest_sha256": f"m{n}", "manifest": "{}", "requester": "ann",
            "reserve_cents": cents,
        }  # fmt: skip
        return intents.Request(**plain | given)

    return make


@pytest.fixture(scope="session")
def decided() -> Callable[..., None]:
    """Call it to record decision dN on run rN, and its approval by bob."""

    def make(connection: Connection, n: int, *, approved: bool = True, **given: Any) -> None:
        plain = {"decision_id": f"d{n}", "run": f"r{n}", "plan_sha256": f"p{n}",
                 "forecast_id": "f", "verdict": "launch", "requester": "ann"}  # fmt: skip
        approvals.record_decisions(connection, [plain | given], "ann", NOW)
        if approved:
            approvals.approve(
                connection, f"d{n}", f"m{n}", "ann", "bob", "bob", NOW, timedelta(days=7)
            )

    return make
