"""The laws of 2020, kept as historical comparators.

Equation: L(N)     = (N_c/N)^α_N               tokens unlimited
          L(D)     = (D_c/D)^α_D               parameters unlimited
          L(C_min) = (C_c/C_min)^α_C           compute in PF-days; C_c unverified
          L(N, D)  = [(N_c'/N)^(α_N/α_D') + D_c'/D]^α_D'
          N*       = N_1·C_min^a, D* = C/(6·N*) (C in PF-days)
Symbols:  N non-embedding parameters, D tokens, 1 PF-day = 8.64e19 FLOP; the joint fit has constants
          of its own (primed)
Units:    nats per token
Range:    768 to 1.5e9 non-embedding parameters, 22M to 23B tokens, so 1e11 to 2.1e20 FLOP. There is
          no irreducible loss: at large compute these laws are wrong, not uncertain
Source:   Kaplan et al. 2020, arXiv:2001.08361, eq. 1.1 to 1.5 and Table 2; a also in Hoffmann et
          al. 2022, Table 2

The paper's text rounds 10 times the compute to 5.5 times the parameters and 1.8 times the tokens;
the exponents 0.73 and 0.27 give 5.37 and 1.86. Its own prefactor for tokens (2e10, unverified) does
not multiply back to C/6: at 1e21 FLOP it gives 3.9e10 tokens, this law 2.1e10. Porian et al. 2024
(arXiv:2406.19146) trace the exponent to output-layer FLOP, warm-up and optimiser tuning. The joint
law itself, minimised over N at fixed C, gives N* ~ C^0.58: the 0.73 of the paper is a separate fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.errors import LawCannotAnswer
from models.laws.allocation import Allocation
from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one
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


@dataclass(frozen=True, slots=True, eq=False)
class OneVariable(Law):
    """L = (scale/x)^exponent, where x is `variable`: "params" or "tokens"; the other is
    unlimited."""

    scale: Number
    exponent: Number
    variable: str
    range_flop: Range | None = None

    @classmethod
    def of_params(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """L(N), from a fit with the keys scale and alpha."""
        found = coefficients(fit, ("scale", "alpha"))
        return cls(found["scale"], found["alpha"], "params", range_flop)

    @classmethod
    def of_tokens(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """L(D), from a fit with the keys scale and alpha."""
        found = coefficients(fit, ("scale", "alpha"))
        return cls(found["scale"], found["alpha"], "tokens", range_flop)

    @property
    def irreducible_nats(self) -> Array:
        """0: the law has no floor."""
        return np.zeros(())

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Refused: a law of one variable orders no allocation."""
        raise LawCannotAnswer(
            f"it is a law of {self.variable} alone and splits no compute; ask kaplan_joint or "
            "kaplan_alloc"
        )

    def loss(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """Loss at this many of the law's variable; the other counts as unlimited."""
        fresh = np.minimum(positive("tokens", tokens), positive("unique", unique))
        amount = positive("params", params) if self.variable == "params" else fresh
        return np.asarray((self.scale / amount) ** np.asarray(self.exponent))

    def tokens_for_loss(self, loss_nats: Number, params: Number, unique: Number = np.inf) -> Array:
        """Tokens at which the loss is reached: D_c·L^(-1/α_D); of a law of tokens only."""
        if self.variable != "tokens":
            raise LawCannotAnswer("it is a law of params alone; ask kaplan_L_D")
        tokens = self.scale * positive("loss", loss_nats) ** (-1 / np.asarray(self.exponent))
        return np.where(tokens <= positive("unique", unique), tokens, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class KaplanJoint(Law):
    """L(N, D): the 1/α_D' power of the loss is a Chinchilla surface with E = 0 and β = 1."""

    surface: Chinchilla
    power: Number

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit with the keys N_c, D_c, alpha_N and alpha_D."""
        found = coefficients(fit, ("N_c", "D_c", "alpha_N", "alpha_D"))
        alpha = np.asarray(found["alpha_N"]) / found["alpha_D"]
        scale = np.asarray(found["N_c"]) ** alpha
        return cls(Chinchilla(scale, found["D_c"], 0.0, alpha, 1.0, range_flop), found["alpha_D"])

    @property
    def range_flop(self) -> Range | None:
        """That of its surface."""
        return self.surface.range_flop

    def loss(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """L = [(N_c/N)^(α_N/α_D) + D_c/min(D, U)]^α_D, nats per token."""
        return np.asarray(self.surface.loss(params, tokens, unique) ** np.asarray(self.power))

    @property
    def irreducible_nats(self) -> Array:
        """0: the law has no floor."""
        return np.zeros(())

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Minimum of L over 6·N·D = C, D ≤ U: a rising power leaves the surface's own in place."""
        best = self.surface.optimum(compute_flop, unique)
        loss = best.loss_nats ** np.asarray(self.power)
        compute = np.asarray(compute_flop, dtype=np.float64)
        return split(compute, best.tokens, loss, np.ones(()), np.zeros((), dtype=np.bool_))

    def compute_for_loss(self, loss_nats: Number) -> Array:
        """Least compute that reaches a loss, in FLOP."""
        return self.surface.compute_for_loss(self._raised(loss_nats))

    def tokens_for_loss(self, loss_nats: Number, params: Number, unique: Number = np.inf) -> Array:
        """Fresh tokens after which a model reaches a loss; inf where it never does."""
        return self.surface.tokens_for_loss(self._raised(loss_nats), params, unique)

    def _raised(self, loss_nats: Number) -> Array:
        return np.asarray(positive("loss", loss_nats) ** (1 / np.asarray(self.power)))


ENTRIES = (
    Entry(
        "kaplan_L_N", "Kaplan 2020: loss by parameters", __name__, ("kaplan_L_N:published",),
        from_one("kaplan_L_N:published", OneVariable.of_params),
    ),
    Entry(
        "kaplan_L_D", "Kaplan 2020: loss by tokens", __name__, ("kaplan_L_D:published",),
        from_one("kaplan_L_D:published", OneVariable.of_tokens),
    ),
    Entry(
        "kaplan_L_Cmin", "Kaplan 2020: loss by compute", __name__, ("kaplan_L_Cmin:published",),
        refusal="its scale, 3.1e8 PF-days, was not seen in the paper",
    ),
    Entry(
        "kaplan_joint", "Kaplan 2020: loss by parameters and tokens", __name__,
        ("kaplan_joint:published",), from_one("kaplan_joint:published", KaplanJoint.from_fit),
    ),
    Entry(
        "kaplan_alloc", "Kaplan 2020: allocation", __name__, ("kaplan_alloc:published",),
        from_one("kaplan_alloc:published", Allocation.from_params),
    ),
)  # fmt: skip
