"""Which inputs an outcome's variance comes from, read off the draws that made it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.claims import Array
from models.errors import OutsideValidRange

BINS = 64
Places = NDArray[np.int64]


def _binned(values: Array, bins: int) -> tuple[Places, int]:
    """Bin of each world and their number: of equal size by rank, or one for each of few values.

    A choice among few, such as of a law, has no ranks within a value.
    """
    distinct, place = np.unique(values, return_inverse=True)
    if distinct.size <= bins:
        return place, distinct.size
    return _ranked_bins(values, bins), bins


def _ranked_bins(values: Array, bins: int) -> Places:
    """Index of each world's bin among bins of equal size, by rank; shape (world,)."""
    order = np.argsort(values, kind="stable")
    ranks = np.empty(values.size, dtype=np.int64)
    ranks[order] = np.arange(values.size)
    return ranks * bins // values.size


def first_order(outcome: Array, values: Array, bins: int = BINS) -> float:
    """Share of an outcome's variance that one input explains by itself: the first Sobol index.

    Equation: S = Var(E[Y | X])/Var(Y); E[Y | X] is the mean in bins of equal probability, or by
              value where there are fewer values than bins; what bins of pure noise would show,
              (bins − 1)/n of the rest, is taken off
    Shapes:   outcome Y and values X (world,), finite; result below 1, 0 for an idle input
    Valid:    at least ten worlds a bin
    """
    size = outcome.size
    if size < 10 * bins:
        raise OutsideValidRange(
            f"{size} worlds for {bins} bins; a share needs ten worlds a bin: draw more worlds"
        )
    whole = float(np.var(outcome))
    if whole == 0:
        return 0.0
    place, bins = _binned(values, bins)
    counts = np.bincount(place, minlength=bins)
    means = np.bincount(place, outcome, minlength=bins) / counts
    between = float(counts @ (means - outcome.mean()) ** 2) / size
    noise = (whole - between) * (bins - 1) / (size - bins)
    return max(between - noise, 0.0) / whole


def total_order(outcome: Array, redrawn: Array) -> float:
    """Share of the variance that would remain if all other inputs were known: the total index.

    Equation: T = E[(Y − Y')²]/(2·Var(Y)), Y' the outcome with only this input drawn again
    Shapes:   both (world,), finite
    Source:   Jansen 1999, https://doi.org/10.1016/S0010-4655(98)00154-4
    """
    whole = float(np.var(outcome))
    return 0.0 if whole == 0 else float(np.mean((outcome - redrawn) ** 2)) / 2 / whole


def variance_shares(
    outcome: Array, inputs: Mapping[str, Array], bins: int = BINS
) -> dict[str, float]:
    """First-order share of every input, largest first.

    inputs: values over the same worlds by name (`Worlds.inputs`). With independent inputs the
    shares add to 1 where effects add, to less where inputs work through each other; inputs of one
    correlated group count what they share in each of them.
    """
    shares = {name: first_order(outcome, values, bins) for name, values in inputs.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
