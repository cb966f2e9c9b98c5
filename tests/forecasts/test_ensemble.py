"""Several demand laws in one scenario: who draws what, and what their mixture gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from forecasts.draws import uniforms
from forecasts.ensemble import CHOICE
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import build_worlds, forecast_id, place_claims, run_forecast
from forecasts.results import LEVELS, Forecast
from forecasts.scenario import Scenario
from forecasts.sensitivity import variance_shares
from forecasts.simulate import Worlds, ensemble_of
from models.laws import registry

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

Make = Callable[[str], Scenario]
WORLDS = 2000
THREE = """
demand:
  path:
    laws:
      - {law: stated, weight: 2}
      - {law: llama3, weight: 1}
      - {law: besiroglu, weight: 1, draws: true}
"""


def _worlds(scenario: Scenario, knowledge: Knowledge, worlds: int = WORLDS) -> Worlds:
    placed = place_claims(scenario, knowledge.claims, None)
    laws = knowledge.laws_of(scenario)
    return build_worlds(scenario, placed, knowledge.as_of, worlds, 7, laws)


def _run(scenario: Scenario, knowledge: Knowledge, worlds: int = WORLDS) -> Forecast:
    return run_forecast(
        scenario, knowledge.claims, knowledge.origins, as_of=knowledge.as_of, code_version="test",
        worlds=worlds, seed=7, laws=knowledge.laws_of(scenario),
    )  # fmt: skip


def test_the_stated_law_alone_is_the_plain_scenario(
    make_scenario: Make, knowledge: Knowledge
) -> None:
    """Every row to the last digit, whatever its weight."""
    plain = _run(make_scenario(""), knowledge)
    for weight in (1, 0.25):
        alone = _run(
            make_scenario(f"demand: {{path: {{laws: [{{law: stated, weight: {weight}}}]}}}}"),
            knowledge,
        )
        assert (alone.supply, alone.demand, alone.walls) == (
            plain.supply,
            plain.demand,
            plain.walls,
        )
        assert alone.inputs == plain.inputs


def test_worlds_follow_their_law(make_scenario: Make, knowledge: Knowledge) -> None:
    """World by world: the law its own draw names, at its compute, overtrained as it draws."""
    worlds = _worlds(make_scenario(THREE), knowledge)
    plain = _worlds(make_scenario(""), knowledge)
    year = np.array([2031.0])
    compute, root = worlds.compute(year)[0], np.sqrt(worlds.value("demand.path.overtraining"))
    u = uniforms(CHOICE, 7, WORLDS)
    laws = knowledge.laws_of(make_scenario(THREE))
    cloud = laws["besiroglu"].cloud
    llama = laws["llama3"].build({}).optimal_tokens(compute)
    each = np.asarray(laws["besiroglu"].drawn(np.arange(4000)).optimal_tokens(4e25))
    rank = np.minimum((uniforms("law:besiroglu", 7, WORLDS) * 4000).astype(int), 3999)
    chosen = np.argsort(each, kind="stable")[rank]
    a, b = cloud["alpha"][chosen], cloud["beta"][chosen]
    G = (a * cloud["A"][chosen] / (b * cloud["B"][chosen])) ** (1 / (a + b))
    corrected = (compute / 6) ** (a / (a + b)) / G
    expected = np.where(u < 0.5, plain.demand(year)[0] / root,
                        np.where(u < 0.75, llama, corrected))  # fmt: skip
    assert worlds.demand(year)[0] == pytest.approx(expected * root, rel=1e-9)
    assert [np.mean(u < end) for end in (0.5, 0.75)] == pytest.approx([0.5, 0.75], abs=1 / WORLDS)


def test_only_the_ratio_of_weights_counts(make_scenario: Make, knowledge: Knowledge) -> None:
    tenfold = THREE.replace("weight: 2", "weight: 20").replace("weight: 1", "weight: 10")
    first, second = (_run(make_scenario(text), knowledge) for text in (THREE, tenfold))
    assert first.demand == second.demand
    assert first.walls == second.walls


def test_laws_change_no_other_draw(make_scenario: Make, knowledge: Knowledge) -> None:
    plain, several = (_worlds(make_scenario(text), knowledge) for text in ("", THREE))
    for place, _, _ in plain.scenario.quantities():
        assert plain.value(place).tobytes() == several.value(place).tobytes(), place
    # And another input less moves no world to another law.
    fewer = THREE.replace("demand:\n", "demand:\n  shares: {code: null}\n")
    other = _worlds(make_scenario(f"{fewer}supply: {{code: null}}"), knowledge)
    for name in (CHOICE, "law:besiroglu"):
        assert other.inputs()[name].tobytes() == several.inputs()[name].tobytes()


FIXED = """
demand:
  path:
    level: {{unit: flop, {level}, valid_on: 2025-01-01, source: said by a test}}
    growth: {{unit: ratio_per_year, value: 1, source: said by a test}}
    growth_from_runs: false
    ceiling: null
    ceiling_growth: null
    overtraining: {{unit: ratio, value: 1, source: said by a test}}
    laws:
{laws}
"""


def test_quantiles_are_those_of_the_exact_mixture(
    make_scenario: Make, knowledge: Knowledge
) -> None:
    """Lognormal compute under three power laws: a mixture of three lognormals, by its own CDF."""
    weights = {"llama3": 1.0, "deepseek": 2.0, "twenty_tokens": 1.0}
    scenario = make_scenario(FIXED.format(
        level="shape: lognormal, low: 1.0e+26, high: 1.0e+28, ci_prob: 0.9",
        laws="\n".join(f"      - {{law: {n}, weight: {w}}}" for n, w in weights.items()),
    ))  # fmt: skip
    laws = knowledge.laws_of(scenario)
    middle, spread = 27 * np.log(10), np.log(10) / stats.norm.ppf(0.95)
    parts = []
    for name, weight in weights.items():
        low, high = np.log(laws[name].build({}).optimal_tokens(np.array([1e26, 1e28])))
        slope = (high - low) / (2 * np.log(10))
        parts.append((weight / 4, low + slope * np.log(10), slope * spread))
    assert middle == pytest.approx(np.log(1e27))

    def below(x: float) -> float:
        return float(sum(w * stats.norm.cdf((x - m) / s) for w, m, s in parts))

    exact = [np.exp(brentq(lambda x, at=level: below(x) - at, 20, 50)) for level in LEVELS]
    row = _run(scenario, knowledge, worlds=65_536).demand_at("total", 2030)
    # Counted, not integrated: three standard errors of a quantile at 65,536 worlds.
    assert row.quantiles == pytest.approx(exact, rel=0.03)
    assert row.at("p50") == pytest.approx(exact[4], rel=0.01)


def test_a_cloud_gives_its_own_quantiles(make_scenario: Make, knowledge: Knowledge) -> None:
    """One budget, one law: demand is the cloud's, printed for 5e28 FLOP as 177T, 316T and 541T."""
    scenario = make_scenario(FIXED.format(
        level="value: 5.0e+28", laws="      - {law: besiroglu, weight: 1, draws: true}",
    ))  # fmt: skip
    row = _run(scenario, knowledge, worlds=65_536).demand_at("total", 2030)
    every = knowledge.laws_of(scenario)["besiroglu"]
    each = every.drawn(np.arange(every.resamples)).optimal_tokens(5e28)
    assert row.quantiles == pytest.approx(np.quantile(each, LEVELS), rel=5e-3)
    seen = [row.at(label) / 1e12 for label in ("p10", "p50", "p90")]
    assert seen == pytest.approx([177, 316, 541], rel=0.01)


def test_the_choice_is_an_input_like_any_other(make_scenario: Make, knowledge: Knowledge) -> None:
    """Its share of ln demand is that of the means, by hand; where the laws agree it has none."""
    text = FIXED.format(
        level="shape: lognormal, low: 1.0e+26, high: 1.0e+28, ci_prob: 0.9",
        laws="      - {law: llama3, weight: 3}\n      - {law: deepseek, weight: 1}",
    )
    worlds = _worlds(make_scenario(text), knowledge, worlds=65_536)
    outcome = np.log(worlds.demand(np.array([2030.0]))[0])
    shares = variance_shares(outcome, worlds.inputs())
    compute = worlds.value("demand.path.level")
    laws = knowledge.laws_of(make_scenario(text))
    means = [
        np.log(laws[n].build({}).optimal_tokens(compute)).mean() for n in ("llama3", "deepseek")
    ]
    between = 0.75 * 0.25 * (means[0] - means[1]) ** 2
    assert shares[CHOICE] == pytest.approx(between / outcome.var(), abs=0.01)
    assert shares[CHOICE] > 0.15
    # With fresh tokens these two are one law by two names.
    alike = text.replace("llama3", "besiroglu").replace("deepseek", "muennighoff_hybrid")
    same = _worlds(make_scenario(alike), knowledge, worlds=65_536)
    outcome = np.log(same.demand(np.array([2030.0]))[0])
    assert variance_shares(outcome, same.inputs())[CHOICE] == pytest.approx(0, abs=1e-3)


def test_the_register_names_choice_and_laws(make_scenario: Make, knowledge: Knowledge) -> None:
    rows = {row.name: row for row in _run(make_scenario(THREE), knowledge).inputs}
    choice = rows[CHOICE]
    assert choice.basis.startswith(
        "share of worlds by law: stated 0.5, llama3 0.25, besiroglu 0.25"
    )
    assert choice.drawn_p05 <= choice.drawn_p50 <= choice.drawn_p95
    drawn = rows["law:besiroglu"]
    assert "4000 resamples" in drawn.basis
    assert drawn.drawn_p05 < drawn.drawn_p50 < drawn.drawn_p95
    assert drawn.origin_id
    assert drawn.url.startswith("https://")
    assert rows["law:llama3"].drawn_p05 == rows["law:llama3"].drawn_p95
    assert "factor:tokens_per_param" in rows
    without = make_scenario(THREE.replace("      - {law: stated, weight: 2}\n", ""))
    names = {row.name for row in _run(without, knowledge).inputs}
    assert not names & {"factor:tokens_per_param", "factor:tokens_per_param_drift"}
    assert {"law:llama3", "law:besiroglu", CHOICE} <= names


def test_another_cloud_is_another_forecast(make_scenario: Make, knowledge: Knowledge) -> None:
    scenario = make_scenario(THREE)
    placed = place_claims(scenario, knowledge.claims, None)
    laws = knowledge.laws_of(scenario)

    def name(known: object) -> str:
        ensemble = ensemble_of(scenario, placed, laws | {"besiroglu": known})  # type: ignore[dict-item]
        return forecast_id(scenario, placed, knowledge.as_of, 100, 1, "test", ensemble)

    known = laws["besiroglu"]
    moved = {symbol: draws * 1.01 for symbol, draws in known.cloud.items()}
    other = type(known)(known.row, known.build, moved)
    assert name(known) == name(known) != name(other)


@pytest.mark.parametrize(
    ("laws", "message"),
    [
        ("{law: besiroglu, weight: 0}", "weight: it must be above 0"),
        ("{law: besiroglu, weight: -1}", "weight: it must be above 0"),
        ("{law: besiroglu}", r"laws.0.weight is missing"),
        ("{law: besiroglu, weight: 1}, {law: besiroglu, weight: 2}", "laws name besiroglu twice"),
        ("{law: stated, weight: 1, draws: true}", "the stated law has no resamples"),
    ],
)
def test_impossible_ensembles_are_refused(laws: str, message: str, make_scenario: Make) -> None:
    with pytest.raises(ScenarioInvalid, match=message):
        make_scenario(f"demand: {{path: {{laws: [{laws}]}}}}")


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ("{law: besiroglou, weight: 1}", "no law is named 'besiroglou'; did you mean besiroglu"),
        ("{law: lovelace, weight: 1}", "law lovelace computes nothing"),
        ("{law: own:ours, weight: 1}", "no fit own:ours is known; there are none"),
        ("{law: llama3, weight: 1, draws: true}", "llama3 keeps no resampled fits to draw from"),
        ("{law: kaplan_L_N, weight: 1}", "demand law kaplan_L_N: "),
    ],
)
def test_laws_that_cannot_be_drawn_from_are_refused(
    law: str, message: str, make_scenario: Make, knowledge: Knowledge
) -> None:
    scenario = make_scenario(f"demand: {{path: {{laws: [{law}]}}}}")
    with pytest.raises(ScenarioInvalid, match=message):
        _run(scenario, knowledge)


def test_every_demand_law_can_be_in_an_ensemble(make_scenario: Make, knowledge: Knowledge) -> None:
    laws = ", ".join(f"{{law: {name}, weight: 1}}" for name in registry.DEMAND)
    forecast = _run(make_scenario(f"demand: {{path: {{laws: [{laws}]}}}}"), knowledge)
    for row in forecast.demand:
        assert np.isfinite(row.quantiles).all()
