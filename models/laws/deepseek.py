"""The allocation of DeepSeek LLM, in FLOP per token instead of parameters.

Equation: M* = M_0·C^a, D* = D_0·C^b, C = M·D; M_0·D_0 = 1.0001
Symbols:  M non-embedding training FLOP per token, attention included; N = M/6 here, as C = 6·N·D
Units:    FLOP, tokens
Range:    isoFLOP budgets, see the fit's row; the prefactors and exponents were seen in a secondary
          text
Source:   DeepSeek-AI 2024, arXiv:2401.02954, sec. 3.2

Quality of data moves the exponent a of parameters: 0.450 with early data, 0.524 (the law itself
prints 0.5243) with the current, 0.578 with OpenWebText2. Better data, relatively more parameters,
so fewer tokens per parameter. Only the current data have prefactors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.laws.allocation import Allocation
from models.laws.fits import Entry, from_one
from models.laws.law import Array, LawFit, Number, Range, coefficients, positive


@dataclass(frozen=True, slots=True, eq=False)
class DeepSeek(Allocation):
    """D* = k·C^b with the paper's own M* beside it."""

    flop_per_token_scale: Number = np.nan
    flop_per_token_exponent: Number = np.nan

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit with the keys M_0, a, D_0 and b."""
        found = coefficients(fit, ("M_0", "a", "D_0", "b"))
        return cls(found["D_0"], found["b"], range_flop, found["M_0"], found["a"])

    def flop_per_token(self, compute_flop: Number) -> Array:
        """M* = M_0·C^a, within 0.02 % of C/D* = 6·N*."""
        compute = positive("compute_flop", compute_flop, finite=True)
        return np.asarray(self.flop_per_token_scale * compute**self.flop_per_token_exponent)


ENTRIES = (
    Entry(
        "deepseek", "DeepSeek LLM allocation", __name__,
        ("deepseek:current_data", "deepseek:data_quality"),
        from_one("deepseek:current_data", DeepSeek.from_fit),
    ),
)  # fmt: skip
