"""Laws that split compute between parameters and tokens and state no loss.

Equation: D* = k·C^b, N* = C/(6·D*); t = D*/N* = 6·k²·C^(2b−1)
Symbols:  C training FLOP, D* tokens, N* parameters, t tokens per parameter
Range:    that of the fit; extrapolated by every forecast
Source:   of each fit, in its row. Two more ways to write the same law: a ratio t₀ at a reference
          compute with a drift p, t = t₀·(C/C₀)^p, so k = √(t₀/6)·C₀^(−p/2) and b = (1+p)/2; and
          coefficients of N* = k'·C^a, so k = 1/(6·k') and b = 1 − a
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.errors import RecordInvalid
from models.laws.law import (
    Array,
    Law,
    LawFit,
    Number,
    Optimum,
    Range,
    coefficients,
    positive,
    split,
)
from models.quantities import FLOP_PER_PARAM_TOKEN

# 1 PF-day, the unit of compute of Kaplan et al. 2020.
FLOP_PER_PF_DAY = 8.64e19


def _allocated(compute: Array, free: Array, unique: Number) -> Optimum:
    """An allocation of a law without repeats: at most the unique tokens, and no loss."""
    tokens = np.minimum(free, positive("unique", unique))
    no_loss, never = np.full((), np.nan), np.zeros((), dtype=np.bool_)
    return split(compute, tokens, no_loss, np.ones(()), never)


@dataclass(frozen=True, slots=True, eq=False)
class Allocation(Law):
    """D* = k·C^b. Coefficients are numbers, or arrays of draws that broadcast."""

    k: Number
    b: Number
    range_flop: Range | None = None

    def __post_init__(self) -> None:
        positive("coefficient k", self.k, finite=True)
        positive("coefficient b", self.b, finite=True)

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit of D* = k·C^b."""
        return cls(range_flop=range_flop, **coefficients(fit, ("k", "b")))

    @classmethod
    def from_ratio(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law t = t₀·(C/C₀)^p of a fit with the keys tokens_per_param, drift, reference_flop.

        The last two may be missing: then t is the same at every budget.
        """
        ratio = coefficients(fit, ("tokens_per_param",))["tokens_per_param"]
        drift, reference = fit.get("drift", 0.0), fit.get("reference_flop", 1.0)
        half = np.asarray(drift) / 2
        scale = np.sqrt(positive("coefficient tokens_per_param", ratio) / FLOP_PER_PARAM_TOKEN)
        return cls(scale * np.asarray(reference) ** -half, 0.5 + half, range_flop)

    @classmethod
    def from_params(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law N* = params_at_pf_day·(C in PF-days)^a of Kaplan et al. 2020, D* = C/(6·N*)."""
        found = coefficients(fit, ("params_at_pf_day", "a"))
        a = np.asarray(found["a"])
        scale = np.asarray(found["params_at_pf_day"]) * FLOP_PER_PF_DAY**-a
        return cls(1 / (FLOP_PER_PARAM_TOKEN * scale), 1 - a, range_flop)

    @property
    def params_exponent(self) -> Array:
        """a in N* ~ C^a:  a = 1 − b."""
        return np.asarray(1 - np.asarray(self.b))

    @property
    def tokens_exponent(self) -> Array:
        """b in D* ~ C^b."""
        return np.asarray(self.b)

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Parameters and tokens, at most the unique ones; loss is nan.

        Equation: D = min(k·C^b, U), N = C/(6·D)
        Units:    C in FLOP
        """
        compute = positive("compute_flop", compute_flop, finite=True)
        return _allocated(compute, np.asarray(self.k * compute ** np.asarray(self.b)), unique)

    def compute_for_tokens(self, tokens: Number) -> Array:
        """Compute whose allocation reads so many fresh tokens:  C = (D/k)^(1/b), in FLOP."""
        wanted = positive("tokens", tokens, finite=True)
        return np.asarray((wanted / self.k) ** (1 / np.asarray(self.b)))


@dataclass(frozen=True, slots=True, eq=False)
class TableAllocation(Law):
    """An allocation printed as a table of model sizes and their best tokens.

    Equation: ln D* linear in ln C between rows, C = 6·N·D of each row; beyond the table the slope
              of its first or last pair goes on
    Shapes:   params and tokens (row,), rising
    """

    params: Array
    tokens: Array
    range_flop: Range | None = None

    def __post_init__(self) -> None:
        positive("coefficient params", self.params, finite=True)
        positive("coefficient tokens", self.tokens, finite=True)
        rising = self.params.shape == self.tokens.shape and self.params.ndim == 1
        if not (rising and (np.diff(self.params) > 0).all() and (np.diff(self.tokens) > 0).all()):
            raise RecordInvalid(
                "a table of optimal tokens needs params and tokens of one length, both rising: "
                "correct the fit's row"
            )

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit whose params and tokens are lists."""
        found = coefficients(fit, ("params", "tokens"))
        params, tokens = (np.asarray(found[key], dtype=np.float64) for key in ("params", "tokens"))
        return cls(params, tokens, range_flop)

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Parameters and tokens, at most the unique ones; loss is nan."""
        compute = positive("compute_flop", compute_flop, finite=True)
        spent = np.log(FLOP_PER_PARAM_TOKEN * self.params * self.tokens)
        free = np.exp(_line(np.log(compute), spent, np.log(self.tokens)))
        return _allocated(compute, free, unique)

    def tokens_for_params(self, params: Number) -> Array:
        """Best tokens for a model of this size."""
        log_n = np.log(positive("params", params, finite=True))
        return np.exp(_line(log_n, np.log(self.params), np.log(self.tokens)))


def _line(x: Array, knots: Array, values: Array) -> Array:
    """Piecewise linear through the knots, its end pieces continued."""
    left = np.clip(np.searchsorted(knots, x) - 1, 0, knots.size - 2)
    slope = np.diff(values) / np.diff(knots)
    return np.asarray(values[left] + slope[left] * (x - knots[left]))
