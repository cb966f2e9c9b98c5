"""The largest run against an independent solver, and what must always hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from models.claims import Array
from models.errors import OutsideValidRange
from models.supply.mixture import Group, carries, largest_run, nearest_mixture


def solver(supply: Array, low: Array, high: Array, groups: Sequence[Group], unit: float) -> float:
    """The same linear program in (x, T), one world, by HiGHS.

    unit: tokens that the solver counts as one. It keeps constraints to 1e-7, so the answer, not the
    largest stock, should be near one of them.
    """
    size = supply.size
    rows = [np.r_[-np.eye(size)[d], low[d]] for d in range(size)]
    rows += [np.r_[np.eye(size)[d], -high[d]] for d in range(size)]
    limits = [0.0] * (2 * size)
    for group in groups:
        row = np.zeros(size + 1)
        row[list(group.members)] = 1
        rows.append(row)
        limits.append(float(group.stock[0]) / unit)
    answer = linprog(
        np.r_[np.zeros(size), -1.0], A_ub=np.array(rows), b_ub=limits,
        A_eq=[np.r_[np.ones(size), -1.0]], b_eq=[0.0],
        bounds=[*((0, s / unit) for s in supply), (0, None)], method="highs",
    )  # fmt: skip
    assert answer.status == 0
    return float(answer.x[-1]) * unit


@st.composite
def problems(draw: st.DrawFn) -> tuple[Array, Array, Array, list[Group]]:
    size = draw(st.integers(1, 6))
    planned = np.array(draw(st.lists(st.floats(0.05, 1), min_size=size, max_size=size)))
    planned /= planned.sum()
    give = np.array(draw(st.lists(st.floats(0, 1), min_size=size, max_size=size)))
    low, high = planned * give, planned + (1 - planned) * (1 - give)
    exponents = st.lists(st.floats(9, 15), min_size=size, max_size=size)
    supply = 10.0 ** np.array(draw(exponents))[:, None]
    groups = []
    if size >= 3:
        stock = 10.0 ** np.array([draw(st.floats(9, 15))])
        groups = [Group((0, 1), stock)]
    return supply, low, high, groups


@settings(deadline=None, max_examples=150)
@given(problem=problems())
def test_largest_run_is_the_linear_programs(
    problem: tuple[Array, Array, Array, list[Group]],
) -> None:
    supply, low, high, groups = problem
    found = largest_run(supply, low, high, groups)
    best = solver(supply[:, 0], low, high, groups, unit=float(found[0]))
    assert found[0] == pytest.approx(best, rel=1e-5)


@settings(deadline=None)
@given(problem=problems(), part=st.floats(0.01, 3))
def test_stocks_carry_what_is_at_most_the_largest_run(
    problem: tuple[Array, Array, Array, list[Group]], part: float
) -> None:
    supply, low, high, groups = problem
    tokens = largest_run(supply, low, high, groups) * part
    if abs(part - 1) > 1e-6:
        assert carries(supply, low, high, tokens, groups).tolist() == [part < 1]


@settings(deadline=None)
@given(problem=problems(), more=st.floats(1, 10))
def test_more_supply_never_shrinks_the_run(
    problem: tuple[Array, Array, Array, list[Group]], more: float
) -> None:
    supply, low, high, groups = problem
    richer = [Group(group.members, group.stock * more) for group in groups]
    before, after = (
        largest_run(supply * factor, low, high, held)
        for factor, held in ((1.0, groups), (more, richer))
    )
    assert after[0] >= before[0] * (1 - 1e-9)


def test_a_fixed_mixture_stops_at_its_scarcest_domain() -> None:
    shares = np.array([0.75, 0.15, 0.1])
    supply = np.array([[1e15, 1e15], [3e12, 1e15], [5e12, 1e12]])
    assert largest_run(supply, shares, shares) == pytest.approx([2e13, 1e13])


def test_an_empty_domain_stops_only_a_mixture_that_needs_it() -> None:
    supply = np.array([[1e13], [0.0]])
    low, high = np.array([0.5, 0.1]), np.array([0.9, 0.5])
    assert largest_run(supply, low, high)[0] == 0
    assert largest_run(supply, np.array([0.5, 0.0]), np.array([1.0, 0.5]))[0] == 1e13


@pytest.mark.parametrize(
    ("low", "high"), [([0.6, 0.6], [1.0, 1.0]), ([0.0, 0.0], [0.4, 0.4]), ([0.5, 0.2], [0.4, 0.8])]
)
def test_bounds_that_no_mixture_meets_are_refused(low: list[float], high: list[float]) -> None:
    with pytest.raises(OutsideValidRange, match="bounds"):
        largest_run(np.ones((2, 1)), np.array(low), np.array(high))


@settings(deadline=None)
@given(problem=problems(), part=st.floats(0.05, 0.98))
def test_nearest_mixture_is_within_stocks_and_bounds(
    problem: tuple[Array, Array, Array, list[Group]], part: float
) -> None:
    supply, low, high, groups = problem
    tokens = float(largest_run(supply, low, high, groups)[0]) * part
    planned = (low + high) / (low + high).sum()
    shares = nearest_mixture(planned, supply[:, 0], low, high, tokens, groups)
    assert shares is not None
    assert shares.sum() == pytest.approx(1)
    assert (shares * tokens <= supply[:, 0] * (1 + 1e-6)).all()
    assert (shares >= low - 1e-7).all()
    assert (shares <= high + 1e-7).all()


def test_a_mixture_that_fits_is_left_as_planned() -> None:
    planned = np.array([0.8, 0.2])
    supply = np.array([1e14, 1e14])
    found = nearest_mixture(planned, supply, planned * 0.5, np.array([1.0, 1.0]), 1e13)
    assert found == pytest.approx(planned)


def test_no_mixture_is_near_where_none_fits() -> None:
    planned = np.array([0.8, 0.2])
    supply = np.array([1e14, 1e10])
    assert nearest_mixture(planned, supply, planned, planned, 1e13) is None
