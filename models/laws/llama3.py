"""The allocation behind Llama 3, and an independent surface through the same points.

Equation: D* = A·C^α; the surface is L = E + A·N^-α + B·D^-β (see Allocation, Chinchilla)
Symbols:  C training FLOP, D* tokens (the paper writes N* for them), N parameters
Units:    FLOP, tokens
Range:    isoFLOP runs of 6e18 to 1e22 FLOP, 40M to 16B parameters; used by its authors 3.6 decades
          above
Source:   Dubey et al. 2024, arXiv:2407.21783, sec. 3.2.1 and Figs. 2, 3. Surface: Open-Athena
          scaling-law-analysis, arXiv:2603.22339, from the digitised figure

The pair printed in the text, (α, A) = (0.53, 0.29), gives 10.5T tokens at 3.8e25 FLOP and t = 17.3;
the paper's result there is 16.55T tokens for 402B parameters. The pair (0.537, 0.299), read off the
figure by a secondary source, gives 16.3T and t = 41.9, so `llama3` uses it and `llama3_printed` is
the trap. The recommendation itself multiplies to 6·N·D = 3.99e25, 5 % above its budget: attention
is counted there. A full surface through the same points wants 10.2T tokens and t = 16.4, where the
parabolas say 16.1T and 40.9: the whole gap between 16 and 40 tokens per parameter is method, not
data.
"""

from __future__ import annotations

from models.laws.allocation import Allocation
from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one
from models.laws.law import LawFit, Range, coefficients


def allocation(fit: LawFit, range_flop: Range | None = None) -> Allocation:
    """The law of a fit with the paper's keys, A and alpha."""
    found = coefficients(fit, ("A", "alpha"))
    return Allocation(found["A"], found["alpha"], range_flop)


ENTRIES = (
    Entry(
        "llama3", "Llama 3 allocation, unrounded pair", __name__, ("llama3:unrounded",),
        from_one("llama3:unrounded", allocation),
    ),
    Entry(
        "llama3_printed", "Llama 3 allocation as printed: does not give the paper's result",
        __name__, ("llama3:printed",), from_one("llama3:printed", allocation),
    ),
    Entry(
        "llama3_digitised_surface", "Surface through the digitised Llama 3 points", __name__,
        ("llama3_digitised_surface:published",),
        from_one("llama3_digitised_surface:published", Chinchilla.from_fit),
    ),
)  # fmt: skip
