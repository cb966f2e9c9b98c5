"""The corrected Chinchilla law, its converged minimum, and the law the founding essay quotes.

Equation: L = E + A·N^-α + B·D^-β (see Chinchilla)
Symbols:  N parameters, D tokens, L loss
Units:    nats per token
Range:    44M to 16B parameters, 6e18 to 1.3e22 FLOP, one epoch, t mostly 1 to 100; every use above
          1e23 FLOP extrapolates
Source:   Besiroglu et al. 2024, arXiv:2404.10102; notebook github.com/epoch-research/
          analyzing-chinchilla. 240 of 245 points digitised from a figure of Hoffmann et al., the
          five highest losses dropped; standard errors from 4,000 resamples, seed 42

`besiroglu` is the published point, since others can look it up. It stops short of the minimum of
its own objective (summed Huber, δ = 0.001, of ln L): 0.00101864 against 0.00101827.
`besiroglu_refit` is that minimum; no coefficient moves by more than 7 % of its standard error. With
all 245 points B is 12,846 instead of 2,085 and E 1.891: the outlier policy matters more than the
optimiser. The essay says that N is a fixed or falling fraction of D. The fit has a = 0.513 above b
= 0.487, so N/D rises slowly, and the 95 % interval of a holds 0.5: neither direction is
established.
"""

from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one

ENTRIES = (
    Entry(
        "besiroglu", "Corrected Chinchilla (Besiroglu 2024)", __name__, ("besiroglu:published",),
        from_one("besiroglu:published", Chinchilla.from_fit),
    ),
    Entry(
        "besiroglu_refit", "Corrected Chinchilla, converged minimum", __name__,
        ("besiroglu:converged",), from_one("besiroglu:converged", Chinchilla.from_fit),
    ),
)  # fmt: skip
