"""Worlds against the equations of supply and demand, worked claim by claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forecasts.errors import ScenarioInvalid
from forecasts.forecast import (
    blocks,
    build_worlds,
    measured_growth_claim,
    place_claims,
    run_forecast,
)
from forecasts.net import BLOCK
from forecasts.results import SUPPLY_STAGES, TOTAL, Forecast
from forecasts.scenario import Scenario, load
from forecasts.simulate import Worlds
from forecasts.tables import Tables, tabulate
from models.claims import median
from models.demand.growth import ComputeGrowth
from models.penalty import compute_ratio
from models.quantities import decimal_year
from models.walls import first_crossing

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

Make = Callable[[str], Scenario]
WORLDS = 400


def _worlds(scenario: Scenario, knowledge: Knowledge) -> Worlds:
    placed = place_claims(scenario, knowledge.claims, knowledge.measured)
    return build_worlds(scenario, placed, knowledge.as_of, WORLDS, scenario.seed)


def _forecast(scenario: Scenario, knowledge: Knowledge) -> Forecast:
    return run_forecast(
        scenario, knowledge.claims, knowledge.origins, as_of=knowledge.as_of,
        code_version="test", worlds=WORLDS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def baseline(knowledge: Knowledge) -> Worlds:
    return _worlds(load("baseline"), knowledge)


def test_web_supply_is_its_equation(baseline: Worlds) -> None:
    value = baseline.value
    raw = (
        value("supply.web.count") * value("supply.web.conversion.0")
        / value("supply.web.conversion.1")
    )  # fmt: skip
    years = 2030 - baseline.date_of("supply.web.count")
    grown = (value("supply.web.growth.0") * value("supply.web.growth.1")) ** years
    unique = raw * grown * value("supply.web.usable_fraction")
    at = np.array([2030.0])
    assert baseline.supply("web", "raw", at)[0] == pytest.approx(raw * grown, rel=1e-9)
    assert baseline.supply("web", "unique", at)[0] == pytest.approx(unique, rel=1e-9)
    effective = unique * baseline.multiplier
    assert baseline.supply("web", "effective", at)[0] == pytest.approx(effective, rel=1e-9)


def test_multiplier_is_both_gains_under_the_cap(baseline: Worlds) -> None:
    passes, r_star = (baseline.value(f"repetition.{key}") for key in ("epochs", "r_star"))
    repetition = 1 + r_star * (1 - np.exp(-(np.maximum(passes, 1) - 1) / r_star))
    both = np.minimum(repetition * baseline.value("synthetic.factor"), 20)
    assert baseline.multiplier == pytest.approx(both, rel=1e-12)


def test_total_leaves_parts_out(baseline: Worlds) -> None:
    whole = [d for d, spec in baseline.scenario.supply.items() if spec.part_of is None]
    assert whole == ["web", "books", "papers", "code"]
    for stage in SUPPLY_STAGES:
        parts = sum(baseline.supply(domain, stage, baseline.years) for domain in whole)
        total = baseline.supply(TOTAL, stage, baseline.years)
        assert total == pytest.approx(parts, rel=1e-12)


@pytest.mark.parametrize("domain", ["web", "qa", TOTAL])
def test_both_ways_to_supply_agree(baseline: Worlds, domain: str) -> None:
    for stage, quick in zip(SUPPLY_STAGES, _by_stage(baseline, domain), strict=True):
        slow = baseline.supply(domain, stage, baseline.years)
        assert np.array(quick) == pytest.approx(slow, rel=1e-10)
    part = baseline.normal_part(domain)
    if part is None:
        return
    rests = list(baseline.log_rests(domain, part))
    for stage in SUPPLY_STAGES:
        slow = baseline.supply(domain, stage, baseline.years)
        logs = np.array([stocks.at(stage) for stocks in rests])
        assert np.exp(logs + part.scores) == pytest.approx(slow, rel=1e-10)


def _by_stage(worlds: Worlds, domain: str) -> list[tuple[np.ndarray, ...]]:
    """Tokens of every date, by stage."""
    dates = list(worlds.stocks(domain))
    return [tuple(stocks.at(stage) for stocks in dates) for stage in SUPPLY_STAGES]


def test_demand_is_its_equation(baseline: Worlds) -> None:
    value = baseline.value
    at = "demand.path"
    compute = np.minimum(
        value(f"{at}.level") * value(f"{at}.growth") ** (2033 - baseline.date_of(f"{at}.level")),
        value(f"{at}.ceiling")
        * value(f"{at}.ceiling_growth") ** (2033 - baseline.date_of(f"{at}.ceiling")),
    )
    per_param = (
        value(f"{at}.tokens_per_param") * (compute / 4e25) ** value(f"{at}.drift")
        * value(f"{at}.overtraining")
    )  # fmt: skip
    seen = baseline.demand(np.array([2033.0]))[0]
    assert seen == pytest.approx(np.sqrt(compute * per_param / 6), rel=1e-9)


def test_a_run_with_fewer_epochs_gets_less(baseline: Worlds) -> None:
    once, few = baseline.multiplier_within(1), baseline.multiplier_within(3)
    assert once == pytest.approx(np.minimum(baseline.synthetic, 20))
    assert (once <= few).all()
    assert (few <= baseline.multiplier).all()
    assert baseline.multiplier_within(1e9) == pytest.approx(baseline.multiplier)
    assert baseline.multiplier_within(None) is baseline.multiplier


def test_a_flat_gain_is_capped_by_the_epochs(knowledge: Knowledge) -> None:
    essay = _worlds(load("essay"), knowledge)
    assert set(essay.multiplier) == {25.0}
    assert set(essay.multiplier_within(3)) == {15.0}


def test_dataset_growth_has_no_allocation(knowledge: Knowledge) -> None:
    epoch = _worlds(load("epoch-2024-historical"), knowledge)
    with pytest.raises(ScenarioInvalid, match="has no allocation law for compute; give the run"):
        epoch.tokens_for(np.full((1, WORLDS), 1e26))
    with pytest.raises(ScenarioInvalid, match="has no compute path"):
        epoch.compute(epoch.years)


def test_quantiles_are_ordered_and_stages_shrink(knowledge: Knowledge) -> None:
    forecast = _forecast(load("baseline"), knowledge)
    for row in (*forecast.supply, *forecast.demand):
        assert list(row.quantiles) == sorted(row.quantiles)
    for domain in (TOTAL, *load("baseline").supply):
        raw, unique = (forecast.supply_at(domain, stage, 2030) for stage in SUPPLY_STAGES[:2])
        assert all(u <= r for u, r in zip(unique.quantiles, raw.quantiles, strict=True))


def test_a_share_of_nothing_has_no_wall(make_scenario: Make, knowledge: Knowledge) -> None:
    changed = make_scenario(
        "demand: {shares: {code: {unit: share, value: 0, source: said by a test}}}"
    )
    wall = _forecast(changed, knowledge).wall("code")
    assert (wall.p10, wall.p50, wall.p90, wall.probability_by_horizon) == (None, None, None, 0)


def test_a_domain_of_nothing_is_exhausted_from_the_start(
    make_scenario: Make, knowledge: Knowledge
) -> None:
    changed = make_scenario(
        "supply: {books: {overlap: {unit: share, value: 1, source: said by a test}}}"
    )
    wall = _forecast(changed, knowledge).wall("books")
    assert (wall.p50, wall.probability_before_start) == (2026.0, 1.0)


def test_measured_growth_replaces_the_catalogues(knowledge: Knowledge) -> None:
    growth = ComputeGrowth(4.0, 3.5, 4.6, 50, 2012.0, 2024.0)
    claim = measured_growth_claim(growth, knowledge.as_of, "epoch")
    scenario = load("baseline")
    placed = place_claims(scenario, knowledge.claims, claim)
    assert placed["demand.path.growth"] is claim
    assert median(claim) == pytest.approx(4.0)
    others = place_claims(scenario, knowledge.claims, None)
    assert {p for p in placed if placed[p] != others[p]} == {"demand.path.growth"}
    for unaffected in ("essay", "epoch-2024-historical"):
        measured = place_claims(load(unaffected), knowledge.claims, claim)
        uses = load(unaffected).demand.path.model_dump().get("growth_from_runs", False)
        assert (claim in measured.values()) is uses


def test_growth_without_scatter_is_fixed(knowledge: Knowledge) -> None:
    claim = measured_growth_claim(
        ComputeGrowth(4.0, 4.0, 4.0, 50, 2012.0, 2024.0), knowledge.as_of, ""
    )
    assert (claim.shape, median(claim)) == ("fixed", 4.0)


def test_a_forecast_is_its_inputs(knowledge: Knowledge) -> None:
    """Equal inputs, equal rows and id; another seed, another id."""
    scenario = load("essay")
    first, again = _forecast(scenario, knowledge), _forecast(scenario, knowledge)
    assert first == again
    other = run_forecast(
        scenario, knowledge.claims, {}, as_of=knowledge.as_of, code_version="test",
        worlds=WORLDS, seed=7,
    )  # fmt: skip
    assert other.forecast_id != first.forecast_id
    assert other.wall() != first.wall()


def test_blocks_change_nothing(knowledge: Knowledge) -> None:
    """The same bytes whatever worlds are computed at once, and near those of fewer worlds."""
    scenario = load("epoch-2024-historical").model_copy(update={"horizon": 2032})

    def run(worlds: int, block: int) -> Forecast:
        return run_forecast(
            scenario, knowledge.claims, {}, as_of=knowledge.as_of, code_version="test",
            worlds=worlds, block=block,
        )  # fmt: skip

    first = run(150_000, BLOCK)
    assert run(150_000, 2 * BLOCK) == first
    fewer = run(BLOCK, BLOCK).wall()
    assert first.wall().p50 == pytest.approx(fewer.p50, abs=0.02)
    assert first.wall().probability_by_horizon == pytest.approx(
        fewer.probability_by_horizon, abs=0.005
    )


def test_a_finer_grid_keeps_the_years_and_the_walls(knowledge: Knowledge) -> None:
    """Months between 1 Januaries move no row, and no wall further than its kinks do."""
    scenario = load("baseline")
    placed = place_claims(scenario, knowledge.claims, knowledge.measured)

    def tables(per_year: int, every_date: bool = False) -> Tables:
        worlds = blocks(
            scenario, placed, knowledge.as_of, WORLDS, scenario.seed, dates_per_year=per_year
        )
        return tabulate(scenario.name, worlds, every_date=every_date)

    yearly, monthly = tables(1), tables(12)
    assert len(yearly.supply) == len(monthly.supply)
    for a, b in zip((*yearly.supply, *yearly.demand), (*monthly.supply, *monthly.demand),
                    strict=True):  # fmt: skip
        assert (a.domain, a.year) == (b.domain, b.year)
        assert b.quantiles == pytest.approx(a.quantiles, rel=1e-6)
    for a, b in zip(yearly.walls, monthly.walls, strict=True):
        for coarse, fine in zip((a.p10, a.p50, a.p90), (b.p10, b.p50, b.p90), strict=True):
            assert (coarse is None) is (fine is None)
            assert coarse is None or fine == pytest.approx(coarse, abs=0.25)
    assert len(tables(12, every_date=True).demand) == len(yearly.demand) // 20 * (19 * 12 + 1)


def test_penalty_walls_by_the_law_itself(baseline: Worlds, knowledge: Knowledge) -> None:
    """World by world, C_eq/C by the whole law on either side of the wall."""
    whole = baseline.demand()
    years = baseline.years
    unique = _by_stage(baseline, TOTAL)[1]
    shortage = np.log(whole) - np.log(np.array(unique)) - baseline.log_relief()
    r_star = baseline.value("severity.r_d_star")
    for ratio in (0.9, 0.5):
        dates = first_crossing(shortage - baseline.log_shortage_limit(ratio), years)
        inside = np.isfinite(dates)
        assert inside.mean() > 0.5
        for world in np.flatnonzero(inside)[:20]:
            at = np.interp(dates[world], years, shortage[:, world])
            seen = compute_ratio(np.exp(np.array(at)), 0.3526596, r_star[world], 5.309743)
            assert seen == pytest.approx(ratio, abs=2e-4)
    walls = {kind: _forecast(load("baseline"), knowledge).wall(kind=kind)
             for kind in ("penalty_0.9", "penalty_0.5")}  # fmt: skip
    assert walls["penalty_0.9"].p50 < walls["penalty_0.5"].p50


def test_one_domain_runs_out_first(knowledge: Knowledge) -> None:
    forecast = _forecast(load("baseline"), knowledge)
    binds = {row.domain: row.binds for row in forecast.walls if row.domain != TOTAL}
    assert all(row.binds is None for row in forecast.walls if row.domain == TOTAL)
    assert sum(share for share in binds.values() if share is not None) == pytest.approx(1, abs=1e-6)
    assert max(binds, key=lambda domain: binds[domain] or 0) == "qa"
    alone = _forecast(load("epoch-2024-historical"), knowledge).wall("web")
    assert alone.binds == alone.probability_by_horizon


def test_severity_must_be_fixed(make_scenario: Make, knowledge: Knowledge) -> None:
    wide = "{unit: exponent, shape: uniform, low: 0.3, high: 0.4, ci_prob: 0.9, source: by a test}"
    scenario = make_scenario(f"severity: {{exponent: {wide}}}")
    with pytest.raises(ScenarioInvalid, match="exponent is uniform; the law is solved once"):
        _forecast(scenario, knowledge)
    without = _forecast(make_scenario("severity: null"), knowledge)
    assert {row.kind for row in without.walls} == {"exhaustion"}


def test_every_input_is_registered_with_its_origin(knowledge: Knowledge) -> None:
    forecast = _forecast(load("baseline"), knowledge)
    named = load("baseline").references()
    assert {row.name for row in forecast.inputs} == named
    for row in forecast.inputs:
        assert row.drawn_p05 <= row.drawn_p50 <= row.drawn_p95
        assert row.publisher
        assert row.title
        assert row.known_at is not None


def test_start_defaults_to_the_year_of_knowledge(baseline: Worlds, knowledge: Knowledge) -> None:
    assert baseline.start == knowledge.as_of.year == 2026
    assert baseline.years.tolist() == list(range(2026, 2046))
    assert baseline.date_of("demand.path.ceiling") == decimal_year(
        knowledge.claims["factor:compute_ceiling_2030"].valid_on or knowledge.as_of
    )
