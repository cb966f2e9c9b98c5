"""The reverse question: which model, and how much compute, do these tokens support?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.claims import Array
from models.laws.chinchilla import Number, Optimum, positive
from models.laws.data_constrained import MAX_SHORTAGE, DataConstrained
from models.quantities import FLOP_PER_PARAM_TOKEN

SECONDS_PER_HOUR = 3600.0
HALVINGS = 60


def shortage_at_epochs(law: DataConstrained, epochs: Number) -> Array:
    """Shortage s = D*(C)/U at which the best allocation reads its tokens so many times.

    Equation: e*(s) = epochs, by halving ln s; e* rises with s. 1 at one epoch or less
    Shapes:   epochs and the law's coefficients broadcast
    Valid:    up to the law's MAX_SHORTAGE, where its allocation ends; more epochs give that
    """
    wanted = positive("epochs", epochs)
    shape = np.broadcast_shapes(
        *(np.shape(x) for x in (wanted, law.base.alpha, law.base.beta, law.r_d_star, law.r_n_star))
    )
    low, high = np.zeros(shape), np.full(shape, np.log(MAX_SHORTAGE))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        fewer = law.optimal_epochs(np.exp(middle)) < wanted
        low, high = np.where(fewer, middle, low), np.where(fewer, high, middle)
    return np.where(wanted <= 1, 1.0, np.exp(high))


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """What unique tokens support within an epoch cap; all arrays have one shape.

    Units: FLOP; parameters, tokens processed, nats and epochs in `optimum`.
    """

    compute_flop: Array
    optimum: Optimum


def supported(law: DataConstrained, unique: Number, max_epochs: Number) -> Support:
    """The largest budget whose best split reads no token more than `max_epochs` times.

    Equation: C = 6·N*(s·U)·s·U with e*(s) = max_epochs, N* the size for which s·U fresh tokens are
              compute-optimal. At one epoch it is the budget for which U is exactly enough
    Units:    unique in tokens, C in FLOP
    """
    supply = positive("unique", unique, finite=True)
    wanted = supply * shortage_at_epochs(law, max_epochs)
    compute = np.asarray(FLOP_PER_PARAM_TOKEN * law.base.params_for_tokens(wanted) * wanted)
    return Support(compute, law.optimum(compute, supply))


def gpu_hours(compute_flop: Number, peak_flop_per_s: Number, utilisation: Number) -> Array:
    """Accelerator-hours of a training budget.

    Equation: C/(peak·utilisation·3600)
    Units:    C in FLOP; peak in FLOP/s of one accelerator; utilisation (model-FLOP) in (0, 1]
    """
    rate = positive("peak_flop_per_s", peak_flop_per_s) * positive("utilisation", utilisation)
    return np.asarray(positive("compute_flop", compute_flop) / rate / SECONDS_PER_HOUR)
