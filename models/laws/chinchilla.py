"""The two-term loss surface and its compute-optimal allocation.

Equation: L = E + A·N^-α + B·D^-β
Symbols:  N parameters, D training tokens (every one fresh), C = 6·N·D training FLOP,
          L cross-entropy in nats per token, t = D/N tokens per parameter
Source:   form of Hoffmann et al. 2022, arXiv:2203.15556, eq. 2. The constants are data: rows of
          law_fits, by default the replication by Besiroglu et al. 2024, arXiv:2404.10102
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.errors import OutsideValidRange, RecordInvalid
from models.quantities import FLOP_PER_PARAM_TOKEN

Array = NDArray[np.float64]
Number = float | Array
LawFit = Mapping[str, Number]


def positive(name: str, value: Number, finite: bool = False) -> Array:
    """The value as an array, or `OutsideValidRange` unless all of it is above 0."""
    array = np.asarray(value, dtype=np.float64)
    wrong = array[~(array > 0) | (finite & np.isinf(array))]
    if wrong.size:
        raise OutsideValidRange(
            f"{name} is {wrong[0]:g}; the law needs a {'finite ' if finite else ''}number above 0: "
            "correct the input"
        )
    return array


def coefficients(fit: LawFit, names: tuple[str, ...]) -> dict[str, Number]:
    """The named coefficients of a fit, or `RecordInvalid` naming those it lacks."""
    missing = [name for name in names if name not in fit]
    if missing:
        raise RecordInvalid(
            f"law fit has {', '.join(fit) or 'nothing'} but not {', '.join(missing)}; "
            f"needed: {', '.join(names)}: complete the fit's row"
        )
    return {name: fit[name] for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Best split of compute between parameters and tokens; all arrays have one shape.

    Units: tokens processed (epochs included), loss in nats per token, epochs ≥ 1.
    clamped: the shortage was beyond what the law can order; only loss_nats is meaningful there.
    """

    params: Array
    tokens: Array
    loss_nats: Array
    tokens_per_param: Array
    epochs: Array
    clamped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Chinchilla:
    """L = E + A·N^-α + B·D^-β. Coefficients are numbers, or arrays of draws that broadcast.

    Valid: dense models, fresh tokens, C inside range_flop; forecasts extrapolate it knowingly.
    """

    A: Number
    B: Number
    E: Number
    alpha: Number
    beta: Number
    range_flop: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("A", "B", "E", "alpha", "beta"):
            positive(f"coefficient {name}", getattr(self, name), finite=True)

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: tuple[float, float] | None = None) -> Self:
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

    def loss(self, params: Number, tokens: Number) -> Array:
        """Loss of a model trained on fresh tokens.

        Equation: L = E + A·N^-α + B·D^-β
        Units:    nats per token (divide by ln 2 for bits)
        """
        log_n = np.log(positive("params", params))
        log_d = np.log(positive("tokens", tokens))
        return np.asarray(
            self.E + self.A * np.exp(-self.alpha * log_n) + self.B * np.exp(-self.beta * log_d)
        )

    def params_for_tokens(self, tokens: Number) -> Array:
        """Parameters for which these tokens are exactly compute-optimal.

        Equation: N = G^(1+β/α)·D^(β/α), from α·A·N^-α = β·B·D^-β
        """
        ratio = self.beta / np.asarray(self.alpha)
        return np.exp((1 + ratio) * self._log_G + ratio * np.log(positive("tokens", tokens)))

    def optimum(self, compute_flop: Number) -> Optimum:
        """Parameters and fresh tokens that minimise loss for a budget.

        Equation: N* = G·(C/6)^a,  D* = (C/6)/N*,  a = β/(α+β),  G = (αA/βB)^(1/(α+β))
        Units:    C in FLOP
        Source:   Hoffmann et al. 2022, arXiv:2203.15556, eq. 4
        """
        product = positive("compute_flop", compute_flop, finite=True) / FLOP_PER_PARAM_TOKEN
        params = np.exp(self._log_G + self.params_exponent * np.log(product))
        tokens = product / params
        loss = self.loss(params, tokens)
        params, tokens = (np.broadcast_to(part, loss.shape) for part in (params, tokens))
        once, never = np.ones_like(loss), np.zeros(loss.shape, dtype=np.bool_)
        return Optimum(params, tokens, loss, np.asarray(tokens / params), once, never)

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

    def compute_equivalent(self, params: Number, tokens: Number) -> Array:
        """Compute whose optimum has the loss of this model: C_eq ≤ 6·N·D, in FLOP."""
        return self.compute_for_loss(self.loss(params, tokens))

    def overtraining_penalty(self, k: Number, compute_flop: Number) -> Array:
        """Compute paid over compute needed, at k times the optimal tokens per parameter.

        Equation: C/C_eq at N = N*/√k, D = D*·√k; k < 1 is under-training
                  = cosh(α·ln(k)/2)^(2/α) when α = β
        """
        best = self.optimum(compute_flop)
        root = np.sqrt(positive("k", k))
        spent = self.compute_equivalent(best.params / root, best.tokens * root)
        return np.asarray(compute_flop / spent)

    def outside_range(self, compute_flop: Number) -> NDArray[np.bool_]:
        """Where compute lies outside the fitted range; everywhere if that range is unknown."""
        low, high = self.range_flop or (np.inf, -np.inf)
        compute = positive("compute_flop", compute_flop)
        return np.asarray((compute < low) | (compute > high))

    def check_range(self, compute_flop: Number, extrapolate: bool = False) -> NDArray[np.bool_]:
        """`outside_range`, raising `OutsideValidRange` unless the caller means to extrapolate."""
        outside = self.outside_range(compute_flop)
        if outside.any() and not extrapolate:
            seen = np.asarray(compute_flop)[outside].flat[0]
            known = (
                "an unknown range"
                if self.range_flop is None
                else (f"{self.range_flop[0]:g} to {self.range_flop[1]:g} FLOP")
            )
            raise OutsideValidRange(
                f"compute is {seen:g} FLOP; the law was fitted on {known}: "
                "pass extrapolate=True to use it beyond"
            )
        return outside


def rule_of_thumb_penalty(k: Number) -> Array:
    """The founding comments' estimate of `overtraining_penalty`, kept for comparison only.

    Equation: C/C_eq = k^(1/3); too high below k of about 60, too low above
    Source:   Nesov, comment of 2025-02-05 on harsimony, On AI Scaling
    """
    return np.asarray(np.cbrt(positive("k", k)))


def bits_per_token(loss_nats: Number) -> Array:
    """Loss in bits per token:  L/ln 2."""
    return np.asarray(loss_nats / np.log(2))
