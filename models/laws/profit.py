"""How far a seller of tokens overtrains.

Equation: demand I_0·(L/0.1)^-r·(P/1e-6)^-h at price P, cost 2·N per token served. At fixed training
          compute the best share of the parameter term in the reducible loss is
          s = ((h − 1)/r + β)/(α + β), so k = ((α/β)·s/(1 − s))^(2/(α+β)): the same at every scale
Symbols:  r elasticity of demand in reducible loss, h in price, k overtraining: tokens per parameter
          over the compute-optimal
Units:    ratios; reducible loss L in nats per token
Range:    h > 1 and s < 1, beyond which no finite model is best
Source:   Villalobos et al. 2024, arXiv:2211.04325v2; code github.com/epoch-research/data-stock. Its
          reducible loss 514·N^-0.35 + 2115.2·D^-0.37 is `epoch_profit`, with E = 0

(r, h) = (7, 1.1), (7, 2), (10, 2.4) give k = 1.25, 10.6, 10.1. Epoch judged 5 reasonable.
"""

from __future__ import annotations

import numpy as np

from models.errors import OutsideValidRange
from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one
from models.laws.law import Array, Number


def profit_overtraining(law: Chinchilla, r: Number, h: Number) -> Array:
    """Tokens per parameter over the optimal ones, at the greatest profit for fixed training
    compute.

    Raises: OutsideValidRange where no finite model is best
    """
    alpha, beta = np.asarray(law.alpha), np.asarray(law.beta)
    share = ((np.asarray(h, dtype=np.float64) - 1) / r + beta) / (alpha + beta)
    if not ((np.asarray(h) > 1) & (np.asarray(r) > 0) & (share < 1)).all():
        raise OutsideValidRange(
            f"elasticities r = {np.max(r):g}, h = {np.max(h):g} leave no best model; needed: h "
            "above 1, r above 0 and (h − 1)/r below the law's α: correct them"
        )
    return np.asarray((alpha / beta * share / (1 - share)) ** (2 / (alpha + beta)))


ENTRIES = (
    Entry(
        "epoch_profit", "Reducible loss of Epoch's profit model", __name__,
        ("epoch_profit:published",), from_one("epoch_profit:published", Chinchilla.from_fit),
    ),
)  # fmt: skip
