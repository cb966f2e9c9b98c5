"""Loss of fine-grained mixtures of experts.

Equation: L = c + (g/G^γ + a)·N^-α + b·D^-β, a Chinchilla surface at a given granularity G
Symbols:  G granularity, the width of a dense feed-forward layer over that of one expert; N
          parameters, D tokens; expansion rate 64 throughout
Units:    nats per token
Range:    not stated in what was seen; best G is 8 to 64 over 1e18 to 1e25 FLOP
Source:   Krajewski et al. 2024, arXiv:2402.07871; coefficients seen in a secondary text

The row holds G = 8, the low end of the best range; `at` gives another.
"""

from __future__ import annotations

import numpy as np

from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one
from models.laws.law import LawFit, Number, Range, coefficients, positive


def at(fit: LawFit, granularity: Number, range_flop: Range | None = None) -> Chinchilla:
    """The surface at a granularity, of a fit with the keys a, b, c, g, alpha, beta and gamma."""
    found = coefficients(fit, ("a", "b", "c", "g", "alpha", "beta", "gamma"))
    fineness = positive("granularity", granularity, finite=True) ** np.asarray(found["gamma"])
    size = np.asarray(found["g"] / fineness + found["a"])
    return Chinchilla(size, found["b"], found["c"], found["alpha"], found["beta"], range_flop)


def surface(fit: LawFit, range_flop: Range | None = None) -> Chinchilla:
    """The surface at the granularity G of the fit's own row."""
    return at(fit, coefficients(fit, ("G",))["G"], range_flop)


ENTRIES = (
    Entry(
        "krajewski", "Fine-grained mixture of experts (Krajewski 2024), G = 8", __name__,
        ("krajewski:published",), from_one("krajewski:published", surface),
    ),
)  # fmt: skip
