"""The two-term loss surface and its compute-optimal allocation.

Equation: L = E + A·N^-α + B·D^-β
Symbols:  N parameters, D training tokens (every one fresh), C = 6·N·D training FLOP,
          L cross-entropy in nats per token, t = D/N tokens per parameter
Source:   form of Hoffmann et al. 2022, arXiv:2203.15556, eq. 2. The constants are data: rows of
          law_fits, by default the replication by Besiroglu et al. 2024, arXiv:2404.10102
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.laws.law import (
    Array,
    Law,
    LawFit,
    Number,
    Optimum,
    Range,
    coefficients,
    not_negative,
    positive,
    split,
)
from models.quantities import FLOP_PER_PARAM_TOKEN

__all__ = [
    "Array", "Chinchilla", "LawFit", "Number", "Optimum", "coefficients", "cosh_penalty",
    "positive", "rule_of_thumb_penalty",
]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Chinchilla(Law):
    """L = E + A·N^-α + B·D^-β. Coefficients are numbers, or arrays of draws that broadcast.

    Valid: dense models, fresh tokens, C inside range_flop; forecasts extrapolate it knowingly. The
    law knows no repeats: with fewer unique tokens than are read, a repeat adds nothing.
    """

    A: Number
    B: Number
    E: Number
    alpha: Number
    beta: Number
    range_flop: Range | None = None

    def __post_init__(self) -> None:
        for name in ("A", "B", "alpha", "beta"):
            positive(f"coefficient {name}", getattr(self, name), finite=True)
        not_negative("coefficient E", self.E)

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit with the keys A, B, E, alpha and beta; other keys are left alone."""
        chosen = coefficients(fit, ("A", "B", "E", "alpha", "beta"))
        return cls(range_flop=range_flop, **chosen)

    @property
    def params_exponent(self) -> Array:
        """a in N* ~ C^a:  a = β/(α+β)."""
        return np.asarray(self.beta / (np.asarray(self.alpha) + self.beta))

    @property
    def tokens_exponent(self) -> Array:
        """b in D* ~ C^b:  b = α/(α+β) = 1 − a."""
        return np.asarray(self.alpha / (np.asarray(self.alpha) + self.beta))

    @property
    def _log_G(self) -> Array:
        """ln G,  G = (αA/βB)^(1/(α+β)), the parameters per √(C/6) when α = β."""
        alpha, beta = np.asarray(self.alpha), np.asarray(self.beta)
        return np.asarray(np.log(alpha * self.A / (beta * self.B)) / (alpha + beta))

    @property
    def irreducible_nats(self) -> Array:
        """E."""
        return np.asarray(self.E, dtype=np.float64)

    def loss(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """Loss of a model; tokens beyond the unique ones count for nothing.

        Equation: L = E + A·N^-α + B·min(D, U)^-β
        Units:    nats per token (divide by ln 2 for bits)
        """
        log_n = np.log(positive("params", params))
        fresh = np.minimum(positive("tokens", tokens), positive("unique", unique))
        return np.asarray(
            self.E
            + self.A * np.exp(-self.alpha * log_n)
            + self.B * np.exp(-self.beta * np.log(fresh))
        )

    def params_for_tokens(self, tokens: Number) -> Array:
        """Parameters for which these tokens are exactly compute-optimal.

        Equation: N = G^(1+β/α)·D^(β/α), from α·A·N^-α = β·B·D^-β
        """
        ratio = self.beta / np.asarray(self.alpha)
        return np.exp((1 + ratio) * self._log_G + ratio * np.log(positive("tokens", tokens)))

    def tokens_for_params(self, params: Number) -> Array:
        """Tokens for which this model is exactly compute-optimal, the inverse of the above."""
        ratio = self.alpha / np.asarray(self.beta)
        log_n = np.log(positive("params", params))
        return np.asarray(np.exp(-(1 + ratio) * self._log_G + ratio * log_n))

    def compute_for_tokens(self, tokens: Number) -> Array:
        """Compute whose optimum reads so many fresh tokens, in FLOP."""
        params = self.params_for_tokens(tokens)
        return np.asarray(FLOP_PER_PARAM_TOKEN * params * np.asarray(tokens))

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Parameters and tokens, at most the unique ones, that minimise loss for a budget.

        Equation: N* = G·(C/6)^a,  D* = (C/6)/N*,  a = β/(α+β),  G = (αA/βB)^(1/(α+β));
                  where D* > U: D = U, N = C/(6·U), since a second epoch adds nothing here
        Units:    C in FLOP
        Source:   Hoffmann et al. 2022, arXiv:2203.15556, eq. 4
        """
        compute = positive("compute_flop", compute_flop, finite=True)
        product = compute / FLOP_PER_PARAM_TOKEN
        free = product / np.exp(self._log_G + self.params_exponent * np.log(product))
        tokens = np.minimum(free, positive("unique", unique))
        loss = self.loss(product / tokens, tokens)
        return split(compute, tokens, loss, np.ones(()), np.zeros((), dtype=np.bool_))

    def compute_for_loss(self, loss_nats: Number) -> Array:
        """Least compute that reaches a loss, the inverse of `optimum`.

        Equation: C = 6·((L−E)/K)^(-1/g),  g = αβ/(α+β),  K = A·G^-α + B·G^β
        Units:    L in nats per token, C in FLOP
        Raises:   OutsideValidRange at or below E, which no compute reaches
        """
        alpha, beta = np.asarray(self.alpha), np.asarray(self.beta)
        reducible = positive("loss above the irreducible E", np.asarray(loss_nats) - self.E)
        k = self.A * np.exp(-alpha * self._log_G) + self.B * np.exp(beta * self._log_G)
        return FLOP_PER_PARAM_TOKEN * np.exp(
            (np.log(k) - np.log(reducible)) * (1 / alpha + 1 / beta)
        )

    def tokens_for_loss(self, loss_nats: Number, params: Number, unique: Number = np.inf) -> Array:
        """Fresh tokens after which a model reaches a loss; inf where it never does.

        Equation: D = (B/(L − E − A·N^-α))^(1/β), inf at or below E + A·N^-α or above U
        """
        floor = self.E + self.A * positive("params", params) ** -np.asarray(self.alpha)
        left = np.asarray(positive("loss", loss_nats) - floor)
        with np.errstate(divide="ignore"):
            tokens = (self.B / np.maximum(left, 0.0)) ** (1 / np.asarray(self.beta))
        return np.where(tokens <= positive("unique", unique), tokens, np.inf)


def cosh_penalty(k: Number, alpha: Number) -> Array:
    """`overtraining_penalty` of a law with equal exponents: the same at every budget.

    Equation: C/C_eq = cosh(α·ln(k)/2)^(2/α), symmetric in k and 1/k
    """
    rate = np.asarray(positive("alpha", alpha, finite=True))
    return np.asarray(np.cosh(rate * np.log(positive("k", k, finite=True)) / 2) ** (2 / rate))


def rule_of_thumb_penalty(k: Number) -> Array:
    """The founding comments' estimate of `overtraining_penalty`, kept for comparison only.

    Equation: C/C_eq = k^(1/3); too high below k of about 60, too low above
    Source:   Nesov, comment of 2025-02-05 on harsimony, On AI Scaling
    """
    return np.asarray(np.cbrt(positive("k", k)))
