"""What repetition and synthetic data add to unique tokens."""

from __future__ import annotations

import numpy as np

from models.claims import Array
from models.errors import OutsideValidRange
from models.laws.data_constrained import saturating

# Of ln e up to the cap: what is left is 1e-12 of it.
HALVINGS = 40


def law_repetition(epochs: Array, r_star: Array) -> Array:
    """Effective tokens per unique token at an epoch cap.

    Equation: D'/U = 1 + R*·(1 − exp(−R/R*)), R = max(epochs, 1) − 1
    Units:    ratio; R* in repeats (an e-folding count, not a half-life); below 1 + R*
    Source:   Muennighoff et al. 2023, https://arxiv.org/abs/2305.16264, R* = 15.39
    """
    return saturating(np.maximum(epochs, 1.0), r_star)


def harmful_repetition(epochs: Array, exponent: Array, harm: Array, power: Array) -> Array:
    """Most effective tokens per unique token within an epoch cap, where repetition can hurt.

    Equation: D'/U = (e^−β + h·(e − 1)^δ)^(−1/β) at the best e ≤ epochs, where
              β·e^(−β−1) = h·δ·(e − 1)^(δ−1); by halving ln e, since the left falls and the right
              does not for δ ≥ 1
    Symbols:  β exponent of the loss in tokens, h harm of the second pass over what data still cost
              after the first, δ power of repeats
    Units:    ratio, between 1 and the cap; with h = 0 a repeat is worth a fresh token
    Valid:    δ of 1 and more
    Source:   form L = E + A·N^−α + B·(e·U)^−β + P·(e − 1)^δ·(N/U)^κ of Lovelace et al. 2026,
              https://arxiv.org/abs/2605.01640, h = P·(N/U)^κ·U^β/B; its constants were not seen
    Raises:   OutsideValidRange for δ below 1, where the first repeat alone hurts without bound
    """
    if not (power >= 1).all():
        raise OutsideValidRange(
            f"power of harmful repetition is {np.min(power):g}; it must be at least 1: correct it"
        )
    cap = np.maximum(epochs, 1.0)
    low, high = np.zeros(cap.shape), np.log(cap)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        passes = np.exp(middle)
        gains = exponent * passes ** (-exponent - 1) > harm * power * (passes - 1) ** (power - 1)
        low, high = np.where(gains, middle, low), np.where(gains, high, middle)
    best = np.exp(high)
    return np.asarray((best**-exponent + harm * (best - 1) ** power) ** (-1 / exponent))


def capped_product(repetition: Array, synthetic: Array, cap: float) -> Array:
    """Both multipliers together, never above the scenario's cap (20 by default).

    Equation: min(repetition · synthetic, cap)
    """
    return np.minimum(repetition * synthetic, cap)
