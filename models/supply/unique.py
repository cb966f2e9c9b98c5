"""From raw tokens to unique usable tokens: quality once, overlap once."""

from __future__ import annotations

import numpy as np

from models.claims import Array


def unique_tokens(raw: Array, usable_fraction: Array | float, overlap: Array | float) -> Array:
    """Usable tokens not already counted elsewhere.

    Equation: U = raw · usable_fraction · (1 − overlap)
    Units:    tokens; the fraction's base is stated beside the claim. Both shares lie in 0–1.
    Quality is applied here and nowhere else: a filter's published speed-up is the same effect.
    """
    return np.asarray(raw * usable_fraction * (1 - np.asarray(overlap)))
