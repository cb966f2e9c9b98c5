"""Variable projection: for given exponents the law is linear in A, B and E.

Equation: minimise Σ w_i·((E + A·N_i^-α + B·D_i^-β)/L_i − 1)² over A, B, E ≥ 0, on a grid of α, β.
          All seven sets of terms that may be above zero are solved and the best is kept, so the
          answer is exact. Weights 1/|r| make it a robust fit (iteratively reweighted).
Source:   Golub & Pereyra 1973; preferred to parabolas by Open-Athena, arXiv:2603.22339
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.fitting.huber import huber
from models.fitting.surface import Surface

Array = NDArray[np.float64]

_SETS = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
# A term left out by the projection starts small rather than at zero, whose logarithm is −∞.
_LEAST_SHARE = 1e-4
_RIDGE = 1e-12


def _nonnegative(gram: Array, moment: Array) -> Array:
    """Least squares with coefficients ≥ 0, shape (grid, 3), from AᵀA and Aᵀb."""
    best = np.full(len(gram), np.inf)
    chosen = np.zeros_like(moment)
    for terms in _SETS:
        few = np.array(terms)
        part = gram[:, few[:, None], few]
        ridge = _RIDGE * np.trace(part, axis1=1, axis2=2)[:, None, None] * np.eye(len(few))
        found = np.linalg.solve(part + ridge, moment[:, few, None])[:, :, 0]
        gained = -(found * moment[:, few]).sum(axis=1)
        gained[(found <= 0).any(axis=1)] = np.inf
        better = gained < best
        best[better] = gained[better]
        full = np.zeros_like(moment)
        full[:, few] = found
        chosen[better] = full[better]
    return chosen


def project(surface: Surface, alphas: Array, betas: Array, rounds: int) -> tuple[Array, Array]:
    """θ' and its Huber objective for every pair of exponents, best pair first.

    Shapes: alphas (a,), betas (b,) in their own units; result (a·b, 5) and (a·b,)
    """
    pairs = np.stack(np.meshgrid(alphas, betas, indexing="ij"), axis=-1).reshape(-1, 2)
    alpha, beta = (pairs[:, term] * surface.spread[term] for term in (0, 1))
    inverse = np.exp(-surface.log_loss)
    factors = np.empty((len(pairs), surface.x.size, 3))
    factors[:, :, 0] = np.exp(-alpha[:, None] * surface.x) * inverse
    factors[:, :, 1] = np.exp(-beta[:, None] * surface.y) * inverse
    factors[:, :, 2] = inverse
    weights = np.ones(factors.shape[:2])
    for _ in range(rounds):
        weighted = factors * weights[:, :, None]
        amounts = _nonnegative(weighted.transpose(0, 2, 1) @ factors, weighted.sum(axis=1))
        predicted = (factors @ amounts[:, :, None])[:, :, 0]
        residual = np.log(np.maximum(predicted, np.finfo(float).tiny))
        size = np.abs(residual)
        narrow = np.maximum(surface.delta, 0.3 * np.median(size, axis=1, keepdims=True))
        weights = 1 / np.maximum(size, narrow)
    objective = huber(residual, surface.delta)[0].sum(axis=1)
    least = _LEAST_SHARE * amounts.max(axis=1, keepdims=True)
    theta = np.column_stack([np.log(np.maximum(amounts, least)), alpha, beta])
    order = np.argsort(objective)
    return theta[order], objective[order]
