"""Loss of over-trained models, by compute and tokens per parameter.

Equation: L = E + (a·M^η + b·M^-η)·C^-η, M = D/N, C = 6·N·D
          which is a Chinchilla surface with α = β = 2η, A = a·6^-η, B = b·6^-η
Symbols:  M tokens per parameter, C training FLOP, η the exponent; evaluated on C4
Units:    nats per token
Range:    runs up to 6.9B parameters, M of 20 for all but one of the five fitted runs, up to 640
Source:   Gadre et al. 2024, arXiv:2403.08540; coefficients refitted from the runs that its
          repository, github.com/mlfoundations/scaling, releases. The paper's own printed table was
          not seen

Made for extrapolating loss at high M, not for allocation: the best M it implies, 3.4 to 7.4, rests
on a single run away from M = 20.
"""

from __future__ import annotations

import numpy as np

from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one
from models.laws.law import LawFit, Range, coefficients
from models.quantities import FLOP_PER_PARAM_TOKEN


def surface(fit: LawFit, range_flop: Range | None = None) -> Chinchilla:
    """The Chinchilla surface of a fit with the keys a, b, eta and E."""
    found = coefficients(fit, ("a", "b", "eta", "E"))
    eta = np.asarray(found["eta"])
    per_flop = FLOP_PER_PARAM_TOKEN**-eta
    return Chinchilla(
        found["a"] * per_flop, found["b"] * per_flop, found["E"], 2 * eta, 2 * eta, range_flop
    )


_SETS = (("gadre", "C4"), ("gadre_redpajama", "RedPajama"), ("gadre_refinedweb", "RefinedWeb"))
ENTRIES = tuple(
    Entry(
        name, f"Over-training (Gadre 2024), trained on {data}", __name__,
        (f"gadre:{data.lower()}",), from_one(f"gadre:{data.lower()}", surface),
    )
    for name, data in _SETS
)  # fmt: skip
