"""What the ledger permits and refuses, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from warehouse.errors import NotFound, NotPermitted
from warehouse.ledger import approvals, chain, intents, switch, tables
from warehouse.ledger.connection import Ledger, locked, reading

Make = Callable[..., Any]


@pytest.fixture
def refused(ledger: Ledger, now: datetime, limits: Make, request_for: Make) -> Make:
    """Call it for the reason why a launch of decision d1 is refused; nothing is written."""

    def reason(
        moment: datetime = now, *, limited: dict[str, Any] | None = None, **wish: Any
    ) -> str:
        with reading(ledger) as connection:
            before = chain.verify(connection)
        with pytest.raises(NotPermitted) as caught, locked(ledger) as connection:
            intents.reserve(connection, request_for(1, **wish), limits(**limited or {}), moment)
        with reading(ledger) as connection:
            assert chain.verify(connection) == before
        return str(caught.value)

    return reason


@pytest.fixture
def reserve(ledger: Ledger, now: datetime, limits: Make, request_for: Make) -> Make:
    """Call it to reserve for decision dN."""

    def act(n: int = 1, moment: datetime = now, limited: Any = None, **wish: Any) -> chain.Row:
        with locked(ledger) as connection:
            return intents.reserve(
                connection, request_for(n, **wish), limits(**limited or {}), moment
            )

    return act


@pytest.fixture
def one(ledger: Ledger, decided: Make) -> None:
    """Decision d1, approved by bob."""
    with locked(ledger) as connection:
        decided(connection, 1)


@pytest.mark.usefixtures("one")
def test_a_launch_goes_through_its_states(ledger: Ledger, reserve: Make, now: datetime) -> None:
    row = reserve()
    assert (row["state"], row["month"], row["reserved_cents"]) == ("intended", "2027-01", 1_000)
    assert reserve() == row
    with locked(ledger) as connection:
        assert intents.claim(connection, row["launch_id"], "ann", now)
        assert not intents.claim(connection, row["launch_id"], "eve", now)
    with locked(ledger) as connection:
        assert intents.launched(connection, row["launch_id"], "job 7", "ann", now)
        assert intents.launched(connection, row["launch_id"], "job 8", "ann", now) is None
    with locked(ledger) as connection:
        intents.ended(connection, row["launch_id"], "succeeded", "", 250, "ann", now)
    with reading(ledger) as connection:
        found = intents.find(connection, "laun")
        assert (found["state"], found["external_id"], found["spent_cents"]) == (
            "succeeded", "job 7", 250,
        )  # fmt: skip
        assert intents.spent_cents(connection, month="2027-01") == 250
        assert chain.verify(connection).problems == ()
    assert reserve()["state"] == "succeeded"


def test_without_a_decision_or_approval(
    ledger: Ledger, refused: Make, decided: Make, now: datetime
) -> None:
    assert "is not the newest on r1" in refused()
    with locked(ledger) as connection:
        decided(connection, 1, approved=False)
    assert refused() == "nobody has approved decision d1; next: datawall approve d1 --by NAME"
    with locked(ledger) as connection:
        approvals.approve(connection, "d1", "m1", "ann", "bob", "bob", now, timedelta(hours=1))
    assert "expired at 2027-01-30 13:00 UTC" in refused(now + timedelta(hours=1))
    assert "changed since bob approved it" in refused(manifest_sha256="other")
    assert "Bob asked for this run and approved it" in refused(requester="Bob")


@pytest.mark.parametrize("name", ["ann", " Ann ", "ANN"])
def test_nobody_approves_their_own_run(ledger: Ledger, now: datetime, name: str) -> None:
    with pytest.raises(NotPermitted, match="asked for this run"), locked(ledger) as connection:
        approvals.approve(connection, "d1", "m1", "ann", name, "ann", now, timedelta(days=1))


@pytest.mark.usefixtures("one")
def test_the_database_itself_refuses_a_self_given_approval(ledger: Ledger, now: datetime) -> None:
    row = {"approval_id": "x", "decision_id": "d1", "manifest_sha256": "m", "requester": "ann",
           "approver": "ann", "typed_by": "ann", "approved_at": now, "expires_at": now,
           "event": 1}  # fmt: skip
    with pytest.raises(IntegrityError), locked(ledger) as connection:
        connection.execute(insert(tables.approval).values(row))


@pytest.mark.usefixtures("one")
def test_the_database_itself_refuses_a_second_live_intent(ledger: Ledger, reserve: Make) -> None:
    row = reserve()
    twin = row | {"launch_id": "twin", "attempt": 2}
    with pytest.raises(IntegrityError), locked(ledger) as connection:
        connection.execute(insert(tables.intent).values(twin))


@pytest.mark.usefixtures("one")
def test_paused(ledger: Ledger, refused: Make, reserve: Make, now: datetime) -> None:
    with locked(ledger) as connection:
        switch.turn(connection, True, "audit", "eve", now)
    assert "paused by eve since 2027-01-30 12:00 UTC (audit)" in refused()
    with locked(ledger) as connection:
        switch.turn(connection, False, "", "eve", now)
    row = reserve()
    with locked(ledger) as connection:
        switch.turn(connection, True, "now", "eve", now)
        assert not intents.claim(connection, row["launch_id"], "ann", now)
        stopped = intents.find(connection, row["launch_id"])
    assert (stopped["state"], stopped["spent_cents"]) == ("cancelled", 0)


@pytest.mark.usefixtures("one")
def test_budgets(
    ledger: Ledger, refused: Make, reserve: Make, decided: Make, now: datetime
) -> None:
    with locked(ledger) as connection:
        decided(connection, 2)
    reserve(2, cents=700)
    said = refused(limited={"month_cents": 1_600})
    assert "may cost 10.00 USD, and month 2027-01 has 9.00 USD left of 16.00 USD" in said
    assert "run r1 has 9.99 USD left" in refused(limited={"run_cents": 999})
    next_month = now + timedelta(days=2)
    assert reserve(1, next_month, {"month_cents": 1_600})["month"] == "2027-02"


@pytest.mark.parametrize(
    ("dollars", "up", "down"),
    [(1.1, 110, 110), (0.07, 7, 7), (0.29, 29, 29), (4.999, 500, 499), (1e-9, 1, 0), (0, 0, 0),
     (1e15, 10**17, 10**17)],
)  # fmt: skip
def test_cents_are_those_of_the_number_as_written(dollars: float, up: int, down: int) -> None:
    assert (intents.cents(dollars), intents.cents_below(dollars)) == (up, down)


@pytest.mark.usefixtures("one")
def test_what_never_started_gives_its_budget_back(
    ledger: Ledger, reserve: Make, now: datetime
) -> None:
    row = reserve()
    with locked(ledger) as connection:
        assert intents.spent_cents(connection, run="r1") == 1_000
        intents.never_started(connection, row["launch_id"], "failed", "gone", "ann", now)
        assert intents.spent_cents(connection, run="r1") == 0


@pytest.mark.usefixtures("one")
def test_another_attempt_is_asked_for_and_approved(
    ledger: Ledger, refused: Make, reserve: Make, now: datetime
) -> None:
    row = reserve()
    with locked(ledger) as connection:
        intents.never_started(connection, row["launch_id"], "failed", "gone", "ann", now)
    assert "attempt 1 at r1 ended failed: gone; to start another" in refused()
    assert "does not follow" in refused(attempt=3, launch_id="third")
    second = {"attempt": 2, "launch_id": "second", "manifest_sha256": "m1 again"}
    assert "changed since bob approved it" in refused(**second)
    with locked(ledger) as connection:
        approvals.approve(connection, "d1", "m1 again", "ann", "bob", "bob", now, timedelta(days=1))
    assert reserve(**second)["attempt"] == 2


@pytest.mark.usefixtures("one")
def test_hysteresis(ledger: Ledger, refused: Make, reserve: Make, decided: Make) -> None:
    """Two in a row: a hold between, or a plan that changed, starts the count again."""
    two = {"passes": 2}
    assert "needs 2 consecutive decisions" in refused(limited=two)
    with locked(ledger) as connection:
        decided(connection, 2, run="r1", plan_sha256="p1", verdict="hold")
        decided(connection, 3, run="r1", plan_sha256="p1")
    wish = {"decision_id": "d3", "manifest_sha256": "m3"}
    assert "has 1;" in refused(limited=two, **wish)
    assert "decision d1 is not the newest on r1" in refused(limited=two)
    with locked(ledger) as connection:
        decided(connection, 4, run="r1", plan_sha256="p1")
    wish = {"decision_id": "d4", "manifest_sha256": "m4"}
    assert "has 0;" in refused(limited=two, plan_sha256="changed", **wish)
    assert reserve(1, limited=two, **wish)["state"] == "intended"


@pytest.mark.usefixtures("one")
def test_deciding_again_from_the_same_inputs_counts_once(
    ledger: Ledger, refused: Make, decided: Make
) -> None:
    with locked(ledger) as connection:
        decided(connection, 1)
        decided(connection, 1)
    assert "has 1;" in refused(limited={"passes": 2})


@pytest.mark.usefixtures("one")
def test_back_pressure_and_cooldown(
    ledger: Ledger, refused: Make, reserve: Make, decided: Make, now: datetime
) -> None:
    with locked(ledger) as connection:
        decided(connection, 2, run="r1", plan_sha256="p1")
        decided(connection, 3)
    reserve(3)
    assert "1 launches are pending and the policy allows 1" in refused(
        limited={"max_pending": 1}, decision_id="d2", manifest_sha256="m2"
    )
    reserve(2, run="r1", plan_sha256="p1")
    with locked(ledger) as connection:
        decided(connection, 4, run="r1", plan_sha256="p1")
    wish = {"decision_id": "d4", "manifest_sha256": "m4"}
    cool = {"cooldown": timedelta(hours=2)}
    assert "cools down until 2027-01-30 14:00" in refused(limited=cool, **wish)
    assert reserve(1, now + timedelta(hours=2), cool, **wish)["state"] == "intended"


@pytest.mark.usefixtures("one")
def test_cancel_before_and_after_submitting(ledger: Ledger, reserve: Make, now: datetime) -> None:
    row = reserve()
    with locked(ledger) as connection:
        done = intents.ask_to_cancel(connection, row["launch_id"], "ann", now)
        assert (done["state"], done["spent_cents"]) == ("cancelled", 0)
        assert not intents.claim(connection, row["launch_id"], "ann", now)
    with pytest.raises(NotPermitted, match="has ended"), locked(ledger) as connection:
        intents.ask_to_cancel(connection, row["launch_id"], "ann", now)
    with pytest.raises(NotFound, match="is no launch"), reading(ledger) as connection:
        intents.find(connection, "nothing")


@pytest.mark.usefixtures("one")
def test_a_cancelled_launch_is_never_recorded_as_launched(
    ledger: Ledger, reserve: Make, now: datetime
) -> None:
    row = reserve()
    with locked(ledger) as connection:
        intents.claim(connection, row["launch_id"], "ann", now)
        assert intents.ask_to_cancel(connection, row["launch_id"], "eve", now)["state"] == (
            "cancelling"
        )
        assert intents.launched(connection, row["launch_id"], "job", "ann", now) is None
