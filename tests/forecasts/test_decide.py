"""Verdicts: monotone in what a run asks for, shared stocks counted once, dates that hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.decide import VALID_FOR, decide, demand_tokens, manifest
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import build_worlds, place_claims
from forecasts.plan import PlannedRun
from forecasts.results import Decision
from forecasts.scenario import Scenario, load
from forecasts.simulate import Worlds
from models.quantities import decimal_year

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

AS_OF = date(2026, 11, 21)
few = settings(max_examples=25, deadline=None)
mixtures = st.sampled_from(
    [{"web": 1.0}, {"web": 0.7, "code": 0.3}, {"web": 0.6, "math": 0.2, "books": 0.2}]
)
computes = st.floats(23, 29).map(lambda exponent: 10.0**exponent)
days = st.dates(date(2027, 1, 1), date(2040, 1, 1))


def _run(**keys: Any) -> PlannedRun:
    plain: dict[str, Any] = {"run": "a", "needed_on": date(2027, 7, 1), "mixture": {"web": 1.0}}
    return PlannedRun.model_validate(plain | keys)


def _worlds(scenario: Scenario, knowledge: Knowledge) -> Worlds:
    placed = place_claims(scenario, knowledge.claims, None)
    return build_worlds(scenario, placed, AS_OF, 500, 1)


@pytest.fixture(scope="module")
def worlds(knowledge: Knowledge) -> Worlds:
    return _worlds(load("baseline"), knowledge)


def _decide(worlds: Worlds, **keys: Any) -> Decision:
    return decide(worlds, _run(**keys), "f0", AS_OF)


@few
@given(computes, mixtures, days, st.floats(0.01, 0.98), st.floats(0.001, 1))
def test_more_required_probability_never_launches(
    worlds: Worlds, compute: float, mixture: dict[str, float], day: date, odds: float, more: float
) -> None:
    keys: dict[str, Any] = {"compute_flop": compute, "mixture": mixture, "needed_on": day}
    loose = _decide(worlds, **keys, required_probability=odds)
    strict = _decide(worlds, **keys, required_probability=odds + more * (0.99 - odds))
    assert strict.probability == loose.probability
    order = ("launch", "hold", "reject")
    assert order.index(strict.verdict) >= order.index(loose.verdict)
    if strict.earliest_date is not None:
        assert loose.earliest_date is not None
        assert loose.earliest_date <= strict.earliest_date


@few
@given(st.floats(1e10, 1e13), st.floats(1e10, 1e16), mixtures, days, st.floats(0.01, 1))
def test_a_smaller_run_is_never_worse(
    worlds: Worlds,
    params: float,
    tokens: float,
    mixture: dict[str, float],
    day: date,
    part: float,
) -> None:
    keys: dict[str, Any] = {"params": params, "mixture": mixture, "needed_on": day}
    large, small = (_decide(worlds, **keys, tokens=n) for n in (tokens, tokens * part))
    assert small.probability >= large.probability
    if large.verdict == "launch":
        assert small.verdict == "launch"
    if large.earliest_date is not None:
        assert small.earliest_date is not None
        assert small.earliest_date <= large.earliest_date


@few
@given(computes, mixtures, days, st.floats(0.05, 0.95))
def test_the_earliest_date_passes_and_a_month_before_does_not(
    worlds: Worlds, compute: float, mixture: dict[str, float], day: date, odds: float
) -> None:
    keys: dict[str, Any] = {
        "compute_flop": compute, "mixture": mixture, "required_probability": odds,
    }  # fmt: skip
    decision = _decide(worlds, **keys, needed_on=day)
    earliest = decision.earliest_date
    if earliest is None:
        assert decision.verdict == "reject"
        last = date(worlds.scenario.horizon, 1, 1)
        assert _decide(worlds, **keys, needed_on=last).probability < odds
        return
    assert day <= earliest <= date(worlds.scenario.horizon, 1, 1)
    assert _decide(worlds, **keys, needed_on=earliest).verdict == "launch"
    before = earliest - timedelta(days=32)
    if before > day:
        assert _decide(worlds, **keys, needed_on=before).probability < odds


def test_a_date_some_years_off_is_found(worlds: Worlds) -> None:
    """A run that misses by little gets a month, not a year."""
    tokens = float(np.quantile(worlds.supply("web", "effective", np.array([2031.3]))[0], 0.2))
    decision = _decide(worlds, params=1e12, tokens=tokens)
    assert (decision.verdict, decision.earliest_date is None) == ("hold", False)
    assert decision.earliest_date is not None
    assert 2031.1 < decimal_year(decision.earliest_date) < 2031.6
    assert decision.reasons[-1] == f"reached from {decision.earliest_date} on"


def test_probability_is_the_share_of_worlds(worlds: Worlds) -> None:
    """Second method: the worlds counted one by one."""
    run = _run(compute_flop=1e27, mixture={"web": 0.6, "code": 0.4})
    tokens = demand_tokens(worlds, run)
    at = np.array([decimal_year(run.needed_on)])
    supplies = {d: worlds.supply(d, "effective", at)[0] for d in ("web", "code")}
    enough = [
        all(share * tokens[w] <= supplies[d][w] for d, share in (("web", 0.6), ("code", 0.4)))
        for w in range(tokens.size)
    ]
    assert decide(worlds, run, "f0", AS_OF).probability == pytest.approx(np.mean(enough))
    assert 0.1 < np.mean(enough) < 0.9


def test_parts_share_the_stock_of_their_whole(
    make_scenario: Callable[[str], Scenario], knowledge: Knowledge
) -> None:
    """Two parts as large as the whole: each alone covers a run that together they cannot."""
    scenario = make_scenario("""
supply:
  web: {count: &stock {unit: tokens, value: 1.0e+13, source: said by a test},
        conversion: [], growth: [], usable_fraction: null}
  math: {count: *stock, growth: []}
  qa: {count: *stock, growth: []}
repetition: {form: none}
synthetic: {form: none}
""")
    worlds = _worlds(scenario, knowledge)
    sized: dict[str, Any] = {"params": 1e11, "tokens": 1.6e13}
    apart = _decide(worlds, **sized | {"tokens": 0.9e13}, mixture={"math": 0.5, "qa": 0.5})
    together = _decide(worlds, **sized, mixture={"math": 0.5, "qa": 0.5})
    assert (apart.probability, together.probability) == (1.0, 0.0)
    assert [(gate.gate, gate.passed) for gate in together.gates] == [
        ("supply of math", True), ("supply of qa", True), ("supply of web (with math, qa)", False),
    ]  # fmt: skip
    assert together.binding_domain == "web (with math, qa)"
    whole = _decide(worlds, **sized, mixture={"math": 0.5, "web": 0.5})
    assert whole.gates[-1].gate == "supply of web (with web, math)"
    assert whole.probability == 0.0


def test_fewer_epochs_cover_less(worlds: Worlds) -> None:
    tokens = float(np.median(worlds.supply("web", "effective", np.array([2027.5]))[0]))
    keys: dict[str, Any] = {"params": 1e12, "tokens": tokens}
    odds = [_decide(worlds, **keys, max_epochs=cap).probability for cap in (1, 2, 4, 16, 100)]
    assert odds == sorted(odds)
    assert odds[0] < odds[-1] == _decide(worlds, **keys).probability == pytest.approx(0.5, abs=0.01)


def test_a_date_that_has_passed_holds(worlds: Worlds) -> None:
    decision = _decide(worlds, params=1e9, tokens=1e10, needed_on=date(2026, 11, 20))
    assert decision.verdict == "hold"
    assert decision.reasons == ("needed_on 2026-11-20 has passed; set a new date",)
    assert decision.earliest_date == AS_OF
    today = _decide(worlds, params=1e9, tokens=1e10, needed_on=AS_OF)
    assert today.verdict == "launch"


def test_a_date_beyond_the_horizon_holds(worlds: Worlds) -> None:
    decision = _decide(worlds, params=1e9, tokens=1e10, needed_on=date(2045, 1, 2))
    assert decision.verdict == "hold"
    assert "lies beyond the horizon 2045 of scenario baseline" in decision.reasons[0]
    last = _decide(worlds, params=1e9, tokens=1e10, needed_on=date(2045, 1, 1))
    assert last.verdict == "launch"


def test_a_domain_without_supply_holds(worlds: Worlds) -> None:
    decision = _decide(worlds, params=1e9, tokens=1e10, mixture={"web": 0.9, "news": 0.1})
    assert (decision.verdict, decision.probability) == ("hold", 0.0)
    assert decision.reasons == (
        "scenario baseline counts no supply of news; change the mixture or the scenario",
    )
    assert decision.earliest_date is None


def test_an_impossible_run_is_rejected(worlds: Worlds) -> None:
    decision = _decide(worlds, params=1e12, tokens=1e19)
    assert decision.verdict == "reject"
    assert decision.reasons[0].startswith("supply covers demand in 0.0% of worlds, 80% required")
    assert decision.reasons[1] == "no date before 2045 reaches it"


def test_compute_needs_an_allocation_law(knowledge: Knowledge) -> None:
    epoch = _worlds(load("epoch-2024-historical"), knowledge)
    with pytest.raises(ScenarioInvalid, match="no allocation law for compute; give the run params"):
        _decide(epoch, compute_flop=1e26)
    assert _decide(epoch, params=1e11, tokens=1e13).verdict == "launch"


def test_overtraining_asks_for_more_tokens(worlds: Worlds) -> None:
    """D = √(C·t/6): four times the tokens per parameter are twice the tokens."""
    plain = demand_tokens(worlds, _run(compute_flop=1e26, overtraining=1))
    over = demand_tokens(worlds, _run(compute_flop=1e26, overtraining=4))
    assert over == pytest.approx(2 * plain, rel=1e-12)


def test_a_decision_is_named_by_what_it_decides(worlds: Worlds) -> None:
    first, same = (_decide(worlds, params=1e9, tokens=1e10) for _ in range(2))
    assert first == same
    ids = {
        first.decision_id,
        _decide(worlds, params=1e9, tokens=2e10).decision_id,
        decide(worlds, _run(params=1e9, tokens=1e10), "f1", AS_OF).decision_id,
        decide(worlds, _run(params=1e9, tokens=1e10), "f0", AS_OF + VALID_FOR).decision_id,
    }
    assert len(ids) == 4
    assert first.expires_at == AS_OF + timedelta(days=30)


@pytest.mark.parametrize(
    "size", [{"compute_flop": 6e25}, {"params": 1e12, "tokens": 1e13}], ids=["compute", "tokens"]
)
def test_manifest_spends_its_compute(worlds: Worlds, size: dict[str, float]) -> None:
    run = _run(
        **size, mixture={"web": 0.7, "code": 0.3}, resources={"gpus": 8, "hours": 2.0},
        payload="python train.py", budget_usd=10.0, max_epochs=4,
    )  # fmt: skip
    decision = decide(worlds, run, "f0", AS_OF)
    vintages = [{"source": "catalogue", "vintage": "2026-11-21"}]
    job: dict[str, Any] = manifest(run, decision, "baseline", vintages)
    assert 6 * job["params"] * job["tokens"] == pytest.approx(job["compute_flop"], rel=1e-8)
    assert sum(job["tokens_by_domain"].values()) == pytest.approx(job["tokens"], rel=1e-8)
    assert job["tokens_by_domain"]["code"] == pytest.approx(0.3 * job["tokens"], rel=1e-8)
    assert job["data_vintages"] == vintages
    assert (job["resources"]["gpus"], job["payload"], job["budget_usd"]) == (
        8, "python train.py", 10.0,
    )  # fmt: skip
    assert (job["plan_sha256"], job["decision_id"]) == (run.sha256(), decision.decision_id)
    if "tokens" in size:
        assert job["tokens"] == 1e13
