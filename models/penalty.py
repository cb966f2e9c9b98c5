"""How short of data a run may be before a given share of its compute is wasted.

With equal exponents α = β the cost of a shortage s = D*(C)/U depends on s, α and R* alone, not on
compute: C_eq/C falls as s grows. So a limit on C_eq/C is a limit on s, and it is solved once for a
few R_D* and interpolated over worlds and dates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.claims import Array
from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import MAX_SHORTAGE, DataConstrained
from models.severity import severity

NODES = 65
HALVINGS = 50


def compute_ratio(shortage: Array, exponent: float, r_d_star: Array, r_n_star: float) -> Array:
    """C_eq/C of the best split at a shortage, α = β = exponent; 1 where the supply suffices.

    Equation: that of `severity`, in units in which D* = √(C/6) and U = 1
    """
    law = DataConstrained(
        Chinchilla(A=1.0, B=1.0, E=0.0, alpha=exponent, beta=exponent), r_d_star, r_n_star
    )
    compute = 6 * np.maximum(shortage, 1e-9) ** 2
    # Growth only sets the delay, which is not read here.
    return severity(law, compute, 1.0, 2.0).compute_ratio


@dataclass(frozen=True, slots=True, eq=False)
class ShortageLimit:
    """Largest shortage at which C_eq/C stays above a limit, by ln R_D*."""

    log_r_d_star: Array
    log_shortage: Array

    def at(self, r_d_star: Array) -> Array:
        """ln of the shortage at which the limit is reached, in every world; shape (world,)."""
        return np.interp(np.log(r_d_star), self.log_r_d_star, self.log_shortage)


@lru_cache(maxsize=64)
def shortage_limit(
    ratio: float, exponent: float, r_n_star: float, r_d_star: tuple[float, float]
) -> ShortageLimit:
    """Solve C_eq/C = ratio for the shortage, between two values of R_D*, by halving.

    Valid: ratio below 1 and reached before the law's clamp at a shortage of 300; where it is not,
           the limit is that shortage
    """
    first, last = (math.log(max(end, 1e-6)) for end in r_d_star)
    nodes = np.linspace(first, last, NODES)
    low, high = np.zeros(NODES), np.full(NODES, np.log(MAX_SHORTAGE))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = compute_ratio(np.exp(middle), exponent, np.exp(nodes), r_n_star) >= ratio
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return ShortageLimit(nodes, (low + high) / 2)
