"""What repetition and synthetic data add to unique tokens."""

from __future__ import annotations

import numpy as np

from models.claims import Array
from models.laws.data_constrained import saturating


def law_repetition(epochs: Array, r_star: Array) -> Array:
    """Effective tokens per unique token at an epoch cap.

    Equation: D'/U = 1 + R*·(1 − exp(−R/R*)), R = max(epochs, 1) − 1
    Units:    ratio; R* in repeats (an e-folding count, not a half-life); below 1 + R*
    Source:   Muennighoff et al. 2023, https://arxiv.org/abs/2305.16264, R* = 15.39
    """
    return saturating(np.maximum(epochs, 1.0), r_star)


def capped_product(repetition: Array, synthetic: Array, cap: float) -> Array:
    """Both multipliers together, never above the scenario's cap (20 by default).

    Equation: min(repetition · synthetic, cap)
    """
    return np.minimum(repetition * synthetic, cap)
