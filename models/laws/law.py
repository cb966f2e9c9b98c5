"""What every law shares: its questions, the shape of their answers, and checks of inputs.

Symbols:  N parameters, D tokens processed (repeats included), U unique tokens, C training FLOP,
          L loss in nats per token, t = D/N tokens per parameter. C = 6·N·D with N the active
          parameters; every allocation here keeps that identity
Shapes:   all inputs and coefficients are numbers or arrays that broadcast: a cloud of fits of shape
          (draw, 1) against budgets of shape (year,) answers in (draw, year)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import LawCannotAnswer, OutsideValidRange, RecordInvalid
from models.laws.sparsity import sparsity_factor
from models.quantities import FLOP_PER_PARAM_TOKEN

Array = NDArray[np.float64]
Number = float | Array
LawFit = Mapping[str, Number]
Range = tuple[float, float]


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


def not_negative(name: str, value: Number) -> Array:
    """The value as an array, or `OutsideValidRange` unless all of it is finite and at least 0."""
    array = np.asarray(value, dtype=np.float64)
    wrong = array[~((array >= 0) & np.isfinite(array))]
    if wrong.size:
        raise OutsideValidRange(
            f"{name} is {wrong[0]:g}; the law needs a finite number, 0 or above: correct the input"
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

    Units: tokens processed (epochs included), loss in nats per token (nan where the law has none),
    epochs ≥ 1 where tokens repeat.
    clamped: the shortage was beyond what the law can order; only loss_nats is meaningful there.
    """

    params: Array
    tokens: Array
    loss_nats: Array
    tokens_per_param: Array
    epochs: Array
    clamped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What a run of given compute asks for; all arrays have one shape.

    Units: tokens processed, parameters (active: used by each token), tokens per active parameter,
    epochs ≥ 1.
    """

    tokens: Array
    active_params: Array
    total_params: Array
    tokens_per_param: Array
    epochs: Array


@dataclass(frozen=True, slots=True, eq=False)
class Penalty:
    """What a choice or a limit costs a run; all arrays have one shape.

    Units: loss_gap in nats per token; compute_equivalent C_eq in FLOP, the least compute with the
    same loss; ratio C_eq/C in (0, 1]. A gap of 0.001 nats can be a fifth of the compute, so the two
    are always given together.
    """

    loss_gap_nats: Array
    compute_equivalent_flop: Array
    ratio: Array


class Law(ABC):
    """The questions every law answers, or refuses with `LawCannotAnswer`."""

    __slots__ = ()

    @property
    @abstractmethod
    def range_flop(self) -> Range | None:
        """Compute range of the data behind the fit, in FLOP; None where it is not known."""

    @abstractmethod
    def optimum(self, compute_flop: Number, unique: Number = np.inf) -> Optimum:
        """Best parameters and tokens for a budget when only `unique` different tokens exist."""

    def loss(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """Loss after reading `tokens`, `unique` of them different; nats per token."""
        del params, tokens, unique
        raise LawCannotAnswer(
            "it allocates compute and states no loss; ask a law with a loss surface, such as "
            "besiroglu or muennighoff"
        )

    @property
    def irreducible_nats(self) -> Array:
        """E, the loss no compute gets below; 0 for laws without one, nan where there is no loss."""
        return np.full((), np.nan)

    def compute_for_loss(self, loss_nats: Number) -> Array:
        """Least compute that reaches a loss with fresh tokens, in FLOP."""
        raise LawCannotAnswer(
            "it states no loss to invert; ask a law with a loss surface, such as besiroglu"
        )

    def tokens_for_loss(self, loss_nats: Number, params: Number, unique: Number = np.inf) -> Array:
        """Tokens after which a model reaches a loss; inf where it never does."""
        raise LawCannotAnswer(
            "it states no loss to invert; ask a law with a loss surface, such as besiroglu"
        )

    def optimal_tokens(self, compute_flop: Number) -> Array:
        """D*(C): tokens of the best allocation when fresh ones never end.

        Shapes: coefficients and compute broadcast, so a cloud gives a cloud
        """
        return self.optimum(compute_flop).tokens

    def compute_equivalent(self, params: Number, tokens: Number, unique: Number = np.inf) -> Array:
        """Compute whose optimum has the loss of this model: C_eq ≤ 6·N·D, in FLOP."""
        return self.compute_for_loss(self.loss(params, tokens, unique))

    def overtraining_penalty(self, k: Number, compute_flop: Number) -> Array:
        """Compute paid over compute needed, at k times the optimal tokens per parameter.

        Equation: C/C_eq at N = N*/√k, D = D*·√k; k < 1 is under-training
                  = cosh(α·ln(k)/2)^(2/α) in a Chinchilla law with α = β
        """
        return np.asarray(1 / self.penalty_of_overtraining(k, compute_flop).ratio)

    def penalty_of_overtraining(self, k: Number, compute_flop: Number) -> Penalty:
        """Cost of training at k times the optimal tokens per parameter."""
        best = self.optimum(compute_flop)
        root = np.sqrt(positive("overtraining", k, finite=True))
        return self.penalty_of_model(best.params / root, best.tokens * root)

    def penalty_of_model(self, params: Number, tokens: Number, unique: Number = np.inf) -> Penalty:
        """Cost of a model against the best use of its compute, C = 6·N·D, on fresh tokens."""
        spent = np.asarray(
            FLOP_PER_PARAM_TOKEN * positive("params", params) * positive("tokens", tokens)
        )
        return self._penalty(self.loss(params, tokens, unique), spent)

    def penalty_of_limit(self, compute_flop: Number, unique: Number) -> Penalty:
        """Cost of having only `unique` tokens, at the best allocation they leave."""
        limited = self.optimum(compute_flop, unique)
        return self._penalty(limited.loss_nats, np.asarray(compute_flop, dtype=np.float64))

    def _penalty(self, loss: Array, spent: Array) -> Penalty:
        best = self.optimum(spent).loss_nats
        # Rounding can put C_eq a few units in the last place above C when nothing is lost.
        equivalent = np.minimum(self.compute_for_loss(loss), spent)
        gap = np.maximum(loss - best, 0.0)
        return Penalty(gap, np.asarray(equivalent), np.asarray(equivalent / spent))

    def demand(
        self,
        compute_flop: Number,
        *,
        sparsity: Number = 0.0,
        sparsity_exponent: Number | None = None,
        overtraining: Number = 1.0,
        unique: Number = np.inf,
    ) -> Demand:
        """Tokens and parameters of a run that is sparse, overtrained, or short of unique tokens.

        Equation: t = t*(C, U)·f(S)·k,  D = √(C·t/6),  N_active = C/(6·D),
                  N_total = N_active/(1 − S),  f(S) = (1/(1 − S))^w
        Symbols:  S share of parameters a token does not use, w `sparsity_exponent`, k overtraining
        Units:    C in FLOP; U unique tokens: where the law values repeats, t* rises as they set in
        """
        factor = _sparsity_factor(sparsity, sparsity_exponent)
        root = np.sqrt(positive("overtraining", overtraining, finite=True) * factor)
        best = self.optimum(compute_flop, unique)
        tokens, active = np.asarray(best.tokens * root), np.asarray(best.params / root)
        total = active / (1 - np.asarray(sparsity))
        epochs = np.maximum(tokens / positive("unique", unique), 1.0)
        parts = np.broadcast_arrays(tokens, active, total, tokens / active, epochs)
        return Demand(*(np.asarray(part) for part in parts))

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
            raise OutsideValidRange(
                f"compute is {seen:g} FLOP; the law was fitted on {range_words(self.range_flop)}: "
                "pass extrapolate=True to use it beyond"
            )
        return outside


def range_words(range_flop: Range | None) -> str:
    """A fitted range in words."""
    if range_flop is None:
        return "an unknown range"
    return f"{range_flop[0]:g} to {range_flop[1]:g} FLOP"


def _sparsity_factor(sparsity: Number, exponent: Number | None) -> Array:
    if exponent is not None:
        return sparsity_factor(sparsity, exponent)
    if np.any(np.asarray(sparsity) != 0):
        raise OutsideValidRange(
            "sparsity is given without sparsity_exponent; the factor it adds is uncertain and has "
            "no default: pass w, such as that of the law sparsity_factor"
        )
    return np.ones(())


def split(
    compute_flop: Array, tokens: Array, loss: Array, epochs: Array, clamped: NDArray[np.bool_]
) -> Optimum:
    """An optimum from its tokens, N = C/(6·D), broadcast to one shape."""
    size = compute_flop / FLOP_PER_PARAM_TOKEN / tokens
    parts = np.broadcast_arrays(size, tokens, loss, tokens / size, epochs)
    params, read, nats, ratio, passes = (np.asarray(part) for part in parts)
    return Optimum(params, read, nats, ratio, passes, np.broadcast_to(clamped, params.shape))
