"""Claims that are drawn together: a Gaussian copula with one correlation in a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.claims import Array


@dataclass(frozen=True, slots=True)
class CopulaGroup:
    """Claims whose draws move together: equal correlation of their normal scores."""

    names: tuple[str, ...]
    correlation: float


def correlated(scores: Sequence[Array], correlation: float) -> Array:
    """Normal score of the last of several equally correlated claims, from independent scores.

    Equation: the last row of L·z, L·Lᵀ = (1 − ρ)·I + ρ·11ᵀ; the first claim keeps its own score
    Shapes:   each score (world,); result (world,)
    """
    count = len(scores)
    matrix = np.full((count, count), correlation)
    np.fill_diagonal(matrix, 1.0)
    weights = np.linalg.cholesky(matrix)[-1]
    return np.asarray(sum(w * z for w, z in zip(weights, scores, strict=True)))
