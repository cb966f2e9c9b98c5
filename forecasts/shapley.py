"""Variance shares where inputs move together: Shapley's division of an additive effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np

from models.claims import Array
from models.errors import OutsideValidRange
from models.special import ndtri

# 2^n regressions a group: a group of sixteen takes half a second.
MOST_TOGETHER = 16


def normal_scores(values: Array) -> Array:
    """Scores of a standard normal with the values' ranks, equal values their middle one; (world,).

    A normal score of a choice among few is that of the middle of its share.
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(ndtri(middle / values.size))[place]


def shapley_shares(
    outcome: Array, inputs: Mapping[str, Array], groups: Sequence[Sequence[str]] = ()
) -> dict[str, float]:
    """Share of an outcome's variance by input, divided fairly among inputs that are correlated.

    Equation: share of i = mean over orders of R²(S ∪ i) − R²(S), R² of the linear regression of
              Y on the normal scores of the inputs in S (Lindeman, Merenda and Gold's division)
    Shapes:   outcome and every input (world,), finite; groups of names that move together, all
              others are independent. The shares add to R² of all; what is left is curvature and
              interaction, which `first_order` and `total_order` show
    Source:   Shapley effects: Owen 2014, https://doi.org/10.1137/130936233; exact where Y is linear
    Raises:   OutsideValidRange for a group too large to divide
    """
    spread = float(np.std(outcome))
    if spread == 0:
        return dict.fromkeys(inputs, 0.0)
    y = (outcome - outcome.mean()) / spread
    grouped = {name for group in groups for name in group}
    families = [*map(tuple, groups), *((name,) for name in inputs if name not in grouped)]
    shares: dict[str, float] = {}
    for family in families:
        shares |= _divide(y, {name: inputs[name] for name in family if name in inputs})
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _divide(y: Array, family: Mapping[str, Array]) -> dict[str, float]:
    names, size = list(family), len(family)
    if size > MOST_TOGETHER:
        raise OutsideValidRange(
            f"{size} inputs are correlated in one group; at most {MOST_TOGETHER} can be divided: "
            "split the group"
        )
    scores = np.array([normal_scores(values) for values in family.values()])
    joint = np.corrcoef(scores).reshape(size, size)
    with_y = scores @ y / y.size
    explained: dict[tuple[int, ...], float] = {(): 0.0}
    for count in range(1, size + 1):
        for chosen in combinations(range(size), count):
            part = np.ix_(chosen, chosen)
            weights = np.linalg.lstsq(joint[part], with_y[list(chosen)], rcond=None)[0]
            explained[chosen] = float(with_y[list(chosen)] @ weights)
    return {name: _fair(explained, place, size) for place, name in enumerate(names)}


def _fair(explained: Mapping[tuple[int, ...], float], place: int, size: int) -> float:
    others = [i for i in range(size) if i != place]
    gain = 0.0
    for count in range(size):
        for chosen in combinations(others, count):
            more = explained[tuple(sorted((*chosen, place)))] - explained[chosen]
            gain += more / (size * comb(size - 1, count))
    return gain
