"""Named draws: the same for one name and seed, whatever else is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecasts.draws import Draws, uniforms
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import build_worlds, place_claims
from models.claims import Claim, quantiles

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge
    from forecasts.scenario import Scenario
    from forecasts.simulate import Worlds

WORLDS = 500
names = st.text(min_size=1, max_size=30)


def _claim(name: str) -> Claim:
    return Claim(name, "ratio", "lognormal", low=1.0, high=2.0, ci_prob=0.9)


@given(names, st.integers(0, 2**63 - 1))
def test_name_and_seed_alone_decide(name: str, seed: int) -> None:
    assert uniforms(name, seed, 64).tobytes() == uniforms(name, seed, 64).tobytes()
    assert uniforms(name, seed, 64).tobytes() != uniforms(name + "'", seed, 64).tobytes()
    assert uniforms(name, seed, 64).tobytes() != uniforms(name, seed + 1, 64).tobytes()


@given(names, st.integers(0, 2**63 - 1), st.integers(1, 300))
def test_one_draw_in_every_stratum(name: str, seed: int, worlds: int) -> None:
    drawn = uniforms(name, seed, worlds)
    assert 0 < drawn.min() <= drawn.max() < 1
    assert np.sort(np.floor(drawn * worlds)).tolist() == list(range(worlds))


def test_uniform_inside_the_strata() -> None:
    worlds = 20_000
    within = uniforms("factor:x", 7, worlds) * worlds % 1
    assert stats.kstest(within, "uniform").pvalue > 0.001


def test_names_are_uncorrelated() -> None:
    """Rank correlation of 40 names in 4,096 worlds: none beyond 4.6 standard errors of 1/64."""
    drawn = np.stack([uniforms(f"factor:{i}", 20240604, 4096) for i in range(40)])
    correlation = np.corrcoef(drawn)
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 4.6 / 64


def test_stratified_quantiles_are_nearly_exact() -> None:
    drawn = Draws(1, 10_000).of(_claim("factor:x"))
    exact = quantiles(_claim("factor:x"), np.array([0.1, 0.5, 0.9]))
    assert np.quantile(drawn, [0.1, 0.5, 0.9]) == pytest.approx(exact, rel=2e-4)


def test_other_claims_change_no_draw() -> None:
    alone = Draws(1, WORLDS).of(_claim("factor:x"))
    together = Draws(1, WORLDS, [_claim(f"factor:{c}") for c in "abxyz"]).of(_claim("factor:x"))
    assert alone.tobytes() == together.tobytes()


CHANGES = {
    "a domain more": """
supply:
  news:
    count: {unit: tokens, shape: lognormal, low: 1.0e+12, high: 5.0e+12, ci_prob: 0.9,
            source: invented for a test}
    usable_base: works
    why: invented for a test
""",
    "a factor more": """
supply:
  books:
    conversion:
      - times: factor:tokens_per_book
      - times: factor:books_digitised_share
      - times: {unit: ratio, shape: uniform, low: 0.5, high: 1.5, ci_prob: 1.0,
                source: invented for a test}
""",
    "a domain less": "supply: {code: null}\ndemand: {shares: {code: null}}",
    "another name": "name: another\ntitle: Another one",
}


def _build(scenario: Scenario, knowledge: Knowledge) -> Worlds:
    placed = place_claims(scenario, knowledge.claims, knowledge.measured)
    return build_worlds(scenario, placed, knowledge.as_of, WORLDS, scenario.seed)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_scenario_keeps_every_other_draw(
    change: str, make_scenario: Callable[[str], Scenario], knowledge: Knowledge
) -> None:
    """Through whole worlds: places in both scenarios have the same bytes."""
    before = _build(make_scenario(""), knowledge)
    after = _build(make_scenario(change), knowledge)
    places = [place for place, _, _ in before.scenario.quantities()]
    shared = [p for p in places if p in {place for place, _, _ in after.scenario.quantities()}]
    assert len(shared) >= len(places) - 5
    for place in shared:
        assert before.value(place).tobytes() == after.value(place).tobytes(), place
    for domain in ("web", "papers", "math"):
        assert before.domains[domain].unique.tobytes() == after.domains[domain].unique.tobytes()
    assert before.multiplier.tobytes() == after.multiplier.tobytes()
    assert before.demand().tobytes() == after.demand().tobytes()


def test_equal_estimates_of_two_scenarios_draw_alike(
    make_scenario: Callable[[str], Scenario], knowledge: Knowledge
) -> None:
    estimate = """
supply:
  web:
    usable_fraction: {unit: share, shape: beta, low: 0.1, high: 0.4, ci_prob: 0.9,
                      source: invented for a test}
"""
    first, second = (
        _build(make_scenario(f"name: {name}\n{estimate}"), knowledge) for name in ("one", "two")
    )
    assert first.domains["web"].unique.tobytes() == second.domains["web"].unique.tobytes()


def test_a_claim_used_twice_is_drawn_once(
    make_scenario: Callable[[str], Scenario], knowledge: Knowledge
) -> None:
    """Web and crawled web share bytes per token, so their ratio is that of their page counts."""
    worlds = _build(make_scenario(""), knowledge)
    ratio = worlds.domains["crawled_web"].raw / worlds.domains["web"].raw
    pages = worlds.value("supply.crawled_web.count") / worlds.value("supply.web.count")
    assert ratio == pytest.approx(pages, rel=1e-12)


GROUP = """
correlations:
  - quantities: [supply.web.usable_fraction, supply.code.usable_fraction, demand.path.level]
    correlation: 0.6
    why: invented for a test
"""


def test_a_group_moves_together_and_leaves_the_rest(
    make_scenario: Callable[[str], Scenario], knowledge: Knowledge
) -> None:
    alone, grouped = (_build(make_scenario(text), knowledge) for text in ("", GROUP))
    together = ("supply.web.usable_fraction", "supply.code.usable_fraction", "demand.path.level")
    for place, _, _ in alone.scenario.quantities():
        same = alone.value(place).tobytes() == grouped.value(place).tobytes()
        assert same is (place not in together[1:]), place
    scores = [stats.rankdata(grouped.value(place)) for place in together]
    assert np.corrcoef(scores)[np.triu_indices(3, 1)] == pytest.approx([0.58] * 3, abs=0.1)
    for place in together[1:]:
        ends = [np.quantile(w.value(place), [0.1, 0.5, 0.9]) for w in (alone, grouped)]
        assert ends[1] == pytest.approx(ends[0], rel=0.15)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("quantities: [supply.web.count, supply.web.county]", "'supply.web.county', which is no"),
        ("quantities: [supply.web.count, supply.web.count]", "name supply.web.count twice"),
        ("correlation: -0.6", "must be above -0.5"),
        ("correlation: 1", "it must be below 1"),
        ("quantities: [supply.web.count]", "at least 2 items"),
    ],
)
def test_impossible_groups_are_refused(
    group: str, message: str, make_scenario: Callable[[str], Scenario]
) -> None:
    key = group.partition(":")[0]
    lines = [group if line.strip().strip("- ").startswith(key) else line.strip().strip("- ")
             for line in GROUP.strip().splitlines()[1:]]  # fmt: skip
    with pytest.raises(ScenarioInvalid, match=message):
        make_scenario("correlations: [{" + ", ".join(lines) + "}]")


def test_one_claim_cannot_be_correlated_with_itself(
    make_scenario: Callable[[str], Scenario], knowledge: Knowledge
) -> None:
    scenario = make_scenario(GROUP.replace("supply.code.usable", "supply.crawled_web.usable"))
    with pytest.raises(ScenarioInvalid, match="'factor:web_quality' twice, by two of its places"):
        _build(scenario, knowledge)
