"""The chain of events: every kind of tampering is found and named; appends never fork it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from warehouse.errors import LedgerUnusable
from warehouse.ledger import chain, connection, intents, tables
from warehouse.ledger.connection import Ledger, locked, open_ledger, reading

Make = Callable[..., Any]


@pytest.fixture
def filled(ledger: Ledger, decided: Make, limits: Make, request_for: Make, now: datetime) -> Ledger:
    """Three decisions, approved; one launched."""
    with locked(ledger) as open_one:
        for n in (1, 2, 3):
            decided(open_one, n)
        intents.reserve(open_one, request_for(1), limits(), now)
        intents.claim(open_one, "launch0001", "ann", now)
    return ledger


def _problems(ledger: Ledger) -> tuple[str, ...]:
    with reading(ledger) as open_one:
        return chain.verify(open_one).problems


TAMPERINGS = {
    "an amount": (
        "UPDATE intent SET reserved_cents = 1",
        "intent launch0001: reserved_cents differs from what was recorded",
    ),
    "an approver": (
        "UPDATE approval SET approver = 'carl' WHERE decision_id = 'd2'",
        "approver differs from what was recorded",
    ),
    "an expiry": (
        "UPDATE approval SET expires_at = '2029-01-01 00:00:00+00:00' WHERE decision_id = 'd2'",
        "expires_at differs from what was recorded",
    ),
    "a verdict": (
        "UPDATE decision SET verdict = 'hold' WHERE decision_id = 'd3'",
        "decision d3: verdict differs from what was recorded",
    ),
    "a removed row": ("DELETE FROM intent", "intent launch0001: the row was removed"),
    "an added row": (
        "INSERT INTO decision SELECT 'd9', run, plan_sha256, forecast_id, verdict, requester, "
        "recorded_at, event FROM decision WHERE decision_id = 'd3'",
        "decision d9: no event recorded it",
    ),
    "an event's body": (
        "UPDATE event SET body = replace(body, 'bob', 'eve') WHERE seq = 4",
        "event 4 (approve of approval d2-1): its content was changed",
    ),
    "an event's actor": (
        "UPDATE event SET actor = 'eve' WHERE seq = 3",
        "event 3 (decide of decision d2): its content was changed",
    ),
    "an event's time": (
        "UPDATE event SET at = '2029-01-01 00:00:00+00:00' WHERE seq = 3",
        "event 3 (decide of decision d2): its content was changed",
    ),
    "a removed event": ("DELETE FROM event WHERE seq = 5", "event 5 is missing before it"),
    "the last event": ("DELETE FROM event WHERE seq = 8", "head: says 8 events"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_names_the_row(filled: Ledger, what: str) -> None:
    assert _problems(filled) == ()
    statement, said = TAMPERINGS[what]
    with locked(filled) as open_one:
        open_one.execute(text(statement))
    assert said in "\n".join(_problems(filled))


def test_a_row_put_back_is_no_problem(filled: Ledger) -> None:
    with locked(filled) as open_one:
        open_one.execute(text("UPDATE intent SET reserved_cents = reserved_cents + 1"))
        open_one.execute(text("UPDATE intent SET reserved_cents = reserved_cents - 1"))
    assert _problems(filled) == ()


_APPEND = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse.ledger.connection import locked, open_ledger
from warehouse.ledger import switch
ledger = open_ledger(Path("unused"), sys.argv[1])
sys.stdin.readline()
for n in range(25):
    with locked(ledger) as connection:
        switch.turn(connection, not (switch.state(connection) or {"paused": False})["paused"],
                    "", sys.argv[2], datetime.now(UTC))
"""


@pytest.mark.campaign
def test_processes_that_append_at_once_never_fork_the_chain(ledger_url: str) -> None:
    """The first of them also makes the tables, all at the same moment."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _APPEND, ledger_url, f"process {n}"],
            stdin=subprocess.PIPE, text=True,
        )
        for n in range(4)
    ]  # fmt: skip
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    assert [child.wait(120) for child in children] == [0] * 4
    ledger = open_ledger(Path("unused"), ledger_url)
    with reading(ledger) as open_one:
        verdict = chain.verify(open_one)
        actors = open_one.execute(text("SELECT actor, count(*) FROM event GROUP BY actor")).all()
    assert (verdict.events, verdict.problems) == (100, ())
    assert sorted(count for _, count in actors) == [25] * 4


def test_migrations_make_the_tables_that_the_code_declares(ledger: Ledger) -> None:
    def ours(entry: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or name != "alembic_version"

    with locked(ledger) as open_one:
        context = MigrationContext.configure(open_one, opts={"include_object": ours})
        assert compare_metadata(context, tables.metadata) == []


def test_downgrade_and_upgrade_again(ledger: Ledger) -> None:
    from alembic import command
    from alembic.config import Config

    with locked(ledger):
        pass
    engine = connection._engine(ledger)
    with engine.begin() as open_one:
        config = Config()
        config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
        config.attributes["connection"] = open_one
        command.downgrade(config, "base")
    with engine.begin() as open_one:
        assert not open_one.dialect.has_table(open_one, "intent")
    engine.dispose()
    with locked(ledger) as open_one:
        assert chain.verify(open_one).problems == ()


def test_revision_is_the_newest_file() -> None:
    files = (Path(tables.__file__).parent / "migrations" / "versions").glob("[0-9]*.py")
    assert max(file.name for file in files).startswith(connection.REVISION)


def test_a_newer_ledger_is_refused(ledger: Ledger) -> None:
    with locked(ledger) as open_one:
        open_one.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerUnusable, match="newer version"), reading(ledger):
        pass


def _fail(open_one: Connection, decided: Make) -> None:
    decided(open_one, 4)
    raise RuntimeError("on the way")


def test_a_block_that_fails_leaves_nothing(filled: Ledger, decided: Make) -> None:
    with pytest.raises(RuntimeError), locked(filled) as open_one:
        _fail(open_one, decided)
    with reading(filled) as open_one:
        assert chain.verify(open_one).events == 8


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root@127.0.0.1/x", "allowed: sqlite, postgresql"),
        ("nonsense", "is no database address"),
        ("postgresql://ann:secret@127.0.0.1:1/x", r"ann:\*\*\*@127.0.0.1:1"),
    ],
)
def test_an_address_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(LedgerUnusable, match=said) as caught:  # noqa: SIM117
        with reading(open_ledger(Path("unused"), url)):
            pass
    assert "secret" not in str(caught.value)
