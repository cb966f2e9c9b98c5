"""The map of laws against data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from forecasts.disagreement import disagreement
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import build_worlds, place_claims
from forecasts.scenario import load
from forecasts.simulate import Worlds
from models.laws.chinchilla import Chinchilla

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

# Besiroglu et al. 2024, arXiv:2404.10102, and Hoffmann et al. 2022 unrounded, arXiv:2203.15556.
CORRECTED = Chinchilla(482.01, 2085.43, 1.8172, 0.3478, 0.3658)
ORIGINAL = Chinchilla(
    np.exp(6.0073404), np.exp(6.0179186), np.exp(0.5267228), 0.33917084, 0.2849083
)


def _worlds(name: str, knowledge: Knowledge) -> Worlds:
    scenario = load(name)
    placed = place_claims(scenario, knowledge.claims, None)
    return build_worlds(scenario, placed, knowledge.as_of, 1000, 1)


@pytest.fixture(scope="module")
def worlds(knowledge: Knowledge) -> Worlds:
    return _worlds("baseline", knowledge)


def test_laws_part_as_compute_grows(worlds: Worlds) -> None:
    near, far = disagreement(worlds, {"new": CORRECTED, "old": ORIGINAL}, (2027, 2035))
    assert near.compute_flop < far.compute_flop
    assert 1 < near.spread < far.spread
    assert near.tokens["old"] > near.tokens["new"]


def test_shares_add_up_and_one_law_disagrees_with_nobody(worlds: Worlds) -> None:
    (both,) = disagreement(worlds, {"new": CORRECTED, "old": ORIGINAL}, (2030,))
    assert both.laws_share + both.compute_share + both.supply_share == pytest.approx(1)
    assert both.laws_share > 0.1
    (alone,) = disagreement(worlds, {"new": CORRECTED}, (2030,))
    assert (alone.laws_share, alone.spread) == (0, 1)


def test_a_scenario_without_compute_has_no_map(knowledge: Knowledge) -> None:
    with pytest.raises(ScenarioInvalid, match="no compute path"):
        disagreement(_worlds("epoch-2024-historical", knowledge), {"new": CORRECTED}, (2030,))
