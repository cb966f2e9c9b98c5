"""Total parameters from non-embedding ones, so that laws with either count can be compared.

Equation: N = N_e + c·N_e^(1/3)
Symbols:  N total, N_e non-embedding parameters, c fitted to the Chinchilla models
Units:    parameters
Range:    the Chinchilla family, vocabulary 32k, 44M to 16B parameters
Source:   Pearce & Song 2024, arXiv:2406.12907, and its code: c = 47491

Counting explains much of the gap between the laws of 2020 and 2022: the Chinchilla surface seen at
Kaplan's scale and in non-embedding parameters shows an exponent like Kaplan's.
"""

from __future__ import annotations

import numpy as np

from models.laws.fits import Entry
from models.laws.law import Array, LawFit, Number, coefficients, positive

# Newton in ln N_e converges from above in a handful of steps; more change nothing.
STEPS = 40


def total_params(non_embedding: Number, fit: LawFit) -> Array:
    """N = N_e + c·N_e^(1/3), of a fit with the key c."""
    size = positive("non-embedding params", non_embedding)
    return np.asarray(size + coefficients(fit, ("c",))["c"] * np.cbrt(size))


def non_embedding_params(total: Number, fit: LawFit) -> Array:
    """N_e of a total, the inverse of `total_params`, by Newton's method on x = N_e^(1/3)."""
    size = positive("total params", total, finite=True)
    scale = coefficients(fit, ("c",))["c"]
    root = np.cbrt(size)
    for _ in range(STEPS):
        root = root - (root**3 + scale * root - size) / (3 * root**2 + scale)
    return np.asarray(root**3)


ENTRIES = (
    Entry(
        "pearce",
        "Counting parameters (Pearce & Song 2024)",
        __name__,
        ("pearce:published",),
        refusal="it converts counts of parameters and is no law of loss",
        is_conversion=True,
    ),
)
