"""Gates before a start: each one passing, failing, and on its edge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from forecasts.gates import Facts, start_gates
from forecasts.plan import PlannedRun
from forecasts.policy import Policy
from forecasts.results import GateRow, InputRow, SourceRow

TODAY = date(2027, 1, 30)
DAY = timedelta(days=1)
PLAN: dict[str, Any] = {
    "run": "big", "needed_on": "2027-07-01", "params": 1e9, "tokens": 2e10,
    "mixture": {"web": 0.9, "synthetic": 0.1}, "budget_usd": 500, "evaluation": "held-out loss",
    "corpora": [
        {"corpus": "w", "domain": "web", "licence": "contract", "valid_until": "2027-12-31"},
        {"corpus": "s", "domain": "synthetic", "licence": "own"},
    ],
}  # fmt: skip
ALWAYS = {"budget", "forecast fresh", "inventory fresh", "licences", "evaluation"}


def _source(name: str, vintage: date | None) -> SourceRow:
    return SourceRow(name, "Publisher", vintage, None, 1, "ok")


def _input(name: str, used_by: str) -> InputRow:
    numbers = (1.0, None, None, None, 1.0, 1.0, 1.0)
    return InputRow(
        name, used_by, "fixed", "tokens", *numbers, "cited", "", None, None, "o", "", "", ""
    )


FACTS = Facts(
    as_of=TODAY,
    inputs=(_input("crawl.tokens", "web"), _input("code.tokens", "code")),
    sources=(_source("catalogue", TODAY - 100 * DAY), _source("lab", TODAY - 10 * DAY)),
    probe=("probe-a", TODAY - 30 * DAY),
)


@pytest.fixture
def gates() -> Callable[..., dict[str, GateRow]]:
    """Call it for the gates of a plan by name, some of plan, facts, policy and compute given."""

    def ask(
        compute: float = 1e20, policy: dict[str, Any] | None = None,
        facts: dict[str, Any] | None = None, **plan: Any,
    ) -> dict[str, GateRow]:  # fmt: skip
        run = PlannedRun.model_validate(PLAN | plan)
        known = {name: getattr(FACTS, name) for name in Facts.__slots__} | (facts or {})
        limits = Policy.model_validate(policy or {})
        found = start_gates(run, compute, Facts(**known), limits, TODAY)
        assert all(gate.stage == "start" for gate in found)
        return {gate.gate: gate for gate in found}

    return ask


Gates = Callable[..., dict[str, GateRow]]


def test_a_complete_plan_passes_and_asks_for_no_more(gates: Gates) -> None:
    found = gates()
    assert set(found) == ALWAYS
    assert all(gate.passed for gate in found.values())


# The training compute reaches a threshold


@pytest.mark.parametrize(
    ("compute", "asked"),
    [(9.999e24, False), (1e25, True), (5e26, True)],
    ids=["just below", "on it", "far above"],
)
def test_a_notice_is_asked_for_from_the_threshold_on(
    gates: Gates, compute: float, asked: bool
) -> None:
    found = gates(compute)
    assert ("notice eu-ai-act" in found) is asked
    if asked:
        gate = found["notice eu-ai-act"]
        assert (gate.passed, gate.value, gate.threshold, gate.unit) == (
            False,
            compute,
            1e25,
            "FLOP",
        )
        assert gate.rests_on == ("policy",)
        assert "reaches 1e+25 FLOP; give the notice" in gate.evidence


@pytest.mark.parametrize(
    ("given", "passed"),
    [(TODAY - 40 * DAY, True), (TODAY, True), (TODAY + DAY, False)],
    ids=["given", "given today", "only promised"],
)
def test_a_notice_counts_from_the_day_it_is_given(gates: Gates, given: date, passed: bool) -> None:
    gate = gates(2e25, notices={"eu-ai-act": given})["notice eu-ai-act"]
    assert gate.passed is passed
    assert gate.evidence.startswith(f"notice given on {given}" if passed else "training compute")


def test_notices_are_those_of_the_policy(gates: Gates) -> None:
    """Each threshold reached is a gate of its own, and another's notice does not open it."""
    policy = {"compute_notices": {"board": 1e21, "state": 1e23, "moon": 1e30}}
    found = gates(1e23, policy, notices={"board": TODAY, "eu-ai-act": TODAY})
    assert {name: gate.passed for name, gate in found.items() if name not in ALWAYS} == {
        "notice board": True, "notice state": False,
    }  # fmt: skip
    assert set(gates(1e26, {"compute_notices": {}})) == ALWAYS


# Synthetic text


@pytest.mark.parametrize(
    ("cap", "passed"), [(0.2, True), (0.1, True), (0.0999, False), (0.0, False)]
)
def test_the_synthetic_share_is_held_to_its_cap(gates: Gates, cap: float, passed: bool) -> None:
    gate = gates(synthetic_cap=cap)["synthetic share"]
    assert (gate.passed, gate.value, gate.threshold, gate.unit) == (passed, 0.1, cap, "share")
    assert gate.evidence == "10.0% of the mixture is synthetic"
    assert gate.rests_on == ("plan big",)


def test_a_mixture_without_synthetic_text_passes_any_cap(gates: Gates) -> None:
    gate = gates(synthetic_cap=0.0, mixture={"web": 1.0})["synthetic share"]
    assert (gate.passed, gate.value) == (True, 0.0)
    assert "synthetic share" not in gates()


# Measured runs


@pytest.mark.parametrize(("most", "passed"), [(31, True), (30, True), (29, False), (0, False)])
def test_probe_evidence_must_not_be_older_than_planned(
    gates: Gates, most: int, passed: bool
) -> None:
    gate = gates(probe_max_age_days=most)["probe evidence"]
    assert (gate.passed, gate.value, gate.threshold, gate.unit) == (passed, 30, most, "days")
    assert gate.evidence == "newest measured run: probe-a, 2026-12-31"
    assert gate.rests_on == ("probe probe-a",)


def test_without_a_measured_run_there_is_no_probe_evidence(gates: Gates) -> None:
    gate = gates(facts={"probe": None}, probe_max_age_days=10_000)["probe evidence"]
    assert (gate.passed, gate.value, gate.rests_on) == (False, None, ())
    assert gate.evidence == "no probe run was measured"
    today = gates(facts={"probe": ("p", TODAY)}, probe_max_age_days=0)["probe evidence"]
    assert (today.passed, today.value) == (True, 0)
    assert "probe evidence" not in gates(facts={"probe": None})


# Data vintage


@pytest.mark.parametrize(("behind", "passed"), [(11, True), (10, True), (9, False)])
def test_the_data_must_be_as_new_as_the_plan_s(gates: Gates, behind: int, passed: bool) -> None:
    """The newest vintage here is ten days old."""
    planned = TODAY - behind * DAY
    gate = gates(data_vintage=planned)["data vintage"]
    assert gate.passed is passed
    assert gate.evidence == (
        f"the plan was made with {planned}; the newest vintage here is 2027-01-20"
    )
    assert gate.rests_on == ("catalogue 2026-10-22", "lab 2027-01-20")


def test_without_any_vintage_none_is_new_enough(gates: Gates) -> None:
    bare = {"sources": (_source("lab", None),)}
    gate = gates(facts=bare, data_vintage=date(2000, 1, 1))["data vintage"]
    assert (gate.passed, gate.rests_on) == (False, ())
    assert "data vintage" not in gates(facts=bare)
    assert gates(facts=bare)["inventory fresh"].evidence == "no source is loaded"
    assert not gates(facts=bare)["inventory fresh"].passed


# The gates every start has


@pytest.mark.parametrize(
    ("budget", "passed"), [(999.99, True), (1000, True), (1000.01, False), (None, False)]
)
def test_budget(gates: Gates, budget: float | None, passed: bool) -> None:
    gate = gates(budget_usd=budget)["budget"]
    assert (gate.passed, gate.value, gate.threshold) == (passed, budget, 1000)
    assert gates(budget_usd=budget, policy={"run_budget_usd": 10})["budget"].passed is False


@pytest.mark.parametrize(("age", "passed"), [(0, True), (7, True), (8, False)])
def test_forecast_fresh(gates: Gates, age: int, passed: bool) -> None:
    gate = gates(facts={"as_of": TODAY - age * DAY})["forecast fresh"]
    assert (gate.passed, gate.value, gate.threshold) == (passed, age, 7)


@pytest.mark.parametrize(("most", "passed"), [(100, True), (99, False)])
def test_the_oldest_source_decides_freshness(gates: Gates, most: int, passed: bool) -> None:
    gate = gates(policy={"inventory_max_age_days": most})["inventory fresh"]
    assert (gate.passed, gate.value) == (passed, 100)
    assert "catalogue, 100 days" in gate.evidence
    # The claims that the supply of its own domains was drawn from, and no others.
    assert gate.rests_on == ("catalogue 2026-10-22", "lab 2027-01-20", "crawl.tokens")


@pytest.mark.parametrize(
    ("release", "passed"), [(None, True), ("2027-12-31", True), ("2028-01-01", False)]
)
def test_licences_hold_until_the_release(gates: Gates, release: str | None, passed: bool) -> None:
    gate = gates(release_on=release)["licences"]
    assert (gate.passed, gate.value) == (passed, 0 if passed else 1)
    if not passed:
        assert "w: contract ends on 2027-12-31, before 2028-01-01" in gate.evidence


def test_every_domain_of_a_large_run_has_a_licensed_corpus(gates: Gates) -> None:
    corpora = PLAN["corpora"][:1]
    assert gates(corpora=corpora)["licences"].evidence.endswith("is named for synthetic")
    assert not gates(corpora=corpora)["licences"].passed
    assert gates(corpora=corpora, budget_usd=100)["licences"].passed
    assert not gates(corpora=corpora, budget_usd=100.01)["licences"].passed


def test_a_large_run_names_its_evaluation(gates: Gates) -> None:
    assert not gates(evaluation="")["evaluation"].passed
    assert gates(evaluation="", budget_usd=100)["evaluation"].passed
    assert not gates(evaluation="", budget_usd=None)["evaluation"].passed
