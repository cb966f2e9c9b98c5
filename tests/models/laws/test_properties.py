"""What must hold of every law: numbers, limits and units, by law and by generated input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import LawCannotAnswer
from models.laws import registry
from models.laws.chinchilla import Chinchilla
from models.laws.fits import FitRow
from models.laws.harmful_repetition import HarmfulRepetition
from models.laws.law import Law

COMPUTABLE = [name for name, entry in registry.ENTRIES.items() if entry.build]
ALLOCATING = [name for name in COMPUTABLE if not name.startswith("kaplan_L_")]
# Laws with a loss surface in both N and D.
SURFACES = [
    "kaplan_joint", "hoffmann_approach3", "besiroglu", "besiroglu_refit",
    "llama3_digitised_surface", "gadre", "gadre_redpajama", "gadre_refinedweb", "muennighoff",
    "muennighoff_hybrid", "muennighoff_data_only", "krajewski", "sardana", "epoch_profit",
]  # fmt: skip
REPEATING = ["muennighoff", "muennighoff_hybrid", "muennighoff_data_only"]

log_params, log_tokens = st.floats(7, 14), st.floats(8, 16)
log_compute, log_factor = st.floats(19, 30), st.floats(0.01, 3)


@pytest.fixture(scope="module", params=ALLOCATING)
def allocating(request: pytest.FixtureRequest, fits: dict[str, FitRow]) -> Law:
    return registry.law(request.param, fits)


@pytest.fixture(scope="module", params=SURFACES)
def surface(request: pytest.FixtureRequest, fits: dict[str, FitRow]) -> Law:
    return registry.law(request.param, fits)


@pytest.fixture(scope="module", params=REPEATING)
def repeating(request: pytest.FixtureRequest, fits: dict[str, FitRow]) -> Law:
    return registry.law(request.param, fits)


def test_the_lists_are_complete(fits: dict[str, FitRow]) -> None:
    found = []
    for name in ALLOCATING:
        try:
            registry.law(name, fits).loss(1e9, 1e10)
        except LawCannotAnswer:
            continue
        found.append(name)
    assert found == sorted(SURFACES, key=ALLOCATING.index)


@settings(max_examples=8)
@given(n=log_params, d=log_tokens, more=log_factor)
def test_loss_falls_in_params_and_fresh_tokens(
    surface: Law, n: float, d: float, more: float
) -> None:
    loss = float(surface.loss(10**n, 10**d))
    assert float(surface.loss(10 ** (n + more), 10**d)) <= loss
    assert float(surface.loss(10**n, 10 ** (d + more))) < loss
    assert loss > float(surface.irreducible_nats)


@settings(max_examples=8)
@given(n=log_params, d=log_tokens, u=log_tokens, more=log_factor)
def test_loss_falls_in_unique_tokens(
    surface: Law, n: float, d: float, u: float, more: float
) -> None:
    few, many = (float(surface.loss(10**n, 10**d, 10**x)) for x in (u, u + more))
    assert many <= few * (1 + 1e-14)
    assert float(surface.loss(10**n, 10**d)) <= many * (1 + 1e-14)


@settings(max_examples=8)
@given(c=log_compute, u=log_tokens)
def test_optimum_spends_the_budget(allocating: Law, c: float, u: float) -> None:
    for unique in (np.inf, 10**u):
        best = allocating.optimum(10**c, unique)
        assert 6 * best.params * best.tokens == pytest.approx(10**c, rel=1e-12)
        assert best.tokens_per_param == pytest.approx(best.tokens / best.params, rel=1e-12)
        assert best.tokens <= unique * best.epochs * (1 + 1e-12)


@settings(max_examples=8)
@given(c=log_compute, x=st.floats(-1, 1))
def test_no_other_split_is_better(surface: Law, c: float, x: float) -> None:
    """The first-order condition without derivatives: any step along 6ND = C raises the loss."""
    best = surface.optimum(10**c)
    other = surface.loss(best.params * np.exp(x), best.tokens / np.exp(x))
    assert float(other) >= float(best.loss_nats) * (1 - 1e-14)


@settings(max_examples=8)
@given(c=log_compute, u=log_tokens, x=st.floats(-1, 1))
def test_no_other_split_is_better_under_a_limit(
    repeating: Law, c: float, u: float, x: float
) -> None:
    best = repeating.optimum(10**c, 10**u)
    other = repeating.loss(best.params * np.exp(x), best.tokens / np.exp(x), 10**u)
    if not best.clamped:
        assert float(other) >= float(best.loss_nats) * (1 - 1e-12)


@settings(max_examples=8)
@given(c=log_compute, more=log_factor)
def test_demand_rises_with_compute(allocating: Law, c: float, more: float) -> None:
    assert allocating.optimal_tokens(10 ** (c + more)) > allocating.optimal_tokens(10**c)


@settings(max_examples=8)
@given(c=log_compute, s=st.floats(0, 0.99), k=st.floats(0.1, 100), w=st.floats(0.2, 0.6))
def test_demand_keeps_the_budget_and_multiplies_the_ratio(
    allocating: Law, c: float, s: float, k: float, w: float
) -> None:
    wanted = allocating.demand(10**c, sparsity=s, sparsity_exponent=w, overtraining=k)
    plain = allocating.demand(10**c)
    assert 6 * wanted.active_params * wanted.tokens == pytest.approx(10**c, rel=1e-12)
    ratio = wanted.tokens_per_param / plain.tokens_per_param
    assert ratio == pytest.approx(k * (1 - s) ** -w, rel=1e-9)
    assert wanted.total_params * (1 - s) == pytest.approx(wanted.active_params, rel=1e-12)


@settings(max_examples=8)
@given(c=log_compute, u=log_tokens, more=log_factor)
def test_more_unique_tokens_never_need_more_epochs(
    allocating: Law, c: float, u: float, more: float
) -> None:
    few, many = (allocating.optimum(10**c, 10**x) for x in (u, u + more))
    assert many.epochs <= few.epochs * (1 + 1e-9)
    assert few.epochs >= 1


@settings(max_examples=8)
@given(c=log_compute, log_k=st.floats(-4, 4))
def test_penalty_is_least_at_the_optimum(surface: Law, c: float, log_k: float) -> None:
    # Above E by more than rounding: near E the inverse of the loss has no digits left.
    best = surface.optimum(10**c)
    if float(best.loss_nats - surface.irreducible_nats) < 1e-4 * float(best.loss_nats):
        return
    assert surface.overtraining_penalty(1.0, 10**c) == pytest.approx(1, abs=1e-9)
    paid = float(surface.overtraining_penalty(np.exp(log_k), 10**c))
    assert paid >= 1
    cost = surface.penalty_of_overtraining(np.exp(log_k), 10**c)
    assert float(cost.loss_gap_nats) >= 0
    assert float(cost.compute_equivalent_flop) <= 10**c * (1 + 1e-12)


@settings(max_examples=8)
@given(c=st.floats(20, 26))
def test_an_unlimited_supply_is_no_limit(allocating: Law, c: float) -> None:
    free = allocating.optimum(10**c)
    vast = allocating.optimum(10**c, 1e40)
    assert vast.tokens == pytest.approx(free.tokens, rel=1e-12)
    assert vast.epochs == 1


@settings(max_examples=8)
@given(n=log_params, d=log_tokens)
def test_without_repeats_the_data_constrained_law_is_its_base(
    repeating: Law, n: float, d: float
) -> None:
    """U → ∞ gives the base law for every model up to the best size; R → 0 its data term."""
    assert hasattr(repeating, "base")
    size = min(10**n, float(repeating.base.params_for_tokens(10**d)))
    expected = float(repeating.base.loss(size, 10**d))
    assert float(repeating.loss(size, 10**d)) == pytest.approx(expected, rel=1e-12)
    assert float(repeating.loss(size, 10**d, 10**d / (1 + 1e-9))) == pytest.approx(
        expected, rel=1e-8
    )


@settings(max_examples=8)
@given(n=log_params, d=log_tokens)
def test_tokens_invert_the_loss(surface: Law, n: float, d: float) -> None:
    loss, floor = surface.loss(10**n, 10**d), surface.loss(10**n, 1e40)
    if float(loss - floor) < 1e-4 * float(loss):
        return
    assert surface.tokens_for_loss(loss, 10**n) == pytest.approx(10**d, rel=1e-6)
    assert np.isinf(surface.tokens_for_loss(floor * 0.99, 10**n))


@settings(max_examples=8)
@given(c=st.floats(19, 25))
def test_compute_inverts_the_optimum(surface: Law, c: float) -> None:
    best = surface.optimum(10**c)
    assert surface.compute_for_loss(best.loss_nats) == pytest.approx(10**c, rel=1e-6)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_impossible_input_is_refused_by_every_law(allocating: Law, bad: float) -> None:
    from models.errors import OutsideValidRange

    for ask in (
        lambda: allocating.optimum(bad),
        lambda: allocating.optimum(1e22, bad),
        lambda: allocating.demand(1e22, overtraining=bad),
    ):
        with pytest.raises(OutsideValidRange):
            ask()


HARM = HarmfulRepetition(
    Chinchilla(A=482.01, B=2085.43, E=1.8172, alpha=0.3478, beta=0.3658),
    P=0.01,
    delta=1.0,
    kappa=0.5,
)


def test_harm_can_make_more_epochs_worse() -> None:
    """With made-up constants, since none are published: the form does what the other cannot."""
    losses = HARM.loss(1e10, 1e10 * np.array([1.0, 2.0, 4.0, 100.0]), 1e10)
    assert losses[1] < losses[0]
    assert losses[-1] > losses[0]


@settings(max_examples=8)
@given(c=st.floats(20, 26), u=st.floats(9, 15), x=st.floats(-0.5, 0.5))
def test_harmful_optimum_is_one(c: float, u: float, x: float) -> None:
    best = HARM.optimum(10**c, 10**u)
    assert 6 * best.params * best.tokens == pytest.approx(10**c, rel=1e-12)
    other = HARM.loss(best.params * np.exp(x), best.tokens / np.exp(x), 10**u)
    assert float(other) >= float(best.loss_nats) * (1 - 1e-12)
    free = HARM.base.optimum(10**c)
    assert best.loss_nats >= free.loss_nats * (1 - 1e-14)
    assert HARM.optimum(10**c).loss_nats == pytest.approx(free.loss_nats, rel=1e-14)


def test_harmful_law_takes_clouds() -> None:
    cloud = HarmfulRepetition(HARM.base, np.array([[0.01], [0.1]]), 1.0, 0.5)
    best = cloud.optimum(np.array([1e22, 1e23, 1e24]), 1e10)
    assert best.loss_nats.shape == (2, 3)
    assert best.loss_nats[0] == pytest.approx(
        HARM.optimum(np.array([1e22, 1e23, 1e24]), 1e10).loss_nats
    )
    assert (best.epochs[1] <= best.epochs[0]).all()
