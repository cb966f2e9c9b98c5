"""Access, fading, generated text and levers inside worlds: each moves what it says, its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import ValidationError

from forecasts.assess import assess_all
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import build_worlds, place_claims, run_forecast
from forecasts.plan import PlannedRun
from forecasts.results import SUPPLY_STAGES, TOTAL, Assessment, Forecast
from forecasts.scenario import Scenario, load
from forecasts.simulate import Worlds
from models.errors import DatawallError
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import DataConstrained

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

Make = Callable[[str], Scenario]
WORLDS = 400

ACCESS = """
supply:
  web:
    access:
      closed: {{unit: share, value: {closed}, valid_on: 2026-01-01, source: said by a test}}
      hazard: {{unit: per_year, value: {hazard}, source: said by a test}}
      respected: {respected}
"""
FADING = "supply: {{web: {{growth_fading: {{unit: per_year, value: {rate}, source: by a test}}}}}}"
TRACES = """
levers:
  - form: traces
    domain: code
    tokens: {unit: tokens, value: 2.0e+12, source: said by a test}
    precision: {unit: share, value: 0.75, source: said by a test}
  - form: preference
    domain: code
    tokens: {unit: tokens, value: 1.0e+12, source: said by a test}
    accept: {unit: share, value: 0.5, source: said by a test}
  - form: self_play
    domain: math
    tokens: {unit: tokens, value: 1.0e+15, source: said by a test}
    most: {unit: tokens, value: 3.0e+12, source: said by a test}
"""


def _worlds(scenario: Scenario, knowledge: Knowledge) -> Worlds:
    placed = place_claims(scenario, knowledge.claims, None)
    return build_worlds(scenario, placed, knowledge.as_of, WORLDS, scenario.seed)


def _run(scenario: Scenario, knowledge: Knowledge) -> Forecast:
    return run_forecast(
        scenario, knowledge.claims, {}, as_of=knowledge.as_of, code_version="test", worlds=WORLDS,
        laws=knowledge.laws_of(scenario),
    )  # fmt: skip


def test_restrictions_close_unique_text_and_leave_raw(make: Make, knowledge: Knowledge) -> None:
    year = np.array([2031.0])
    base = _worlds(load("baseline"), knowledge)
    closing = _worlds(make(ACCESS.format(closed=0.2, hazard=0.1, respected="true")), knowledge)
    ignored = _worlds(make(ACCESS.format(closed=0.2, hazard=0.1, respected="false")), knowledge)
    left = 0.8 * np.exp(-0.5)
    for stage, share in zip(SUPPLY_STAGES, (1, left, left), strict=True):
        open_now = base.supply("web", stage, year)
        assert closing.supply("web", stage, year) == pytest.approx(share * open_now)
        assert ignored.supply("web", stage, year).tolist() == open_now.tolist()


def test_growth_that_fades_grows_less(make: Make, knowledge: Knowledge) -> None:
    base = _worlds(load("baseline"), knowledge)
    faded = _worlds(make(FADING.format(rate=0.2)), knowledge)
    still = _worlds(make(FADING.format(rate=0)), knowledge)
    late = np.array([2045.0])
    rising = base.domains["web"].log_growth > 0
    grown, flat = (w.supply("web", "raw", late)[0] for w in (base, faded))
    assert (flat[rising] < grown[rising]).all()
    assert still.supply("web", "raw", late)[0] == pytest.approx(grown)
    assert np.log(flat).std() < np.log(grown).std()


HARMFUL = """
repetition:
  form: harmful
  epochs: {{unit: epochs, value: {epochs}, source: said by a test}}
  exponent: {{unit: exponent, value: 0.35, source: said by a test}}
  harm: {{unit: ratio, value: {harm}, source: said by a test}}
  power: {{unit: exponent, value: 1.5, source: said by a test}}
"""


FILTER = """
supply: {{{domain}: {{usable_fraction: {usable}}}}}
levers:
  - form: filtering
    domain: {domain}
    keep: {{unit: share, value: 0.25, source: said by a test}}
    worth: {{unit: ratio, value: 2, source: said by a test}}
"""


def test_a_filter_keeps_a_share_that_is_worth_more(make: Make, knowledge: Knowledge) -> None:
    """Effective tokens alone change, of its domain alone, by keep times worth."""
    year = np.array([2029.0])
    base = _worlds(make("supply: {code: {usable_fraction: null}}"), knowledge)
    filtered = _worlds(make(FILTER.format(domain="code", usable="null")), knowledge)
    for stage, ratio in (("unique", 1.0), ("effective", 0.5)):
        expected = ratio * base.supply("code", stage, year)
        assert filtered.supply("code", stage, year) == pytest.approx(expected)
        same = base.supply("books", stage, year)
        assert filtered.supply("books", stage, year).tolist() == same.tolist()
    with pytest.raises(ScenarioInvalid, match="code has a usable_fraction and a filtering lever"):
        make(FILTER.format(domain="code", usable="factor:code_filter_keep"))


def test_repetition_that_hurts_stops_where_it_does(make: Make, knowledge: Knowledge) -> None:
    """Harmless, every pass counts in full; with harm a wider cap adds nothing past the best."""
    free = _worlds(make(HARMFUL.format(epochs=4, harm=0)), knowledge)
    assert free.repetition == pytest.approx(4)
    assert free.repetition_within(2.5) == pytest.approx(2.5)
    near, wide = (
        _worlds(make(HARMFUL.format(epochs=epochs, harm=0.02)), knowledge) for epochs in (20, 2000)
    )
    assert (near.repetition < 20).all()
    assert wide.repetition == pytest.approx(near.repetition)
    assert (near.repetition > near.repetition_within(1.5)).all()
    assert near.repetition_within(1) == pytest.approx(1)
    assert "hurts" in _run(make(HARMFUL.format(epochs=4, harm=0.1)), knowledge).repetition


def test_levers_add_tokens_to_their_domain(make: Make, knowledge: Knowledge) -> None:
    base, more = _worlds(load("baseline"), knowledge), _worlds(make(TRACES), knowledge)
    year = np.array([2028.0])
    for domain, added in (("code", 2e12), ("math", 3e12), ("web", 0.0)):
        before = base.supply(domain, "effective", year)
        assert more.supply(domain, "effective", year) == pytest.approx(before + added, rel=1e-9)
    assert more.supply(TOTAL, "effective", year) == pytest.approx(
        base.supply(TOTAL, "effective", year) + 2e12, rel=1e-9
    )


@pytest.mark.parametrize(
    ("name", "later"),
    [("restricted-access", False), ("collapse-stress", False), ("one-epoch", False),
     ("synthetic-optimist", True), ("private-data", True), ("multimodal", True)],
)  # fmt: skip
def test_a_scenario_moves_the_wall_its_way(name: str, later: bool, knowledge: Knowledge) -> None:
    base, other = _run(load("baseline"), knowledge), _run(load(name), knowledge)
    order = [base.wall().p50, other.wall().p50]
    assert order == sorted(order) if later else order == sorted(order, reverse=True)
    assert order[0] != order[1]


@pytest.mark.parametrize("name", ["restricted-access", "synthetic-optimist", "private-data"])
def test_both_ways_to_supply_agree(name: str, knowledge: Knowledge) -> None:
    worlds = _worlds(load(name), knowledge)
    for domain in (TOTAL, *worlds.scenario.supply):
        dates = list(worlds.stocks(domain))
        quick = [[[stocks.at(stage) for stocks in dates] for stage in SUPPLY_STAGES]]
        part = worlds.normal_part(domain)
        if part is not None:
            rests = list(worlds.log_rests(domain, part))
            quick.append(
                [
                    [np.exp(stocks.at(stage) + part.scores) for stocks in rests]
                    for stage in SUPPLY_STAGES
                ]
            )
        for way in quick:
            for stage, found in zip(SUPPLY_STAGES, way, strict=True):
                slow = worlds.supply(domain, stage, worlds.years)
                np.testing.assert_allclose(np.array(found), slow, rtol=1e-9)


def test_the_comments_run_of_2028(knowledge: Knowledge) -> None:
    """5e28 FLOP at 700 tokens per active parameter, one expert in 32, 80T read thirty times."""
    worlds = _worlds(load("nesov-2028"), knowledge)
    at = np.array([2028.0])
    compute, tokens = worlds.compute(at)[0, 0], worlds.demand(at)[0, 0]
    active = compute / 6 / tokens
    assert compute == pytest.approx(5e28)
    assert active == pytest.approx(3.4503278e12, rel=1e-6)
    assert 32 * active == pytest.approx(1.1041049e14, rel=1e-6)
    assert tokens == pytest.approx(2.4152295e15, rel=1e-6)
    assert tokens / 30 == pytest.approx(8.0507649e13, rel=1e-6)
    assert worlds.supply(TOTAL, "effective", at)[0, 0] == pytest.approx(2.4e15)
    assert 37 * 6 * 2.5 * 1.5 ** (np.log(1250) / np.log(1000)) == pytest.approx(843.4757, rel=1e-6)


def test_the_audited_essay(knowledge: Knowledge) -> None:
    audited = _run(load("essay-audited"), knowledge)
    easy = sum(audited.supply_at(d, "unique", 2026).at("p50") for d in ("books", "papers"))
    assert easy == pytest.approx(14.3e12, abs=0.05e12)


IMPOSSIBLE = {
    "nothing there": "supply: {web: {usable_fraction: {unit: share, value: 0, source: by a test}}}",
    "nothing wanted": "demand: {shares: {web: {unit: share, value: 0, source: said by a test}}}",
    "all closed": ACCESS.format(closed=1, hazard=0, respected="true"),
    "closing at once": ACCESS.format(closed=0, hazard=1000, respected="true"),
    "no epoch": "repetition: {epochs: {unit: epochs, value: 0, source: said by a test}}",
    "a cap of nearly nothing": "multiplier_cap: 1.0e-12",
    "no tokens at all": "supply: {web: {count: {unit: pages, value: 0, valid_on: 2026-01-01, "
    "source: said by a test}}}",
    "all of it counted elsewhere": "supply: {books: {overlap: {unit: share, value: 1, "
    "source: said by a test}}}",
    "not a FLOP": "demand: {path: {level: {unit: flop, value: 0, valid_on: 2025-01-01, "
    "source: said by a test}}}",
    "not a FLOP by a law": "demand: {path: {level: {unit: flop, value: 1.0e-6, "
    "valid_on: 2025-01-01, source: said by a test}, laws: [{law: stated, weight: 1}]}}",
    "a ceiling of nothing": "demand: {path: {ceiling: {unit: flop, value: 0, valid_on: 2030-01-01, "
    "source: said by a test}}}",
    "nothing wanted anywhere": "demand: {shares: {web: {unit: share, value: 0, source: by a test}, "
    "crawled_web: null, books: null, papers: null, code: null, math: null, encyclopedic: null, "
    "qa: null, legal: null}}",
    "nothing wanted of nothing": "supply: {web: {usable_fraction: {unit: share, value: 0, "
    "source: by a test}}}\ndemand: {shares: {web: {unit: share, value: 0, source: by a test}}}",
    "caps at zero": "synthetic: {form: verified, "
    "generated: {unit: ratio, value: 0, source: by a test}, "
    "verifiability: {unit: share, value: 0, source: by a test}, open_most: {unit: ratio, value: 0, "
    "source: by a test}, verified_most: {unit: ratio, value: 0, source: by a test}, "
    "worth: {unit: ratio, value: 0, source: by a test}, share_limit: {unit: share, value: 0, "
    "source: by a test}, domain_limit: {unit: tokens, value: 0, source: by a test}}",
    "self-play that wins nothing": "levers: [{form: self_play, domain: math, "
    "tokens: {unit: tokens, value: 1.0e+12, source: by a test}, "
    "most: {unit: tokens, value: 0, source: by a test}}]",
    "no compute": "demand: {path: {level: {unit: flop, value: 1.0e-6, valid_on: 2025-01-01, "
    "source: said by a test}}}",
    "wall long past": "demand: {path: {level: {unit: flop, value: 1.0e+36, valid_on: 2025-01-01, "
    "source: said by a test}, ceiling: null, ceiling_growth: null}}",
}


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_the_impossible_has_a_defined_answer(change: str, make: Make, knowledge: Knowledge) -> None:
    """Numbers or None in every row; a wall that is past has the first year."""
    forecast = _run(make(change), knowledge)
    for row in (*forecast.supply, *forecast.demand):
        assert np.isfinite(row.quantiles).all()
        assert min(row.quantiles) >= 0
    for wall in forecast.walls:
        dates = [date for date in (wall.p10, wall.p50, wall.p90) if date is not None]
        assert np.isfinite(dates).all()
        assert dates == sorted(dates)
        assert 0 <= wall.probability_before_start <= wall.probability_by_horizon <= 1


REFUSED = {
    "no domain": (
        "supply: {web: null, crawled_web: null, books: null, papers: null, code: null, math: null, "
        "encyclopedic: null, qa: null, legal: null}\ndemand: {shares: {web: null, "
        "crawled_web: null, books: null, papers: null, code: null, math: null, encyclopedic: null, "
        "qa: null, legal: null}}",
        "supply: .* at least 1 item",
    ),
    "a cap of zero": ("multiplier_cap: 0", "multiplier_cap: it must be above 0"),
    "growth to nothing": (
        "supply: {web: {growth: [{unit: ratio_per_year, value: 0, source: said by a test}]}}",
        "yearly ratio of 0; it must be above 0",
    ),
    "divided by nothing": (
        "supply: {code: {conversion: [{per: {unit: bytes_per_token, value: 0, "
        "source: by a test}}]}}",
        "supply of total in 2026 is no number of tokens in some worlds",
    ),
    "infinite": ("supply: {web: {count: {unit: pages, value: .inf, source: said by a test}}}",
                 "finite number"),
    "more than all": (
        "supply: {web: {usable_fraction: {unit: share, value: 1.5, source: said by a test}}}",
        "share of 1.5; it must lie between 0 and 1",
    ),
    "a law without compute": (
        "demand: {path: {level: {unit: flop, value: 0, valid_on: 2025-01-01, source: by a test}, "
        "laws: [{law: besiroglu, weight: 1}]}}",
        "compute_flop",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_the_undefined_is_refused_in_one_sentence(
    change: str, message: str, make: Make, knowledge: Knowledge
) -> None:
    with pytest.raises(DatawallError, match=message) as told:
        _run(make(change), knowledge)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_runs_under_the_impossible_have_defined_assessments(
    change: str, make: Make, knowledge: Knowledge
) -> None:
    """Finite numbers or None; probabilities within 0 and 1."""
    worlds = _worlds(make(change), knowledge)
    run = PlannedRun(
        run="any", needed_on=date(2028, 1, 1), compute_flop=1e26,
        mixture={"web": 0.8, "math": 0.2}, mixture_bounds={"web": (0.5, 1.0), "math": (0.0, 0.5)},
    )  # fmt: skip
    law = DataConstrained(Chinchilla(520.8, 1487.7, 1.8691, 0.35266, 0.35266), 15.39, 5.31)
    (found,) = assess_all(worlds, [run], law, 4.6, knowledge.as_of)
    for value in asdict(found).values():
        numbers = value.values() if isinstance(value, dict) else [value]
        assert all(np.isfinite(x) for x in numbers if isinstance(x, float))
    assert 0 <= found.probability <= found.probability_remixed <= 1


GENERATED = """
synthetic:
  form: verified
  generated: {{unit: ratio, value: 2, source: said by a test}}
  verifiability: {{unit: share, value: 0.4, source: said by a test}}
  open_most: {{unit: ratio, value: 1, source: said by a test}}
  verified_most: {{unit: ratio, value: 10, source: said by a test}}
  worth: {{unit: share, value: 0.6, source: said by a test}}
  share_limit: {{unit: share, value: 0.3, source: said by a test}}
  {collapse}
"""
COLLAPSE = "collapse: {{unit: {unit}, value: 0.05, source: said by a test}}"


def _costly(worlds: Worlds, compute_flop: float, as_of: date) -> Assessment:
    run = PlannedRun(
        run="any", needed_on=date(2028, 1, 1), compute_flop=compute_flop, mixture={"web": 1.0}
    )
    law = DataConstrained(Chinchilla(520.8, 1487.7, 1.8691, 0.35266, 0.35266), 15.39, 5.31)
    return assess_all(worlds, [run], law, 4.6, as_of)[0]


def test_collapse_costs_a_run_that_needs_generated_text(knowledge: Knowledge, make: Make) -> None:
    """A higher floor, at most 0.05 nats; the tokens and odds of the run stay."""
    stressed = make(GENERATED.format(collapse=COLLAPSE.format(unit="nats")))
    plain, hurt = (_worlds(s, knowledge) for s in (make(GENERATED.format(collapse="")), stressed))
    before, after = (_costly(worlds, 1e29, knowledge.as_of) for worlds in (plain, hurt))
    assert before.synthetic_share_needed.p95 > 0
    assert before.loss_gap_nats.p95 < after.loss_gap_nats.p95 <= before.loss_gap_nats.p95 + 0.05
    assert after.compute_ratio.p05 < before.compute_ratio.p05
    assert (after.probability, after.unique_tokens) == (before.probability, before.unique_tokens)
    # Two generated tokens beside a unique one that is read: at most 2/3 of a run, 0.6 unverified.
    assert 0 < hurt.floor_rise(np.ones(WORLDS)).max() <= 0.05 * (2 / 3) ** 2 * 0.6
    small = [_costly(worlds, 1e22, knowledge.as_of) for worlds in (plain, hurt)]
    assert small[0] == small[1]
    bits = make(GENERATED.format(collapse=COLLAPSE.format(unit="bits")))
    with pytest.raises(ScenarioInvalid, match=r"synthetic\.collapse .* in bits; .* nats is needed"):
        _worlds(bits, knowledge)


def test_contradictory_bounds_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"share of web is 1, outside its bounds 0 to 0\.4"):
        PlannedRun(
            run="any", needed_on=date(2028, 1, 1), compute_flop=1e26, mixture={"web": 1.0},
            mixture_bounds={"web": (0.0, 0.4), "math": (0.0, 0.4)},
        )  # fmt: skip


def test_a_lever_needs_its_domain(make: Make) -> None:
    with pytest.raises(ScenarioInvalid, match="a lever adds to news, which is not in supply"):
        make(TRACES.replace("domain: math", "domain: news"))


@pytest.fixture
def make(make_scenario: Make) -> Make:
    return make_scenario


def test_rows_of_a_stock_that_only_closes_fall(knowledge: Knowledge) -> None:
    """Questions and answers neither grow nor are filtered; restrictions alone move them."""
    forecast = _run(load("restricted-access"), knowledge)
    raw, unique = (
        [forecast.supply_at("qa", stage, year).at("p50") for year in (2026, 2036, 2045)]
        for stage in ("raw", "unique")
    )
    assert raw[0] == raw[1] == raw[2] > unique[0] > unique[1] > unique[2]
