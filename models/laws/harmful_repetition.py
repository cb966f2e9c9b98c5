"""A law in which repetition can hurt, unlike the data-constrained one.

Equation: L = E + A·N^-α + B·D^-β + P·R^δ·(N/U)^κ,  D = U·(1 + R), R repeats beyond the first pass
Symbols:  U unique tokens, R = D/U − 1 (0 below one epoch); P, δ, κ size the harm, which grows with
          the capacity there is per unique token
Units:    nats per token
Range:    about 300 models, 15M to 1B parameters, 50M to 6B unique tokens
Source:   Lovelace et al. 2026, arXiv:2605.01640. P, δ and κ were not seen, so `lovelace` computes
          nothing; pass your own fit to `HarmfulRepetition.from_fit`

It contradicts the data-constrained law: past a point more passes raise the loss and capacity is the
better use of compute. Weight decay of 1.0 cuts the harm by about 70 %, says its abstract. Where R
goes to 0 or U to infinity it is the Chinchilla law.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry
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

# Epochs of the best allocation are looked for between 1 and this many, on a grid in ln e that each
# round refines around its best point: 8 rounds of 65 leave 1e-12 of it.
MOST_EPOCHS = 1e4
POINTS, ROUNDS = 65, 8


@dataclass(frozen=True, slots=True, eq=False)
class HarmfulRepetition(Law):
    """A Chinchilla law with a term that rises as tokens repeat."""

    base: Chinchilla
    P: Number
    delta: Number
    kappa: Number

    def __post_init__(self) -> None:
        for name in ("P", "delta", "kappa"):
            positive(f"coefficient {name}", getattr(self, name), finite=True)

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit with Chinchilla's keys and P, delta, kappa."""
        harm = coefficients(fit, ("P", "delta", "kappa"))
        return cls(Chinchilla.from_fit(fit, range_flop), **harm)

    @property
    def range_flop(self) -> Range | None:
        """That of the base law."""
        return self.base.range_flop

    @property
    def irreducible_nats(self) -> Array:
        """E of the base law."""
        return self.base.irreducible_nats

    def loss(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """Loss after reading `tokens`, `unique` of them different; nats per token."""
        size, read = positive("params", params), positive("tokens", tokens)
        supply = positive("unique", unique)
        repeats = np.maximum(read / supply - 1, 0.0)
        crowding = (size / supply) ** np.asarray(self.kappa)
        harm = self.P * repeats ** np.asarray(self.delta) * crowding
        return np.asarray(self.base.loss(size, read) + harm)

    def compute_for_loss(self, loss_nats: Number) -> Array:
        """Least compute that reaches a loss with fresh tokens: the base law's."""
        return self.base.compute_for_loss(loss_nats)

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Least loss over 6·N·D = C, D up to 10,000 epochs; the base law's where D*(C) ≤ U."""
        compute = positive("compute_flop", compute_flop, finite=True)
        free, supply = self.base.optimum(compute).tokens, positive("unique", unique)
        fresh = np.minimum(free, supply)
        product = np.asarray(compute / FLOP_PER_PARAM_TOKEN)
        shape = self.loss(product / fresh, fresh, supply).shape
        top = np.broadcast_to(np.where(free > supply, np.log(MOST_EPOCHS), 0.0), shape)
        low, high, best = np.zeros(shape), top, np.zeros(shape)
        steps = np.linspace(0.0, 1.0, POINTS).reshape(-1, *(1,) * len(shape))
        for _ in range(ROUNDS):
            tokens = fresh * np.exp(low + (high - low) * steps)
            width = (high - low) / (POINTS - 1)
            best = low + width * np.argmin(self.loss(product / tokens, tokens, supply), axis=0)
            low, high = np.maximum(best - width, 0.0), np.minimum(best + width, top)
        epochs = np.exp(best)
        loss = self.loss(product / (fresh * epochs), fresh * epochs, supply)
        return split(compute, fresh * epochs, loss, epochs, np.zeros((), dtype=np.bool_))


ENTRIES = (
    Entry(
        "lovelace", "Repetition that hurts (Lovelace 2026)", __name__,
        refusal="the size and exponents of its harm, P, δ and κ, were not seen",
    ),
)  # fmt: skip
