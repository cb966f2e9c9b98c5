"""Vintages whose totals jump are loaded, kept from forecasts, and used once acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from models.records import TrainingRunRecord
from warehouse import guards
from warehouse.claims import read_claims
from warehouse.connection import set_known_at, writer
from warehouse.content import content_sha256
from warehouse.load import Artefact, load

Make = Callable[..., Artefact]
JAN, FEB, MAR, APR = (f"2024-0{month}-01" for month in (1, 2, 3, 4))


def _standing(connection: Connection) -> dict[str, float]:
    found = connection.execute(text("SELECT corpus_id, value FROM out_inventory")).all()
    connection.rollback()
    return {row.corpus_id: row.value for row in found}


def _states(connection: Connection) -> list[str]:
    rows = connection.execute(text("SELECT state FROM core_vintage_state ORDER BY known_at"))
    found = [str(row.state) for row in rows]
    connection.rollback()
    return found


def _acknowledge(connection: Connection, now: datetime) -> list[guards.Held]:
    return guards.acknowledge(connection, "lab", "A. Planner", "checked", now)


def test_a_fall_is_held_and_says_so(connection: Connection, artefact: Make, now: datetime) -> None:
    load(connection, "lab", [artefact(JAN, {"a": 100})], now)
    result = load(connection, "lab", [artefact(FEB, {"a": 89})], now)
    assert (result.status, result.held, result.added) == ("loaded", 1, 1)
    assert "held from forecasts: counts of 2024-02-01 (pages -11.0%)" in result.message
    assert "datawall sources ack lab --by NAME" in result.message
    assert _standing(connection) == {"a": 100}
    assert read_claims(connection)["inventory:a.pages.raw"].value == 100
    connection.rollback()
    # A rerun says it again.
    assert "held" in load(connection, "lab", [artefact(FEB, {"a": 89})], now).message


@pytest.mark.parametrize(("total", "state"), [(90, "accepted"), (150, "accepted"), (151, "held")])
def test_the_band_has_ends(
    total: int, state: str, connection: Connection, artefact: Make, now: datetime
) -> None:
    load(connection, "lab", [artefact(JAN, {"a": 100}), artefact(FEB, {"a": total})], now)
    assert _states(connection) == ["accepted", state]


def test_the_band_widens_beyond_a_year(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    # 1.5^2 = 2.25 over two years, 0.9^2 = 0.81.
    load(
        connection, "lab",
        [artefact(day, {"a": n}) for day, n in (
            ("2020-01-01", 100), ("2022-01-01", 224), ("2024-01-01", 180), ("2024-06-01", 271),
        )],
        now,
    )  # fmt: skip
    assert _states(connection) == ["accepted", "accepted", "held", "accepted"]


def test_a_fault_that_stays_is_held_until_it_ends(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    files = [artefact(d, {"a": n}) for d, n in ((JAN, 100), (FEB, 50), (MAR, 51), (APR, 103))]
    load(connection, "lab", files[:3], now)
    assert _states(connection) == ["accepted", "held", "held"]
    assert _standing(connection) == {"a": 100}
    load(connection, "lab", files[3:], now)
    assert _states(connection) == ["accepted", "held", "held", "accepted"]
    assert _standing(connection) == {"a": 103}


def test_acknowledged_once_it_is_used_and_is_the_next_reference(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    load(connection, "lab", [artefact(JAN, {"a": 100}), artefact(FEB, {"a": 50})], now)
    given = _acknowledge(connection, now)
    assert [(v.series, v.known_at, v.change) for v in given] == [("counts", date(2024, 2, 1), -0.5)]
    assert _acknowledge(connection, now) == []
    assert _standing(connection) == {"a": 50}
    load(connection, "lab", [artefact(MAR, {"a": 51})], now)
    assert _states(connection) == ["accepted", "acknowledged", "accepted"]
    asked = "SELECT acknowledged_by, note FROM out_vintages WHERE known_at = DATE '2024-02-01'"
    assert [tuple(row) for row in connection.execute(text(asked))] == [("A. Planner", "checked")]


def test_an_acknowledgement_counts_from_the_vintage_on(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    load(connection, "lab", [artefact(JAN, {"a": 100}), artefact(FEB, {"a": 50})], now)
    _acknowledge(connection, now)
    for day, value in ((date(2024, 1, 31), 100), (date(2024, 2, 1), 50)):
        set_known_at(connection, day)
        assert _standing(connection) == {"a": value}


def test_any_order_of_loads_and_words_gives_one_answer(
    fresh: Callable[[], Path], artefact: Make, now: datetime
) -> None:
    files = [artefact(d, {"a": n}) for d, n in ((JAN, 100), (FEB, 50), (MAR, 52))]
    seen: set[Any] = set()
    for order in permutations(files):
        with writer(fresh()) as connection:
            for file in order:
                load(connection, "lab", [file], now)
            held_before = content_sha256(connection), *_states(connection)
            connection.rollback()
            _acknowledge(connection, now)
            seen.add((held_before, content_sha256(connection), *_states(connection)))
    assert seen == {(
        (next(iter(seen))[1], "accepted", "held", "held"), next(iter(seen))[1],
        "accepted", "acknowledged", "acknowledged",
    )}  # fmt: skip


def test_a_band_of_its_own(connection: Connection, artefact: Make, now: datetime) -> None:
    load(connection, "lab", [artefact(JAN, {"a": 100}), artefact(FEB, {"a": 50})], now)
    assert guards.set_band(connection, "other", 0.9, 9.0, "A. Planner", "", now)
    assert _states(connection) == ["accepted", "held"]
    assert guards.set_band(connection, "lab", 0.5, 1.0, "A. Planner", "volatile", now)
    assert not guards.set_band(connection, "lab", 0.5, 1.0, "A. Planner", "volatile", now)
    assert _states(connection) == ["accepted", "accepted"]


def test_a_flow_is_summed_and_a_stock_is_not(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    files = [
        artefact(JAN, {("a", "new_urls"): 10, ("b", "new_urls"): 20, ("a", "pages"): 5}),
        artefact(FEB, {("a", "new_urls"): 10, ("a", "pages"): 5}),
    ]
    load(connection, "lab", files, now)
    asked = "SELECT metric, total, reference FROM out_vintages WHERE known_at = DATE '2024-02-01'"
    found = {row.metric: (row.total, row.reference) for row in connection.execute(text(asked))}
    assert found == {"new_urls": (10, 30), "pages": (5, 5)}


def test_a_list_of_models_that_loses_half_is_held(
    connection: Connection,
    artefact: Make,
    model: Callable[..., TrainingRunRecord],
    now: datetime,
) -> None:
    files = [
        artefact(JAN, {}, runs=tuple(model(name) for name in "ABCD")),
        artefact(FEB, {}, runs=tuple(model(name) for name in "AB")),
    ]
    load(connection, "lab", files, now)
    models = "SELECT count(*) FROM out_training_runs"
    assert connection.execute(text(models)).scalar_one() == 4
    connection.rollback()
    assert _acknowledge(connection, now)[0].metric == "models"
    assert connection.execute(text(models)).scalar_one() == 2


def test_a_held_vintage_shows_in_the_sources(
    connection: Connection, artefact: Make, now: datetime
) -> None:
    load(connection, "lab", [artefact(JAN, {"a": 100}), artefact(FEB, {"a": 50})], now)
    asked = text("SELECT state, last_change, change, changed FROM out_sources")
    held = ("held", date(2024, 2, 1), -0.5, "counts pages raw")
    assert tuple(connection.execute(asked).one()) == held
    connection.rollback()
    _acknowledge(connection, now)
    assert tuple(connection.execute(asked).one()) == ("acknowledged", *held[1:])


def test_totals_of_a_warehouse_made_before_guards(
    fresh: Callable[[], Path], artefact: Make, model: Callable[..., TrainingRunRecord],
    now: datetime,
) -> None:  # fmt: skip
    from warehouse.statements import script

    figures = {("a", "new_urls"): 10, ("b", "new_urls"): 20, ("a", "pages"): 5}
    with writer(fresh()) as connection:
        load(connection, "lab", [artefact(JAN, figures), artefact(FEB, figures)], now)
        load(connection, "lab", [artefact(MAR, {}, runs=(model("A"),))], now)
        asked = text("SELECT * FROM vintage_total ORDER BY ALL")
        loaded = connection.execute(asked).all()
        connection.execute(text("DELETE FROM vintage_total"))
        for statement in script("migrations", "0002_vintage_total").split(";\n"):
            if "INSERT INTO vintage_total" in statement:
                connection.exec_driver_sql(statement)
        assert connection.execute(asked).all() == loaded
    assert len(loaded) == 5


def _walked(totals: list[int], acknowledged: set[int]) -> list[str]:
    """The rule, one vintage after the other: each against the last one in force."""
    states, reference = [], totals[0]
    for place, total in enumerate(totals):
        inside = reference == 0 or 0.9 * reference <= total <= 1.5 * reference
        if place in acknowledged:
            states.append("acknowledged")
        elif place == 0 or inside:
            states.append("accepted")
        else:
            states.append("held")
            continue
        reference = total
    return states


@given(
    totals=st.lists(st.sampled_from([0, 100, 105, 60, 61, 200, 210]), min_size=1, max_size=9),
    acknowledged=st.sets(st.integers(0, 8)),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_states_are_those_of_the_rule_applied_one_by_one(
    totals: list[int], acknowledged: set[int], connection: Connection,
    plant: Callable[..., None],
) -> None:  # fmt: skip
    given_word = {place for place in acknowledged if place < len(totals)}
    with connection.begin() as transaction:
        for place, total in enumerate(totals):
            at = {"source": "x", "series": "s", "known_at": date(2024, 1, 1 + place)}
            plant(connection, "vintage", **at)
            plant(connection, "vintage_total", **at, total=total)
            if place in given_word:
                plant(connection, "acknowledgement", **at)
        rows = connection.execute(text("SELECT state FROM core_vintage_state ORDER BY known_at"))
        found = [str(row.state) for row in rows]
        transaction.rollback()
    assert found == _walked(totals, given_word)
