"""Smaller models on more tokens, when serving the model costs compute too.

Equation: least 6·N·D + 2·N·D_inf over N, D with L(N, D) at a target. With r = αA·N^-α/(βB·D^-β) the
          condition is 6·D·(r − 1) = 2·D_inf, one sign change in N between the smallest model that
          can reach the loss and the compute-optimal one
Symbols:  D_inf tokens the model will ever read and write in use
Units:    FLOP, tokens, nats per token
Range:    ratios of tokens to parameters far above those fitted; its authors warn that such fits
          overvalue tokens there
Source:   Sardana et al. 2024, arXiv:2401.00448

Published: 30B quality with 5T tokens of use takes 16.4B on 3.27T (16 % saved), 70B with 10T takes
41.6B on 7.92T (12 %). Both come out only with α = 0.336 and β = 0.283, which `sardana` holds;
Hoffmann's rounded 0.34 and 0.28 give 19.0B on 4.67T for the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one
from models.laws.law import Array, Number, not_negative, positive
from models.quantities import FLOP_PER_PARAM_TOKEN

# Forward pass of a dense transformer, per parameter and token.
FLOP_PER_PARAM_SERVED = 2.0
# Each halving of a bracket in ln N gains a bit; 80 leave less than rounding.
HALVINGS = 80


@dataclass(frozen=True, slots=True, eq=False)
class InferenceOptimum:
    """Cheapest model of a quality over training and use; all arrays have one shape.

    Units: parameters, training tokens, FLOP of training and use, share of FLOP saved against the
    compute-optimal model of the same loss.
    """

    params: Array
    tokens: Array
    total_flop: Array
    saved: Array


def inference_optimum(
    law: Chinchilla, loss_nats: Number, inference_tokens: Number
) -> InferenceOptimum:
    """The cheapest model that reaches a loss and then reads `inference_tokens`.

    Raises: OutsideValidRange at or below the irreducible loss
    """
    served = not_negative("inference_tokens", inference_tokens)
    best = law.optimum(law.compute_for_loss(loss_nats))
    alpha, beta = np.asarray(law.alpha), np.asarray(law.beta)
    reducible = np.asarray(loss_nats - np.asarray(law.E))
    low = np.log(law.A / reducible) / alpha
    low, high, _ = np.broadcast_arrays(low, np.log(best.params), served)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        tokens = law.tokens_for_loss(loss_nats, np.exp(middle))
        rate = alpha * law.A * np.exp(-alpha * middle) * tokens**beta / (beta * np.asarray(law.B))
        small = FLOP_PER_PARAM_TOKEN * tokens * (rate - 1) > FLOP_PER_PARAM_SERVED * served
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    params = np.exp(high)
    tokens = law.tokens_for_loss(loss_nats, params)
    total = _flop(params, tokens, served)
    usual = _flop(best.params, best.tokens, served)
    return InferenceOptimum(params, tokens, total, np.asarray(1 - total / usual))


def _flop(params: Array, tokens: Array, served: Array) -> Array:
    per_param = FLOP_PER_PARAM_TOKEN * tokens + FLOP_PER_PARAM_SERVED * served
    return np.asarray(positive("params", params) * per_param)


ENTRIES = (
    Entry(
        "sardana", "Inference-aware surface (Sardana 2024)", __name__, ("sardana:unrounded",),
        from_one("sardana:unrounded", Chinchilla.from_fit),
    ),
)  # fmt: skip
