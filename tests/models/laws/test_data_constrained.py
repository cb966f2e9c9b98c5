"""The data-constrained law against published numbers, a second method, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

import models.laws.data_constrained as module
from models.errors import ModelError, OutsideValidRange, RecordInvalid
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import MAX_SHORTAGE, DataConstrained, saturating

# Muennighoff et al. 2023, arXiv:2305.16264; digits from the repository huggingface/datablations.
FIT = {
    "A": np.exp(6.255414),
    "B": np.exp(7.3049974),
    "E": np.exp(0.6254804),
    "alpha": 0.3526596,
    "beta": 0.3526596,
    "r_d_star": 15.387756,
    "r_n_star": 5.309743,
}
LAW = DataConstrained.from_fit(FIT)

stars = st.one_of(st.floats(2, 60), st.just(np.inf))
bases = st.builds(
    Chinchilla,
    A=st.floats(100, 1000),
    B=st.floats(300, 5000),
    E=st.floats(1.0, 2.5),
    alpha=st.floats(0.25, 0.5),
    beta=st.floats(0.25, 0.5),
)
laws = st.builds(DataConstrained, base=bases, r_d_star=stars, r_n_star=stars)
computes = st.floats(20, 30).map(lambda exponent: 10.0**exponent)
amounts = st.floats(9, 17).map(lambda exponent: 10.0**exponent)
# A little below the clamp: compute and shortage round on their way into each other.
shortages = st.floats(0.05, np.log(MAX_SHORTAGE) - 1e-9).map(np.exp)


def compute_for_shortage(law: DataConstrained, shortage: float, unique: float) -> float:
    """Budget whose unconstrained optimum wants `shortage` times the unique tokens."""
    tokens = shortage * unique
    return float(6 * law.base.params_for_tokens(tokens) * tokens)


@pytest.mark.parametrize(
    ("epochs", "multiple"),
    [(2, 1.9681992), (8, 6.6241188), (16, 10.582457), (40, 15.167465), (np.inf, 16.387756)],
)
def test_effective_tokens_published(epochs: float, multiple: float) -> None:
    """D'/U by the fit of arXiv:2305.16264: two epochs are nearly free, forty nearly worthless."""
    assert LAW.effective_tokens(1e12, epochs) == pytest.approx(multiple * 1e12, rel=1e-7)


def test_five_fold_multiplier_published() -> None:
    """The founding essay's fivefold supply takes 5.63 epochs under arXiv:2305.16264."""
    assert LAW.epochs_for_multiplier(5) == pytest.approx(5.6322283, rel=1e-7)


def test_params_ceiling_published() -> None:
    """N'/U_N ends at 1 + R_N* = 6.309743; arXiv:2305.16264."""
    useful = LAW.base.params_for_tokens(1e12)
    assert LAW.effective_params(np.inf, 1e12) == pytest.approx(6.309743 * useful, rel=1e-9)


def test_base_ratio_published() -> None:
    """19.61 tokens per parameter at every budget, since α = β; arXiv:2305.16264's constants."""
    ratio = LAW.base.optimum(np.array([1e21, 1e28])).tokens_per_param
    assert ratio == pytest.approx([19.61, 19.61], rel=5e-4)


@pytest.mark.parametrize(
    ("params", "tokens", "loss"), [(6.34e9, 242e9, 2.2256441), (8.67e9, 178e9, 2.22696)]
)
def test_published_runs_on_25b_unique(params: float, tokens: float, loss: float) -> None:
    """The two runs of arXiv:2305.16264, Fig. 1: the one with more epochs wins, barely."""
    assert LAW.loss(params, tokens, 25e9) == pytest.approx(loss, abs=6e-6)


def test_published_optimum_on_25b_unique() -> None:
    """9.26e21 FLOP on 25B unique tokens; the authors' 242B run lies 7 % away on a flat floor."""
    best = LAW.optimum(9.26e21, 25e9)
    assert best.loss_nats == pytest.approx(2.2252669, rel=1e-7)
    assert best.tokens == pytest.approx(226.9e9, rel=1e-3)
    assert best.epochs == pytest.approx(9.07, rel=1e-3)


@pytest.mark.parametrize(
    ("shortage", "epochs"),
    [(1.5, 1.5783969), (2, 2.1815194), (5, 6.1909163), (10, 13.81593), (30, 47.597432)],
)
def test_optimal_epochs_by_shortage(shortage: float, epochs: float) -> None:
    """Scale-free table derived from arXiv:2305.16264's constants by two other solvers."""
    assert LAW.optimal_epochs(shortage) == pytest.approx(epochs, rel=1e-3)


@given(law=laws, compute=computes, unique=amounts)
def test_optimum_spends_the_budget(law: DataConstrained, compute: float, unique: float) -> None:
    best = law.optimum(compute, unique)
    assert 6 * best.params * best.tokens == pytest.approx(compute, rel=1e-12)
    assert best.epochs == pytest.approx(max(best.tokens / unique, 1), rel=1e-12)
    assert best.loss_nats == pytest.approx(law.loss(best.params, best.tokens, unique), rel=1e-12)


@given(law=laws, shortage=shortages, unique=amounts)
def test_optimum_agrees_with_direct_search(
    law: DataConstrained, shortage: float, unique: float
) -> None:
    """Second method: bounded search over ln N on the loss itself."""
    compute = compute_for_shortage(law, shortage, unique)
    best = law.optimum(compute, unique)

    def loss(log_params: float) -> float:
        params = np.exp(log_params)
        return float(law.loss(params, compute / 6 / params, unique))

    centre = float(np.log(law.base.optimum(compute).params))
    found = minimize_scalar(
        loss, bounds=(centre - 8, centre + 8), method="bounded", options={"xatol": 1e-9}
    )
    assert not best.clamped
    assert float(best.loss_nats) == pytest.approx(found.fun, rel=1e-10)
    assert float(best.loss_nats) <= found.fun * (1 + 1e-13)


@given(law=laws, shortage=st.floats(1.05, 30), unique=amounts)
def test_first_order_condition(law: DataConstrained, shortage: float, unique: float) -> None:
    """A log-unit moved from parameters to tokens changes nothing, by central differences."""
    compute = compute_for_shortage(law, shortage, unique)
    best = law.optimum(compute, unique)
    surplus = float(best.params / law.base.params_for_tokens(unique))
    # Past some ten e-foldings of repeats an amount is at its ceiling: no difference can be seen.
    assume(max((best.epochs - 1) / law.r_d_star, (surplus - 1) / law.r_n_star) < 10)
    shift = 1e-4

    def reducible(params: float, tokens: float) -> float:
        return float(law.loss(params, tokens, unique) - law.base.E)

    n, d = float(best.params), float(best.tokens)
    by_params = reducible(n * np.exp(shift), d) - reducible(n * np.exp(-shift), d)
    by_tokens = reducible(n, d * np.exp(shift)) - reducible(n, d * np.exp(-shift))
    assert by_params < 0
    assert by_params == pytest.approx(by_tokens, rel=1e-4, abs=1e-13)


@given(law=laws, compute=computes, unique=amounts, more=st.floats(1, 1e4))
def test_more_unique_tokens_never_hurt(
    law: DataConstrained, compute: float, unique: float, more: float
) -> None:
    richer = law.optimum(compute, unique * more).loss_nats
    assert richer <= law.optimum(compute, unique).loss_nats * (1 + 1e-13)


@given(law=laws, params=amounts, tokens=amounts, unique=amounts, more=st.floats(1, 1e4))
def test_more_unique_tokens_never_hurt_a_fixed_run(
    law: DataConstrained, params: float, tokens: float, unique: float, more: float
) -> None:
    richer = law.loss(params, tokens, unique * more)
    assert richer <= law.loss(params, tokens, unique) * (1 + 1e-13)


@given(law=laws, compute=computes, unique=amounts, more=st.floats(1, 1e4))
def test_more_compute_never_hurts(
    law: DataConstrained, compute: float, unique: float, more: float
) -> None:
    richer = law.optimum(compute * more, unique).loss_nats
    assert richer <= law.optimum(compute, unique).loss_nats * (1 + 1e-13)


@given(law=laws, compute=computes, spare=st.floats(1, 1e3))
def test_sufficient_supply_changes_nothing(
    law: DataConstrained, compute: float, spare: float
) -> None:
    free = law.base.optimum(compute)
    for unique in (free.tokens * spare, np.inf):
        best = law.optimum(compute, unique)
        assert best.loss_nats == free.loss_nats
        assert best.tokens == free.tokens
        assert best.epochs == 1


@given(law=laws, epochs=st.floats(0.01, 1e4), more=st.floats(1, 100))
def test_effective_tokens_rise_to_a_ceiling(
    law: DataConstrained, epochs: float, more: float
) -> None:
    worth = law.effective_tokens(1e12, epochs)
    assert worth <= law.effective_tokens(1e12, epochs * more)
    assert worth <= min(epochs, 1 + law.r_d_star) * 1e12 * (1 + 1e-12)


@given(r_star=st.floats(0.5, 60), multiple=st.floats(1, 300))
def test_saturation_is_the_sum_of_decaying_uses(r_star: float, multiple: float) -> None:
    """Second method: integral of exp(−r/R*), the worth of the r-th repeat."""
    repeats = quad(lambda r: np.exp(-r / r_star), 0, multiple - 1, epsabs=1e-10, limit=200)[0]
    assert saturating(multiple, r_star) == pytest.approx(1 + repeats, rel=1e-8)


@given(r_star=stars, multiple=st.floats(0.01, 20))
def test_epochs_invert_the_multiplier(r_star: float, multiple: float) -> None:
    law = DataConstrained(LAW.base, r_star, np.inf)
    epochs = law.epochs_for_multiplier(multiple)
    if multiple >= 1 + r_star:
        assert epochs == np.inf
    else:
        assert law.effective_tokens(1.0, epochs) == pytest.approx(multiple, rel=1e-9)


def test_less_than_one_epoch_counts_in_full() -> None:
    assert LAW.effective_tokens(1e12, 0.25) == 0.25e12
    assert LAW.loss(1e9, 1e10, 1e12) == LAW.loss(1e9, 1e10, 1e10)


def test_never_decaying_law_is_the_base_law() -> None:
    """With both R* infinite no supply is short: the optimum repeats as much as it wants."""
    law = DataConstrained(LAW.base, np.inf, np.inf)
    best, free = law.optimum(1e27, 1e13), law.base.optimum(1e27)
    assert best.params == pytest.approx(free.params, rel=1e-9)
    assert best.loss_nats == pytest.approx(free.loss_nats, rel=1e-12)


def test_clamp_is_flagged_and_keeps_the_loss() -> None:
    """Past s = 300 the loss is flat: nothing that C buys there shows in 12 digits."""
    unique = 1e13
    edge = compute_for_shortage(LAW, MAX_SHORTAGE, unique)
    best = LAW.optimum(edge * np.array([0.999, 1.001, 1e4]), unique)
    assert best.clamped.tolist() == [False, True, True]
    assert best.loss_nats == pytest.approx(best.loss_nats[0], rel=1e-12)
    assert best.epochs[1:] == pytest.approx(np.full(2, LAW.optimal_epochs(MAX_SHORTAGE)))
    assert 6 * best.params * best.tokens == pytest.approx(edge * np.array([0.999, 1.001, 1e4]))


def test_ceiling_of_useful_compute() -> None:
    """C_eq stops at 95 times the sufficient compute under the constants of arXiv:2305.16264."""
    sufficient = compute_for_shortage(LAW, 1, 1e14)
    endless = LAW.base.compute_for_loss(LAW.optimum(1e40, 1e14).loss_nats)
    assert endless / sufficient == pytest.approx(95, rel=5e-3)


def test_law_without_a_ceiling_is_never_clamped() -> None:
    """Parameters that never saturate go on helping: 4.2e31 FLOP at most for 100T unique tokens."""
    law = DataConstrained(LAW.base, LAW.r_d_star, np.inf)
    best = law.optimum(1e60, 1e14)
    assert not best.clamped
    endless = law.base.compute_for_loss(best.loss_nats)
    assert endless == pytest.approx(4.2e31, rel=5e-3)
    ceiling = law.base.E + law.base.B * (1e14 * (1 + law.r_d_star)) ** -law.base.beta
    assert endless == pytest.approx(law.base.compute_for_loss(ceiling), rel=1e-3)


def test_worlds_are_solved_independently() -> None:
    """Arrays of every coefficient give each world the answer it gets alone."""
    rng = np.random.default_rng(7)
    draws = {name: value * rng.uniform(0.95, 1.05, 40) for name, value in FIT.items()}
    draws["r_n_star"][::4] = np.inf
    compute, unique = 10 ** rng.uniform(24, 30, 40), 10 ** rng.uniform(12, 15, 40)
    together = DataConstrained.from_fit(draws).optimum(compute, unique)
    assert 5 < np.count_nonzero(together.epochs > 1) < 40
    for i in range(40):
        alone = DataConstrained.from_fit({name: d[i] for name, d in draws.items()})
        best = alone.optimum(compute[i], unique[i])
        assert together.params[i] == pytest.approx(best.params, rel=1e-9)
        assert together.loss_nats[i] == pytest.approx(best.loss_nats, rel=1e-13)
        assert together.clamped[i] == best.clamped


def test_shapes_broadcast() -> None:
    """Draws (draw, 1), budgets (year,): every part of the optimum is (draw, year)."""
    law = DataConstrained(LAW.base, np.array([[8.0], [35.0]]), 5.3)
    best = law.optimum(np.array([1e25, 1e27, 1e29]), 1e13)
    parts = (best.params, best.tokens, best.loss_nats, best.tokens_per_param, best.epochs)
    assert {part.shape for part in (*parts, best.clamped)} == {(2, 3)}


def test_from_fit_names_missing_keys() -> None:
    with pytest.raises(RecordInvalid, match="r_n_star"):
        DataConstrained.from_fit({name: v for name, v in FIT.items() if name != "r_n_star"})


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_impossible_inputs_are_refused(bad: float) -> None:
    with pytest.raises(OutsideValidRange, match="r_d_star"):
        DataConstrained(LAW.base, bad, 5.3)
    with pytest.raises(OutsideValidRange, match="unique"):
        LAW.optimum(1e25, np.array([1e12, bad]))


@pytest.mark.parametrize("bad", [-0.5, np.nan, np.inf])
def test_impossible_shortage_is_refused(bad: float) -> None:
    with pytest.raises(OutsideValidRange, match="shortage spans"):
        LAW.optimal_epochs(np.array([2.0, bad]))


def test_unfinished_search_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 1)
    with pytest.raises(ModelError, match="after 1 steps"):
        LAW.optimum(1e29, 1e13)
