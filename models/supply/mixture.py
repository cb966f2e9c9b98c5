"""How large a run its stocks support when the shares of its mixture may move within bounds.

Symbols:  x_d tokens taken from domain d, T = Σ x_d tokens of the run, S_d supply of d,
          l_d ≤ x_d/T ≤ h_d bounds of its share; a stock that several domains are drawn from
          (a part and its whole) holds them all: Σ_{d in g} x_d ≤ S_g
Problem:  largest T for which such x exist: a linear program in (x, T)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.claims import Array
from models.errors import ModelError, OutsideValidRange

# Bounds of a share add to 1 only as well as decimal fractions do.
SHARE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Group:
    """Domains that one stock must hold together: their places in the mixture, and that stock."""

    members: tuple[int, ...]
    stock: Array


def check_bounds(low: Array, high: Array) -> None:
    """Refuse bounds that no mixture meets.

    Raises: OutsideValidRange
    """
    if not ((low >= 0) & (low <= high) & (high <= 1 + SHARE_TOLERANCE)).all():
        raise OutsideValidRange(
            "a share's bounds must rise within 0 and 1; correct the mixture's bounds"
        )
    if low.sum() > 1 + SHARE_TOLERANCE or high.sum() < 1 - SHARE_TOLERANCE:
        raise OutsideValidRange(
            f"the lowest shares add to {low.sum():.6g} and the highest to {high.sum():.6g}; 1 must "
            "lie between them: widen the mixture's bounds"
        )


def largest_run(supply: Array, low: Array, high: Array, groups: Sequence[Group] = ()) -> Array:
    """Most tokens a run can take, in every world at once.

    Equation: largest T with Σ_g min(S_g, Σ_{d in g} min(h_d·T, S_d)) ≥ T, l_d·T ≤ S_d and
              Σ_{d in g} l_d·T ≤ S_g. The left side is concave and piecewise linear in T, so
              Newton's steps from above reach its largest root exactly, in as many as it has pieces
    Shapes:   supply (domain, world); low, high (domain,); a group's stock (world,); result (world,)
    Units:    tokens; 0 where nothing can be mixed
    Raises:   OutsideValidRange for bounds that no mixture meets
    """
    check_bounds(low, high)
    tokens = _most_by_lowest_shares(supply, low, groups)
    if low.sum() >= 1 - SHARE_TOLERANCE:
        return tokens  # the lowest shares are the mixture, so nothing else limits it
    for _ in range(4 * low.size + 4):
        reach = _reach(supply, high, groups, tokens)
        short = reach < tokens * (1 - SHARE_TOLERANCE)
        if not short.any():
            return tokens
        slope = _slope(supply, high, groups, tokens)
        # Right of the root the slope is below 1: it starts at 0 and is concave.
        tokens = np.where(short, np.maximum((reach - slope * tokens) / (1 - slope), 0), tokens)
    raise ModelError("the largest run did not settle; check the supply for numbers that are none")


def carries(
    supply: Array, low: Array, high: Array, tokens: Array, groups: Sequence[Group] = ()
) -> NDArray[np.bool_]:
    """Worlds in which the stocks support a run of so many tokens: `largest_run` at least that.

    Equation: the same left side, taken at T alone; it is concave and 0 at 0, so it reaches T
              exactly up to its largest root
    Shapes:   as for `largest_run`; tokens and result (world,)
    """
    check_bounds(low, high)
    within = np.ones(tokens.shape, dtype=bool)
    for place in np.flatnonzero(low):
        within &= low[place] * tokens <= supply[place]
    for group in groups:
        within &= low[list(group.members)].sum() * tokens <= group.stock
    if low.sum() >= 1 - SHARE_TOLERANCE:
        return within
    reach = _reach(supply, high, groups, tokens)
    return np.asarray(within & (reach >= tokens * (1 - SHARE_TOLERANCE)))


def _alone(size: int, groups: Sequence[Group]) -> list[int]:
    """Places of the domains that share their stock with no other."""
    grouped = {member for group in groups for member in group.members}
    return [place for place in range(size) if place not in grouped]


def _most_by_lowest_shares(supply: Array, low: Array, groups: Sequence[Group]) -> Array:
    """Largest T at which every lowest share can still be met, and no stock is overdrawn."""
    tokens = supply.sum(axis=0)
    with np.errstate(over="ignore"):  # a share next to nothing limits nothing
        for place in np.flatnonzero(low):
            np.minimum(tokens, supply[place] / low[place], out=tokens)
        for group in groups:
            share = low[list(group.members)].sum()
            if share > 0:
                np.minimum(tokens, group.stock / share, out=tokens)
    return np.asarray(tokens)


def _reach(supply: Array, high: Array, groups: Sequence[Group], tokens: Array) -> Array:
    """What a run of T tokens could take at most, (world,): the left side of `largest_run`."""
    total = np.zeros_like(tokens)
    for place in _alone(high.size, groups):
        total += np.minimum(high[place] * tokens, supply[place])
    for group in groups:
        members = list(group.members)
        taken = np.minimum(high[members, None] * tokens, supply[members]).sum(axis=0)
        total += np.minimum(taken, group.stock)
    return total


def _slope(supply: Array, high: Array, groups: Sequence[Group], tokens: Array) -> Array:
    """How `_reach` grows with T, (world,)."""
    slope = np.zeros_like(tokens)
    for place in _alone(high.size, groups):
        slope += high[place] * (high[place] * tokens < supply[place])
    for group in groups:
        members = list(group.members)
        wanted = high[members, None] * tokens
        grows = np.where(wanted < supply[members], high[members, None], 0.0).sum(axis=0)
        taken = np.minimum(wanted, supply[members]).sum(axis=0)
        slope += np.where(taken < group.stock, grows, 0.0)
    return slope


def nearest_mixture(
    planned: Array,
    supply: Array,
    low: Array,
    high: Array,
    tokens: float,
    groups: Sequence[Group] = (),
) -> Array | None:
    """The mixture nearest to the planned one that the stocks of one world support, or None.

    Equation: minimise Σ |x_d − planned_d·T| over x within stocks and bounds, Σ x_d = T
    Shapes:   planned, supply, low, high (domain,); a group's stock (1,); result (domain,), shares
    Method:   linear program in x and the distances, solved by HiGHS
    """
    from scipy.optimize import linprog  # noqa: PLC0415  (0.2 s to load, rarely needed)

    check_bounds(low, high)
    size = planned.size
    eye, none = np.eye(size), np.zeros((len(groups), size))
    shared = none.copy()
    for row, group in enumerate(groups):
        shared[row, list(group.members)] = 1
    answer = linprog(
        np.r_[np.zeros(size), np.ones(size)],
        A_ub=np.block([[eye, -eye], [-eye, -eye], [shared, none]]),
        b_ub=np.r_[planned, -planned, [float(group.stock[0]) / tokens for group in groups]],
        A_eq=np.r_[np.ones(size), np.zeros(size)][None, :],
        b_eq=[1.0],
        bounds=[
            *(
                (lo, max(lo, min(hi, s)))
                for lo, hi, s in zip(low, high, supply / tokens, strict=True)
            ),
            *((0, None) for _ in range(size)),
        ],
        method="highs",
    )
    if (
        answer.x is None
        or answer.status != 0
        or (low > supply / tokens * (1 + SHARE_TOLERANCE)).any()
    ):
        return None
    shares: Array = np.asarray(answer.x)[:size]
    return shares
