"""How much a mixture of experts raises the best tokens per active parameter.

Equation: f(S) = (1/(1 − S))^w, the factor on t = D/N_active at fixed compute C = 6·N_active·D
Symbols:  S = 1 − K/E, the share of parameters a token does not use (K of E experts are active)
Range:    trained at 3e19 to 1e21 FLOP; every use here extrapolates it by many decades
Source:   direction and budgets: Abnar et al. 2025, arXiv:2501.12370. Size: a reading of its Fig. 12
          in a comment (×3 at 1:8, ×6 at 1:32), which gives w of 0.528 and 0.517. The figure was not
          seen, so this project draws w from a wider judgement, 0.45 ± 0.12 within 0.2 to 0.6
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.errors import OutsideValidRange
from models.special import ndtr, ndtri

Array = NDArray[np.float64]
Number = float | Array


def _share(sparsity: Number) -> Array:
    share = np.asarray(sparsity, dtype=np.float64)
    wrong = share[~((share >= 0) & (share < 1))]
    if wrong.size:
        raise OutsideValidRange(
            f"sparsity is {wrong[0]:g}; it is the share of parameters a token does not use, at "
            "least 0 and below 1: give 0.97 for 1 expert of 32"
        )
    return share


def sparsity_factor(sparsity: Number, exponent: Number) -> Array:
    """Factor on tokens per active parameter: f(S) = (1/(1 − S))^w; 1 for a dense model."""
    return np.asarray((1 - _share(sparsity)) ** -np.asarray(exponent, dtype=np.float64))


def exponent_of_anchor(factor: Number, sparsity: Number) -> Array:
    """Exponent w that gives a known factor at one sparsity: w = ln f/ln(1/(1 − S))."""
    share = _share(sparsity)
    if not (share > 0).all():
        raise OutsideValidRange(
            "sparsity is 0; a dense model fixes no exponent: give a sparsity above 0"
        )
    return np.asarray(np.log(factor) / -np.log1p(-share))


# Multiples of the golden ratio, modulo 1, fill the unit interval evenly and in no order, so they
# pair with the draws of another coefficient as independent ones would.
_GOLDEN = (np.sqrt(5) - 1) / 2


def drawn_exponents(fit: Mapping[str, Number], error: float, draws: int) -> Array:
    """Draws of w: a normal of mean w and that error, within w_min and w_max of the fit.

    Shapes: (draw,); the same for every call
    """
    mean, low, high = (float(fit[key]) for key in ("w", "w_min", "w_max"))
    floor, ceiling = ndtr((low - mean) / error), ndtr((high - mean) / error)
    u = (np.arange(1, draws + 1) * _GOLDEN) % 1
    return np.asarray(mean + error * ndtri(floor + (ceiling - floor) * u))
