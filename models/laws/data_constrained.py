"""Loss and best allocation when training tokens repeat.

Equation: L  = E + A·N'^-α + B·D'^-β
          D' = U_D·(1 + R_D*·(1 − exp(−R_D/R_D*))),  U_D = min(U, D),       R_D = D/U_D − 1
          N' = U_N·(1 + R_N*·(1 − exp(−R_N/R_N*))),  U_N = min(N, N*(U_D)), R_N = N/U_N − 1
Symbols:  U unique tokens, N*(U_D) the parameters for which U_D is compute-optimal, primes mark
          effective amounts; R* are e-folding counts of repeats, not half-lives
Source:   Muennighoff et al. 2023, arXiv:2305.16264, sec. 3 and appendix A; constants from the
          authors' repository huggingface/datablations, stored as a row of law_fits

Valid:    R* of about 4 and more. With a smaller one both effective amounts can reach their ceiling
          far below MAX_SHORTAGE: loss and severity stay right there, the split is arbitrary

The law never lets repetition hurt, and was fitted below 1e12 unique tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError, OutsideValidRange
from models.laws.chinchilla import Chinchilla
from models.laws.law import (
    Array,
    Law,
    LawFit,
    Number,
    Optimum,
    Range,
    coefficients,
    positive,
)
from models.quantities import FLOP_PER_PARAM_TOKEN

# Beyond this shortage N' and D', where both have a ceiling, are at it to many digits: any split of
# the surplus compute gives the same loss, and the law no longer orders allocations.
MAX_SHORTAGE = 300.0
# An e-folding count this large is a straight line in double precision; it stands for infinity.
STRAIGHT = 1e30
# Newton squares what is left after a step this small in ln e.
TOLERANCE = 1e-8
MAX_STEPS = 200
# More tokens than anything counts; 60 halvings of its logarithm reach double precision.
MOST_TOKENS = 1e40
HALVINGS = 60


def saturating(multiple: Number, r_star: Number) -> Array:
    """Effective multiple of something used `multiple` times over.

    Equation: m' = 1 + R*·(1 − exp(−(m−1)/R*)) above 1, m itself below; limit 1 + R*
    """
    scale = np.minimum(r_star, STRAIGHT)
    repeats = np.maximum(np.asarray(multiple) - 1, 0)
    return np.asarray(np.minimum(multiple, 1) - scale * np.expm1(-repeats / scale))


def _log_worth(log_multiple: Array, exponent: Array, r_star: Array) -> tuple[Array, Array]:
    """Log of what a further log-unit takes off the loss, relative to the first, and its slope.

    Equation: w(v) = v − (m−1)/R* − (1+exponent)·ln m',  m = exp(v);  w(0) = 0 and w falls
    """
    multiple = np.exp(log_multiple)
    repeats = (multiple - 1) / r_star
    lost = np.expm1(-repeats)
    effective = 1 - r_star * lost
    worth = log_multiple - repeats - (1 + exponent) * np.log(effective)
    slope = 1 - multiple / r_star - (1 + exponent) * multiple * (1 + lost) / effective
    return worth, slope


def _log_epochs(size: Array, alpha: Array, beta: Array, r_d: Array, r_n: Array) -> Array:
    """Logarithm of the optimal epochs, from the log of compute over the sufficient compute.

    Equation: w_D(x) = w_N(size − x) for x in [0, size]. Each side is monotone, so the root is the
              only one; Newton steps that leave the bracket are replaced by halving it.
    Shapes:   all (n,)
    """
    low, high = np.zeros_like(size), size
    x = size * (alpha + 1 / r_n) / (alpha + 1 / r_n + beta + 1 / r_d)
    for _ in range(MAX_STEPS):
        data, data_slope = _log_worth(x, beta, r_d)
        model, model_slope = _log_worth(size - x, alpha, r_n)
        low, high = np.where(data > model, x, low), np.where(data > model, high, x)
        step = x - (data - model) / (data_slope + model_slope)
        step = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        moved, x = np.max(np.abs(step - x)), step
        if moved <= TOLERANCE:
            return x
    raise ModelError(
        f"optimal epochs still moved by {moved:g} after {MAX_STEPS} steps; at most {TOLERANCE:g} "
        "is allowed: check the law's exponents and R* for extreme values"
    )


@dataclass(frozen=True, slots=True, eq=False)
class DataConstrained(Law):
    """A Chinchilla law whose repeated tokens and surplus parameters lose worth.

    r_d_star: e-folding repeats of data. r_n_star: the same for parameters; inf = never saturates.
    """

    base: Chinchilla
    r_d_star: Number
    r_n_star: Number

    def __post_init__(self) -> None:
        positive("r_d_star", self.r_d_star)
        positive("r_n_star", self.r_n_star)

    @classmethod
    def from_fit(cls, fit: LawFit, range_flop: Range | None = None) -> Self:
        """The law of a fit with Chinchilla's keys and r_d_star, r_n_star."""
        stars = coefficients(fit, ("r_d_star", "r_n_star"))
        return cls(Chinchilla.from_fit(fit, range_flop), **stars)

    @property
    def range_flop(self) -> Range | None:
        """That of the base law."""
        return self.base.range_flop

    @property
    def irreducible_nats(self) -> Array:
        """E of the base law."""
        return self.base.irreducible_nats

    def effective_tokens(self, unique: Number, epochs: Number) -> Array:
        """Fresh tokens worth as much as unique tokens read for so many epochs.

        Equation: D' = U·(1 + R_D*·(1 − exp(−(e−1)/R_D*))); below one epoch D' = U·e
        """
        return np.asarray(
            positive("unique", unique) * saturating(positive("epochs", epochs), self.r_d_star)
        )

    def epochs_for_multiplier(self, multiplier: Number) -> Array:
        """Epochs at which effective tokens are so many times the unique ones.

        Equation: e = 1 − R_D*·ln(1 − (m−1)/R_D*); below one e = m; inf from the ceiling 1 + R_D*
        """
        multiple = positive("multiplier", multiplier)
        scale = np.minimum(self.r_d_star, STRAIGHT)
        share = np.minimum(np.maximum(multiple - 1, 0) / scale, 1)
        with np.errstate(divide="ignore"):
            return np.asarray(np.minimum(multiple, 1) - scale * np.log1p(-share))

    def effective_params(self, params: Number, unique: Number) -> Array:
        """Parameters that count, given the unique tokens read.

        Equation: N' = U_N·(1 + R_N*·(1 − exp(−(N/U_N − 1)/R_N*))),  U_N = min(N, N*(U))
        """
        size = positive("params", params)
        useful = np.minimum(size, self.base.params_for_tokens(unique))
        return np.asarray(useful * saturating(size / useful, self.r_n_star))

    def loss(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """Loss after training on `tokens`, read from `unique` different ones; nats per token."""
        read = positive("tokens", tokens)
        fresh = np.minimum(positive("unique", unique), read)
        return self.base.loss(
            self.effective_params(params, fresh), self.effective_tokens(fresh, read / fresh)
        )

    def compute_for_loss(self, loss_nats: Number) -> Array:
        """Least compute that reaches a loss with fresh tokens: the base law's."""
        return self.base.compute_for_loss(loss_nats)

    def tokens_for_loss(self, loss_nats: Number, params: Number, unique: Number = np.inf) -> Array:
        """Tokens, repeats included, after which a model reaches a loss; inf where it never does.

        Equation: L(N, D, U) = loss, by halving ln D: the loss falls with D at fixed N and U
        Valid:    D from 1 to 1e40 tokens
        """
        wanted, size = positive("loss", loss_nats), positive("params", params)
        supply = positive("unique", unique)
        shape = self.loss(size, np.ones(()), supply).shape
        low = np.zeros(np.broadcast_shapes(shape, wanted.shape))
        high = np.full(low.shape, np.log(MOST_TOKENS))
        reached = self.loss(size, MOST_TOKENS, supply) <= wanted
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            enough = self.loss(size, np.exp(middle), supply) <= wanted
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.where(reached, np.exp(high), np.inf)

    def is_clamped(self, shortage: Number) -> NDArray[np.bool_]:
        """Where s = D*(C)/U is above MAX_SHORTAGE and both N' and D' saturate (R* finite)."""
        saturates = np.isfinite(self.r_d_star) & np.isfinite(self.r_n_star)
        return np.asarray((np.asarray(shortage) > MAX_SHORTAGE) & saturates)

    def optimal_epochs(self, shortage: Number) -> Array:
        """Epochs of the best allocation at s = D*(C)/U; 1 where the supply suffices.

        Equation: minimum of L over N·D = C/6. In multiples of U and N*(U) it depends on s, α, β
                  and R* alone, since C is s^(1/b) times the compute for which U suffices
        Valid:    where is_clamped(s), the epochs are those at MAX_SHORTAGE
        """
        short = np.asarray(shortage, dtype=np.float64)
        if not ((short >= 0) & np.isfinite(short)).all():
            raise OutsideValidRange(
                f"shortage spans {np.min(short):g} to {np.max(short):g}; it is tokens wanted over "
                "unique tokens, finite and at least 0: correct the input"
            )
        ordered = np.where(self.is_clamped(short), MAX_SHORTAGE, short)
        size = np.log(np.maximum(ordered, 1)) / self.base.tokens_exponent
        stars = (np.minimum(star, STRAIGHT) for star in (self.r_d_star, self.r_n_star))
        parts = np.broadcast_arrays(size, self.base.alpha, self.base.beta, *stars)
        flat = [np.ravel(part) for part in parts]
        epochs = np.ones(flat[0].size)
        limited = flat[0] > 0
        if limited.any():
            epochs[limited] = np.exp(_log_epochs(*(part[limited] for part in flat)))
        return epochs.reshape(parts[0].shape)

    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Best parameters and tokens for a budget when only `unique` tokens exist.

        Equation: minimum of L over N, D with 6·N·D = C; with D*(C) ≤ U it is the base law's
        Valid:    where clamped is False. Elsewhere epochs stay at their value for MAX_SHORTAGE and
                  the surplus goes to parameters: the loss holds, the split is arbitrary
        """
        supply = positive("unique", unique)
        free = self.base.optimum(compute_flop)
        shortage = free.tokens / supply
        epochs = self.optimal_epochs(shortage)
        limited = np.broadcast_to(shortage > 1, epochs.shape)
        # An unlimited supply is infinite, and infinity times one epoch is no amount of tokens.
        tokens = np.where(limited, np.minimum(supply, free.tokens) * epochs, free.tokens)
        params = np.asarray(compute_flop / FLOP_PER_PARAM_TOKEN / tokens)
        loss = np.where(limited, self.loss(params, tokens, supply), free.loss_nats)
        clamped = np.broadcast_to(self.is_clamped(shortage), loss.shape)
        return Optimum(params, tokens, loss, np.asarray(tokens / params), epochs, clamped)
