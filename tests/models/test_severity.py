"""Severity against derived anchors and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import OutsideValidRange
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import DataConstrained
from models.severity import delay_months, severity

# Muennighoff et al. 2023, arXiv:2305.16264 (digits from huggingface/datablations), and the
# replication of Besiroglu et al. 2024, arXiv:2404.10102, with the former's repetition constants.
R_D_STAR, R_N_STAR = 15.387756, 5.309743
OWN = DataConstrained(
    Chinchilla(np.exp(6.255414), np.exp(7.3049974), np.exp(0.6254804), 0.3526596, 0.3526596),
    R_D_STAR,
    R_N_STAR,
)
REPLICATION = Chinchilla(A=482.01, B=2085.43, E=1.8172, alpha=0.3478, beta=0.3658)
HYBRID = DataConstrained(REPLICATION, R_D_STAR, R_N_STAR)
DATA_ONLY = DataConstrained(REPLICATION, R_D_STAR, np.inf)

shortfalls = {
    "compute": st.floats(22, 32).map(lambda exponent: 10.0**exponent),
    "unique": st.floats(9, 17).map(lambda exponent: 10.0**exponent),
}
laws = st.sampled_from([OWN, HYBRID, DATA_ONLY])


@pytest.mark.parametrize(
    ("law", "compute", "unique", "gap", "ratio"),
    [
        (OWN, 1e27, 1e13, 0.0032726356, 0.653),
        (OWN, 2e29, 1e14, 0.0020282569, 0.51719625),
        (OWN, 1e30, 1e14, 0.0038017483, 0.21914069),
        (HYBRID, 1e27, 1e13, 0.0029741015, 0.67881937),
        (HYBRID, 1e30, 1e14, 0.0032887632, 0.26057756),
        (DATA_ONLY, 1e30, 1e14, 0.00075235232, 0.71367912),
    ],
    ids=["own-10T", "own-100T", "own-1e30", "hybrid-10T", "hybrid-1e30", "data-only-1e30"],
)
def test_severity_published(
    law: DataConstrained, compute: float, unique: float, gap: float, ratio: float
) -> None:
    """Derived with two other solvers from arXiv:2305.16264 and arXiv:2404.10102."""
    cost = severity(law, compute, unique, growth_per_year=4.6)
    assert cost.loss_gap_nats == pytest.approx(gap, rel=1e-3)
    assert cost.compute_ratio == pytest.approx(ratio, rel=1e-3)


@pytest.mark.parametrize(("unique", "ratio"), [(1e14, 0.299), (3.2e14, 0.826)])
def test_one_epoch_costs_more(unique: float, ratio: float) -> None:
    """No repetition at all, 2e29 FLOP; arXiv:2404.10102's law at D = U gives 0.2985 and 0.8263."""
    params = 2e29 / 6 / unique
    once = REPLICATION.compute_equivalent(params, unique) / 2e29
    assert once == pytest.approx(ratio, rel=2e-3)
    assert once < severity(DATA_ONLY, 2e29, unique, 4.6).compute_ratio


def test_delay_of_one_growth_factor_is_a_year() -> None:
    """Half a factor (in logarithm) is half a year: 12·ln(C/C_eq)/ln(growth)."""
    assert delay_months(1 / 4.6, 4.6) == pytest.approx(12)
    assert delay_months(np.array([0.5, 1.0]), 4.0) == pytest.approx([6, 0])


@given(law=laws, growth=st.floats(1.1, 20), **shortfalls)
def test_severity_is_a_cost(
    law: DataConstrained, compute: float, unique: float, growth: float
) -> None:
    cost = severity(law, compute, unique, growth)
    free = law.base.optimum(compute)
    assert 0 < cost.compute_ratio <= 1
    assert cost.delay_months >= 0
    if free.tokens <= unique:
        assert cost.loss_gap_nats == 0
        assert cost.compute_ratio == pytest.approx(1, rel=1e-9)
    else:
        assert cost.loss_gap_nats >= -1e-14
    reached = law.base.optimum(compute * cost.compute_ratio).loss_nats
    assert reached == pytest.approx(free.loss_nats + cost.loss_gap_nats, rel=1e-12)


@given(law=laws, rise=st.floats(1e-4, 0.1), **shortfalls)
def test_a_risen_floor_adds_to_the_gap_and_moves_no_optimum(
    law: DataConstrained, rise: float, compute: float, unique: float
) -> None:
    """Second method: the base law reaches the higher loss at the ratio's compute."""
    level, risen = (severity(law, compute, unique, 4.6, floor_rise=x) for x in (0.0, rise))
    assert risen.loss_gap_nats == pytest.approx(level.loss_gap_nats + rise, rel=1e-9)
    assert risen.compute_ratio < level.compute_ratio
    assert risen.optimum.tokens == level.optimum.tokens
    reached = law.base.optimum(compute * risen.compute_ratio).loss_nats
    wanted = law.base.optimum(compute).loss_nats + risen.loss_gap_nats
    assert reached == pytest.approx(wanted, rel=1e-12)


@given(law=laws, more=st.floats(1, 1e4), **shortfalls)
def test_more_unique_tokens_cost_less(
    law: DataConstrained, compute: float, unique: float, more: float
) -> None:
    poor = severity(law, compute, unique, 4.6)
    rich = severity(law, compute, unique * more, 4.6)
    assert rich.compute_ratio >= poor.compute_ratio * (1 - 1e-8)
    assert rich.delay_months <= poor.delay_months + 1e-6


def test_cost_beyond_the_clamp_goes_on_rising() -> None:
    """A clamped split still has its loss: ten times the compute, a tenth of the ratio."""
    cost = severity(OWN, np.array([1e36, 1e37]), 1e13, 4.6)
    assert cost.optimum.clamped.all()
    assert cost.compute_ratio[1] == pytest.approx(cost.compute_ratio[0] / 10, rel=1e-6)


def test_shapes_broadcast() -> None:
    cost = severity(OWN, np.array([1e26, 1e28, 1e30]), np.array([[1e13], [1e14]]), 4.6)
    parts = (cost.loss_gap_nats, cost.compute_ratio, cost.delay_months, cost.optimum.epochs)
    assert {part.shape for part in parts} == {(2, 3)}


@pytest.mark.parametrize("growth", [1.0, 0.5, np.nan])
def test_shrinking_compute_is_refused(growth: float) -> None:
    with pytest.raises(OutsideValidRange, match="growth above 1"):
        delay_months(0.5, growth)


@pytest.mark.parametrize("ratio", [0.0, 1.5, np.nan])
def test_impossible_ratio_is_refused(ratio: float) -> None:
    with pytest.raises(OutsideValidRange, match="C_eq/C"):
        delay_months(ratio, 4.6)
