"""The data-constrained law with its own coefficients, and on the corrected Chinchilla surface.

Equation: L = E + A·N'^-α + B·D'^-β, primes for effective amounts (see DataConstrained)
Symbols:  R_D*, R_N* e-folding counts of repeats of data and of surplus parameters
Units:    nats per token
Range:    4.3e15 to 9.3e21 FLOP, up to 9B parameters and 900B tokens, a few hundred billion unique
          ones
Source:   Muennighoff et al. 2023, arXiv:2305.16264; digits from github.com/huggingface/datablations

The hybrids put R* on the surface of `besiroglu`. Whether surplus parameters saturate decides most
of the answer: at 1e30 FLOP on 100T unique tokens C_eq/C is 0.22 with the own coefficients, 0.26
with `muennighoff_hybrid`, 0.71 with `muennighoff_data_only`, where R_N* is infinite. It is a
structural choice, not a fitted certainty. The optimum is flat: the authors ran 242B tokens where
their law's optimum is 226.9B, 0.0004 nats apart. R_D* is an e-folding count; its half-life is 10.7
repeats. Four epochs are "about free" at 0.0020 nats at 1e27 FLOP, which is 1.3 times the compute.
Later work puts R_D* near 31 for ordinary models (arXiv:2507.15857), and finds harm from repetition
that this form cannot hold (arXiv:2605.01640, see `lovelace`).
"""

from __future__ import annotations

import numpy as np

from models.laws.chinchilla import Chinchilla
from models.laws.data_constrained import DataConstrained
from models.laws.fits import Entry, Fits, chosen, from_one
from models.laws.law import Law, coefficients


def _hybrid(fits: Fits) -> Law:
    surface = chosen(fits, "besiroglu:published")
    stars = chosen(fits, "muennighoff:published").coefficients
    base = Chinchilla.from_fit(surface.coefficients, surface.range_flop)
    return DataConstrained(base, **coefficients(stars, ("r_d_star", "r_n_star")))


def _data_only(fits: Fits) -> Law:
    surface = chosen(fits, "besiroglu:published")
    stars = coefficients(chosen(fits, "muennighoff:published").coefficients, ("r_d_star",))
    base = Chinchilla.from_fit(surface.coefficients, surface.range_flop)
    return DataConstrained(base, r_n_star=np.inf, **stars)


_BOTH = ("besiroglu:published", "muennighoff:published")
ENTRIES = (
    Entry(
        "muennighoff", "Data-constrained (Muennighoff 2023)", __name__, ("muennighoff:published",),
        from_one("muennighoff:published", DataConstrained.from_fit),
    ),
    Entry(
        "muennighoff_hybrid", "Data-constrained on the corrected Chinchilla surface", __name__,
        _BOTH, _hybrid,
    ),
    Entry(
        "muennighoff_data_only", "The same, surplus parameters never saturating", __name__, _BOTH,
        _data_only,
    ),
)  # fmt: skip
