"""Variance shares: exact on sums, zero for idle inputs, and those of a published model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from forecasts.draws import Draws, uniforms
from forecasts.forecast import build_worlds, place_claims
from forecasts.results import TOTAL
from forecasts.scenario import load
from forecasts.sensitivity import first_order, total_order, variance_shares
from models.claims import Claim
from models.errors import OutsideValidRange

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

WORLDS = 65_536


def test_shares_of_a_sum() -> None:
    """Y = a·X1 + b·X2 with equal variances: a² : b²."""
    x = {name: uniforms(name, 1, WORLDS) for name in ("one", "two", "idle")}
    shares = variance_shares(3 * x["one"] + 4 * x["two"], x)
    assert list(shares) == ["two", "one", "idle"]
    assert list(shares.values()) == pytest.approx([0.64, 0.36, 0], abs=0.003)


def test_an_interaction_counts_in_the_total_alone() -> None:
    """Y = X1·X2 of centred inputs: nothing by itself, everything together."""
    one, two, again = (uniforms(name, 1, WORLDS) - 0.5 for name in ("one", "two", "again"))
    assert first_order(one * two, one) == pytest.approx(0, abs=0.003)
    assert total_order(one * two, again * two) == pytest.approx(1, abs=0.02)
    assert total_order(one + two, again + two) == pytest.approx(0.5, abs=0.01)


def test_no_variance_has_no_shares() -> None:
    x = uniforms("one", 1, 1000)
    assert variance_shares(np.ones(1000), {"one": x}) == {"one": 0.0}
    assert total_order(np.ones(1000), np.ones(1000)) == 0


def test_too_few_worlds_are_refused() -> None:
    with pytest.raises(OutsideValidRange, match="100 worlds for 64 bins; a share needs ten"):
        first_order(np.ones(100), np.arange(100.0))


def test_what_moves_epochs_wall(knowledge: Knowledge) -> None:
    """Shares of ln(demand/stock) in 2029 under the historical scenario, each within 2 points."""
    scenario = load("epoch-2024-historical")
    placed = place_claims(scenario, knowledge.claims, None)
    worlds = build_worlds(scenario, placed, knowledge.as_of, scenario.worlds, scenario.seed)
    year = np.array([2029.0])
    gap = np.log(worlds.demand(year)[0] / worlds.supply(TOTAL, "effective", year)[0])
    shares = variance_shares(gap, worlds.inputs())
    seen = {
        "page count": shares["inventory:indexed-web.pages.unique"],
        "growth": shares["factor:dataset_growth"],
        "level": shares["factor:largest_dataset_2024"],
        "quality": shares["factor:web_quality"],
        "bytes per token": shares["factor:bytes_per_token"],
        "repetition": shares["factor:repetition_flat"],
        "stock growth": shares["factor:web_page_growth"] + shares["factor:web_text_growth"],
    }
    expected = {"page count": 34, "growth": 30, "level": 16, "quality": 10, "bytes per token": 5,
                "repetition": 4, "stock growth": 1}  # fmt: skip
    assert {k: 100 * v for k, v in seen.items()} == pytest.approx(expected, abs=2)
    assert sum(shares.values()) == pytest.approx(1, abs=0.02)


def test_inputs_are_the_draws_by_name(knowledge: Knowledge) -> None:
    scenario = load("baseline")
    placed = place_claims(scenario, knowledge.claims, None)
    worlds = build_worlds(scenario, placed, knowledge.as_of, 1000, 7)
    uncertain = {claim.name: claim for claim in placed.values() if claim.shape != "fixed"}
    assert set(worlds.inputs()) == set(uncertain)
    claim: Claim = uncertain["factor:web_quality"]
    again = Draws(7, 1000).of(claim)
    assert worlds.inputs()["factor:web_quality"].tobytes() == again.tobytes()
