"""How compressible data lean the split of compute: the direction only.

Equation: each of E, A, B, α, β linear in H; data harder to compress (high H) prefer tokens, easier
          data (low H, such as code) prefer parameters. The sign turns where both are wanted alike,
          at an H between the ends of the fit's row
Symbols:  H mean of compressed over original size under gzip
Units:    ratio
Range:    synthetic grammars, 4.2M to 1.4B parameters, at most 100M tokens: for the sign only
Source:   Pandey 2024, arXiv:2405.16684
"""

from __future__ import annotations

import numpy as np

from models.errors import OutsideValidRange
from models.laws.fits import Entry
from models.laws.law import Array, LawFit, Number, coefficients


def leans_to_tokens(compressibility: Number, fit: LawFit) -> Array:
    """1 where data want relatively more tokens, −1 where more parameters, 0 where it cannot be
    told.

    Of a fit with the keys low and high, between which the sign turns
    """
    ratio = np.asarray(compressibility, dtype=np.float64)
    if not ((ratio > 0) & (ratio < 2)).all():
        raise OutsideValidRange(
            f"compressibility is {np.min(ratio):g}; it is compressed over original size, above 0 "
            "and hardly above 1: correct the input"
        )
    found = coefficients(fit, ("low", "high"))
    return np.where(ratio > found["high"], 1.0, np.where(ratio < found["low"], -1.0, 0.0))


ENTRIES = (
    Entry(
        "gzip", "Exponents by compressibility (Pandey 2024): sign only", __name__,
        ("gzip:crossing",),
        refusal="its coefficients are those of synthetic grammars; only the direction carries over",
    ),
)  # fmt: skip
