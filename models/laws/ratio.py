"""Rules that state tokens per parameter: twenty, and the founding comments' chain.

Equation: t = t_0·(C/C_0)^p, D* = √(C·t/6) (see Allocation)
Symbols:  t tokens per parameter, t_0 at C_0, p drift
Units:    tokens per parameter, FLOP
Range:    none: these are readings, not fits
Source:   20: a reading of approach 1 in Hoffmann et al. 2022. Chain: Nesov, comments of 2025-02-05
          on harsimony, On AI Scaling: t = 37 at 4e25 FLOP, ×1.5 per 1000× compute, ×6 for 1:32
          sparsity, ×2.5 for repetition

At 5e28 FLOP the chain's factors multiply to t = 843; its author says "maybe 700". For 700 the
repetition factor would have to be 2.07; without the compute factor it is 555; with the
data-constrained law at the 30 epochs named, 781. From t = 700 follow 3.45e12 active parameters
(stated 3.5e12), 2.415e15 tokens (stated 2.5e15) and 110.4e12 in total (stated 110e12). 37 is below
Llama 3's own 38.5 to 41.2.
"""

from models.laws.allocation import Allocation
from models.laws.fits import Entry, from_one

ENTRIES = (
    Entry(
        "twenty_tokens", "20 tokens per parameter", __name__, ("twenty_tokens:published",),
        from_one("twenty_tokens:published", Allocation.from_ratio),
    ),
    Entry(
        "nesov_chain", "The founding comments' chain, before sparsity and repetition", __name__,
        ("nesov_chain:published",), from_one("nesov_chain:published", Allocation.from_ratio),
    ),
)  # fmt: skip
