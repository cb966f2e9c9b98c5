"""Assessments agree with verdicts, with the law they cost by, and with common sense."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.assess import assess
from forecasts.decide import decide
from forecasts.forecast import build_worlds, place_claims
from forecasts.plan import PlannedRun
from forecasts.results import Assessment, Span
from forecasts.scenario import load
from forecasts.simulate import Worlds
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import DataConstrained

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

AS_OF = date(2026, 11, 21)
GROWTH = 4.6
# Muennighoff et al. 2023, arXiv:2305.16264; digits from huggingface/datablations.
LAW = DataConstrained(
    Chinchilla(np.exp(6.255414), np.exp(7.3049974), np.exp(0.6254804), 0.3526596, 0.3526596),
    15.387756,
    5.309743,
)
few = settings(max_examples=20, deadline=None)
mixtures = st.sampled_from(
    [{"web": 1.0}, {"web": 0.7, "code": 0.3}, {"web": 0.6, "math": 0.2, "books": 0.2}]
)
computes = st.floats(23, 30).map(lambda exponent: 10.0**exponent)


def _run(**keys: Any) -> PlannedRun:
    plain: dict[str, Any] = {"run": "a", "needed_on": date(2028, 7, 1), "mixture": {"web": 1.0}}
    return PlannedRun.model_validate(plain | keys)


@pytest.fixture(scope="module")
def worlds(knowledge: Knowledge) -> Worlds:
    scenario = load("baseline")
    placed = place_claims(scenario, knowledge.claims, None)
    return build_worlds(scenario, placed, AS_OF, 500, 1)


def _assess(worlds: Worlds, **keys: Any) -> Assessment:
    return assess(worlds, _run(**keys), LAW, GROWTH, AS_OF)


def _ordered(span: Span) -> list[float]:
    return [np.inf if x is None else x for x in (span.p05, span.p50, span.p95)]


@few
@given(computes, mixtures, st.sampled_from([None, 1.0, 4.0]))
def test_the_odds_are_those_of_the_verdict(
    worlds: Worlds, compute: float, mixture: dict[str, float], epochs: float | None
) -> None:
    keys: dict[str, Any] = {"compute_flop": compute, "mixture": mixture, "max_epochs": epochs}
    found, verdict = _assess(worlds, **keys), decide(worlds, _run(**keys), "f0", AS_OF)
    assert found.probability == pytest.approx(verdict.probability, abs=2 / 500)
    assert found.earliest_date == verdict.earliest_date


@few
@given(computes, st.floats(0, 0.2))
def test_freedom_never_lowers_the_odds(worlds: Worlds, compute: float, give: float) -> None:
    mixture = {"web": 0.7, "code": 0.3}
    bounds = {"code": (0.3 - give, 0.3), "web": (0.7, 0.7 + give)}
    found = _assess(worlds, compute_flop=compute, mixture=mixture, mixture_bounds=bounds)
    assert found.probability_remixed >= found.probability
    if found.mixture_found is not None:
        assert sum(found.mixture_found.values()) == pytest.approx(1, abs=1e-6)
    if found.earliest_date is not None:
        assert found.earliest_date_remixed is not None
        assert found.earliest_date_remixed <= found.earliest_date


@few
@given(computes, mixtures, st.floats(1, 50))
def test_a_larger_run_costs_and_needs_more(
    worlds: Worlds, compute: float, mixture: dict[str, float], more: float
) -> None:
    small, large = (
        _assess(worlds, compute_flop=compute * factor, mixture=mixture) for factor in (1.0, more)
    )
    assert large.probability <= small.probability
    for part in ("epochs_needed", "synthetic_share_needed"):
        pairs = zip(_ordered(getattr(small, part)), _ordered(getattr(large, part)), strict=True)
        assert all(b >= a * (1 - 1e-6) for a, b in pairs)
    pairs = zip(_ordered(small.compute_ratio), _ordered(large.compute_ratio), strict=True)
    assert all(b <= a * (1 + 1e-6) for a, b in pairs)


@few
@given(computes, mixtures)
def test_every_number_is_in_its_range(
    worlds: Worlds, compute: float, mixture: dict[str, float]
) -> None:
    found = _assess(worlds, compute_flop=compute, mixture=mixture)
    for part in Assessment.__dataclass_fields__:
        value = getattr(found, part)
        if isinstance(value, Span):
            assert _ordered(value) == sorted(_ordered(value)), part
            assert not any(np.isnan(x) for x in _ordered(value)), part
    assert all(0 < x <= 1 for x in _ordered(found.compute_ratio))
    assert all(0 <= x <= 1 for x in _ordered(found.synthetic_share_needed))
    assert sum(found.binding.values()) == pytest.approx(1 if found.binding else 0, abs=1e-5)


def test_a_small_run_lacks_nothing(worlds: Worlds) -> None:
    found = _assess(worlds, params=1e9, tokens=1e10)
    assert (found.probability, found.binding) == (1, {})
    assert found.epochs_needed == Span(1, 1, 1)
    assert found.loss_gap_nats == Span(0, 0, 0)
    assert found.compute_ratio == Span(1, 1, 1)
    assert found.earliest_date == date(2028, 7, 1)


def test_a_domain_that_is_not_counted_is_named_and_binds(worlds: Worlds) -> None:
    found = _assess(worlds, compute_flop=1e25, mixture={"web": 0.5, "private": 0.5})
    assert found.uncounted == ("private",)
    assert (found.probability, found.earliest_date) == (0, None)
    assert found.binding == {"private": 1.0}
    assert found.epochs_needed.p50 is None


def test_a_run_moves_out_of_a_scarce_domain(worlds: Worlds) -> None:
    mixture = {"web": 0.6, "papers": 0.4}
    bounds = {"papers": (0.0, 0.4), "web": (0.6, 1.0)}
    found = _assess(worlds, params=1e11, tokens=1e13, mixture=mixture, mixture_bounds=bounds)
    assert next(iter(found.binding)) == "papers"
    assert found.probability < found.probability_remixed
    assert found.mixture_found is not None
    assert found.mixture_found["papers"] < 0.4
