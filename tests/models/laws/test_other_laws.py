"""Allocations, counts, use, profit, sparsity, quality and entropy against a second method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from models.errors import LawCannotAnswer, OutsideValidRange, RecordInvalid
from models.laws import compressibility, entropy, quality, registry
from models.laws.allocation import Allocation, TableAllocation
from models.laws.chinchilla import Chinchilla
from models.laws.counting import non_embedding_params, total_params
from models.laws.fits import FitRow
from models.laws.inference import inference_optimum
from models.laws.krajewski import at
from models.laws.profit import profit_overtraining
from models.laws.sparsity import exponent_of_anchor, sparsity_factor

LAW = Chinchilla(A=482.01, B=2085.43, E=1.8172, alpha=0.3478, beta=0.3658)


def test_three_ways_to_write_an_allocation() -> None:
    ratio = Allocation.from_ratio({"tokens_per_param": 37.0, "reference_flop": 4e25, "drift": 0.06})
    best = ratio.optimum(np.array([4e25, 4e28]))
    assert best.tokens_per_param == pytest.approx([37, 37 * 1000**0.06])
    size = Allocation.from_params({"params_at_pf_day": 1.3e9, "a": 0.73})
    assert size.optimum(8.64e19).params == pytest.approx(1.3e9)
    again = Allocation.from_fit({"k": size.k, "b": size.b})
    assert again.optimal_tokens(1e22) == size.optimal_tokens(1e22)
    assert size.compute_for_tokens(size.optimal_tokens(1e22)) == pytest.approx(1e22)
    assert ratio.params_exponent + ratio.tokens_exponent == pytest.approx(1)


def test_a_table_is_read_at_its_rows_and_goes_on_beyond() -> None:
    law = TableAllocation(np.array([1e9, 1e10, 1e11]), np.array([2e10, 2e11, 4e12]))
    assert law.optimum(6 * 1e10 * 2e11).params == pytest.approx(1e10)
    assert law.tokens_for_params(1e9) == pytest.approx(2e10)
    # The last pair rises 20-fold for a 200-fold budget; a further 200-fold does the same.
    assert law.optimal_tokens(6 * 1e11 * 4e12 * 200) == pytest.approx(4e12 * 20)
    with pytest.raises(RecordInvalid, match="rising"):
        TableAllocation(np.array([1e9, 1e10]), np.array([2e11, 2e10]))


def test_an_allocation_without_data_for_more_stops_at_them() -> None:
    best = Allocation.from_ratio({"tokens_per_param": 20.0}).optimum(1e28, 1e13)
    assert best.tokens == 1e13
    assert best.params == pytest.approx(1e28 / 6e13)
    with pytest.raises(LawCannotAnswer, match="besiroglu"):
        Allocation(1.0, 0.5).loss(1e9, 1e10)
    with pytest.raises(LawCannotAnswer, match="besiroglu"):
        Allocation(1.0, 0.5).penalty_of_limit(1e22, 1e10)


def test_one_variable_laws_split_nothing(fits: dict[str, FitRow]) -> None:
    for name in ("kaplan_L_N", "kaplan_L_D"):
        with pytest.raises(LawCannotAnswer, match="kaplan_joint"):
            registry.law(name, fits).optimum(1e22)
    law = registry.law("kaplan_L_D", fits)
    assert law.tokens_for_loss(law.loss(1.0, 3e11), 1.0) == pytest.approx(3e11)
    with pytest.raises(LawCannotAnswer, match="kaplan_L_D"):
        registry.law("kaplan_L_N", fits).tokens_for_loss(2.0, 1e9)


@given(size=st.floats(6, 13))
def test_counting_inverts(size: float) -> None:
    fit = {"c": 47491.0}
    assert non_embedding_params(total_params(10**size, fit), fit) == pytest.approx(10**size)


def test_kaplan_s_exponent_comes_from_counting() -> None:
    """Pearce & Song 2024: at Kaplan's scale, counted without embeddings, N ~ C^0.78.

    Least loss at fixed non-embedding compute: α·A·N^-α·r = β·B·D^-β with r = d ln N/d ln N_e.
    """
    fit = {"c": 47491.0}
    size = np.geomspace(768, 1.5e9, 200)
    total = total_params(size, fit)
    rate = (size + 47491.0 * np.cbrt(size) / 3) / total
    gain = LAW.alpha * LAW.A * total**-LAW.alpha * rate
    tokens = (LAW.beta * LAW.B / gain) ** (1 / LAW.beta)
    slope = np.polyfit(np.log(size * tokens), np.log(size), 1)[0]
    assert slope == pytest.approx(0.78, abs=0.02)
    assert LAW.params_exponent == pytest.approx(0.513, abs=1e-3)


@pytest.mark.parametrize("served", [0.0, 1e11, 1e13])
def test_use_agrees_with_direct_search(served: float) -> None:
    loss = LAW.optimum(1e23).loss_nats
    found = inference_optimum(LAW, loss, served)

    def spent(log_n: float) -> float:
        tokens = float(LAW.tokens_for_loss(loss, np.exp(log_n)))
        return float(np.log(np.exp(log_n) * (6 * tokens + 2 * served)))

    top = float(np.log(LAW.optimum(1e23).params))
    best = minimize_scalar(
        spent, bounds=(top - 2.5, top + 0.5), method="bounded", options={"xatol": 1e-8}
    )
    assert np.log(found.total_flop) == pytest.approx(best.fun, abs=1e-9)
    assert np.log(found.params) == pytest.approx(best.x, abs=1e-3)
    assert LAW.loss(found.params, found.tokens) == pytest.approx(float(loss), rel=1e-12)
    assert found.saved >= -1e-12


def test_use_takes_clouds() -> None:
    cloud = Chinchilla(np.array([[482.01], [400.0]]), 2085.43, 1.8172, 0.3478, 0.3658)
    found = inference_optimum(cloud, 2.0, np.array([0.0, 1e12, 1e13]))
    assert found.params.shape == (2, 3)
    assert (np.diff(found.params, axis=1) < 0).all()


def test_profit_agrees_with_direct_search() -> None:
    """Epoch's model: the best split at fixed compute maximises (loss/0.1)^-r served at cost 2N."""
    law = Chinchilla(514.0, 2115.2, 0.0, 0.35, 0.37)
    r, h, compute = 7.0, 2.0, 1e25

    def profit(log_n: float) -> float:
        size = np.exp(log_n)
        loss = float(law.loss(size, compute / 6 / size))
        # Price is a mark-up on cost 2N, so profit ~ loss^-r·N^(1-h).
        return float(r * np.log(loss) + (h - 1) * log_n)

    best = law.optimum(compute)
    top = float(np.log(best.params))
    found = minimize_scalar(profit, bounds=(top - 4, top + 1), method="bounded")
    k = (best.params / np.exp(found.x)) ** 2
    assert profit_overtraining(law, r, h) == pytest.approx(float(k), rel=1e-3)
    with pytest.raises(OutsideValidRange, match="no best model"):
        profit_overtraining(law, 1.0, 2.0)


def test_sparsity() -> None:
    assert sparsity_factor(0.0, 0.45) == 1
    assert sparsity_factor(0.75, 0.5) == pytest.approx(2)
    assert sparsity_factor(31 / 32, exponent_of_anchor(6, 31 / 32)) == pytest.approx(6)
    for bad in (-0.1, 1.0, np.nan):
        with pytest.raises(OutsideValidRange, match="sparsity is"):
            sparsity_factor(bad, 0.45)
    with pytest.raises(OutsideValidRange, match="fixes no exponent"):
        exponent_of_anchor(3, 0.0)
    with pytest.raises(OutsideValidRange, match="sparsity_exponent"):
        LAW.demand(1e22, sparsity=0.5)


def test_finer_experts_lower_the_loss(fits: dict[str, FitRow]) -> None:
    fit = fits["krajewski:published"].coefficients
    losses = at(fit, np.array([1.0, 8.0, 64.0])).loss(1e9, 2e10)
    assert (np.diff(losses) < 0).all()


def test_a_pool_s_quality_halves() -> None:
    pool = {"b": -0.2, "tau": 3.0}
    assert quality.utility(3.0, pool) == pytest.approx(-0.1)
    # Two equal pools: each is seen half as often, so it lasts twice as long.
    assert quality.utility(6.0, pool, pool) == pytest.approx(-0.1)
    fit = {"A": 10.0, "E": 0.5}
    fresh = quality.loss(1.0, 1e9, fit, {"b": -0.2, "tau": 1e12})
    assert fresh == pytest.approx(0.5 + 10 * 1e9**-0.2)
    # Without decay k passes are k times the samples.
    assert quality.loss(4.0, 1e9, fit, {"b": -0.2, "tau": 1e12}) == pytest.approx(
        0.5 + 10 * 4e9**-0.2, rel=1e-9
    )
    epochs = np.array([1.0, 2.0, 4.0, 8.0, 64.0])
    losses = quality.loss(epochs, 1e9, fit, pool)
    assert (np.diff(losses) < 0).all()
    assert losses[-1] > quality.loss(4.0, 1e9, fit, {"b": -0.2, "tau": 1e12})


def test_compressibility_gives_a_direction_only(fits: dict[str, FitRow]) -> None:
    fit = fits["gzip:crossing"].coefficients
    leans = compressibility.leans_to_tokens(np.array([0.1, 0.3, 0.6]), fit)
    assert leans.tolist() == [-1, 0, 1]
    with pytest.raises(OutsideValidRange, match="compressed over original"):
        compressibility.leans_to_tokens(-1.0, fit)


def test_bits_round_trip() -> None:
    assert entropy.bits_per_token(1.8172) == pytest.approx(2.6216654, rel=1e-7)
    assert entropy.nats_per_token(entropy.bits_per_token(1.8172)) == pytest.approx(1.8172)
    assert entropy.bits_per_byte(1.8172, 4.0) == pytest.approx(2.6216654 / 4)
    assert entropy.learnable_bits(LAW.E + np.log(2), LAW.E) == pytest.approx(1)


def test_absorbed_bits_are_the_integral() -> None:
    """Second method: numerical quadrature of what each token tells."""
    tokens = 1e6
    area, _ = quad(lambda x: np.exp(x) * LAW.B * np.exp(x) ** -LAW.beta, -40, np.log(tokens))
    assert entropy.absorbed_bits(LAW, tokens) == pytest.approx(area / np.log(2), rel=1e-6)
    with pytest.raises(OutsideValidRange, match="below 1"):
        entropy.absorbed_bits(Chinchilla(1.0, 1.0, 1.0, 0.5, 1.0), 1e6)


def test_tokens_that_specify_a_model() -> None:
    tokens = entropy.tokens_to_specify(LAW, 72e9, 32.0)
    assert entropy.absorbed_bits(LAW, tokens) == pytest.approx(32 * 72e9)
    best = LAW.optimum(5.76e23)
    per_param = entropy.absorbed_bits(LAW, best.tokens) / best.params
    assert per_param == pytest.approx(3.1, abs=0.3)
    assert tokens > 10 * best.tokens


def test_mixture_of_entropies() -> None:
    nats = np.array([1.0, 2.0])
    assert entropy.mixture_entropy(nats, np.array([0.25, 0.75])) == pytest.approx(1.75)
    assert entropy.mixture_entropy(nats, np.array([1.0, 0.0]), 100.0) == pytest.approx(1.0)
    even = np.array([0.5, 0.5])
    assert entropy.mixture_entropy(nats, even, 1000.0) == pytest.approx(1.5 + np.log(2) / 1000)
    with pytest.raises(OutsideValidRange, match="sum to 1"):
        entropy.mixture_entropy(nats, np.array([0.5, 0.6]))
    with pytest.raises(OutsideValidRange, match="one of each"):
        entropy.mixture_entropy(np.array([1.0]), even)
