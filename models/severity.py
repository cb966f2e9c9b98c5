"""How much a data limit costs a run: loss, wasted compute and time.

A gap of 0.001 nats looks like nothing and can be a fifth of the compute, so the two figures are
always given together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import OutsideValidRange
from models.laws.data_constrained import DataConstrained
from models.laws.law import Array, Number, Optimum


@dataclass(frozen=True, slots=True, eq=False)
class Severity:
    """Cost of a data limit at the best allocation it leaves; all arrays have one shape.

    Units: loss_gap in nats per token, compute_ratio = C_eq/C in (0, 1], delay in months.
    """

    loss_gap_nats: Array
    compute_ratio: Array
    delay_months: Array
    optimum: Optimum


def delay_months(compute_ratio: Number, growth_per_year: Number) -> Array:
    """Months for compute, growing at a steady rate, to make up for a data limit.

    Equation: 12·ln(C/C_eq)/ln(growth)
    Units:    compute_ratio = C_eq/C in (0, 1]; growth is a factor per year, above 1
    """
    growth, ratio = np.asarray(growth_per_year), np.asarray(compute_ratio)
    if not (growth > 1).all():
        raise OutsideValidRange(
            f"compute growth is {np.min(growth):g} times a year; a delay needs growth above 1: "
            "give a factor such as 4.6"
        )
    if not ((ratio > 0) & (ratio <= 1)).all():
        raise OutsideValidRange(
            f"compute ratio spans {np.min(ratio):g} to {np.max(ratio):g}; C_eq/C lies above 0 and "
            "at most at 1: pass compute_ratio of a severity"
        )
    return np.asarray(12 * np.log(1 / ratio) / np.log(growth))


def severity(
    law: DataConstrained,
    compute_flop: Number,
    unique: Number,
    growth_per_year: Number,
    floor_rise: Number = 0.0,
) -> Severity:
    """Cost of having only `unique` tokens for a budget.

    Equation: ΔL = L(C, U) + rise − L*(C);  ratio = C_eq/C with L*(C_eq) = L(C, U) + rise;
              delay = 12·ln(C/C_eq)/ln(growth)
    Units:    C in FLOP, U in tokens, growth a factor per year; rise of the loss's floor in nats, of
              what fills the gap. It moves no optimum, being the same for every allocation
    Valid:    as DataConstrained.optimum; a clamped shortage still has its loss and so its cost
    """
    limited = law.optimum(compute_flop, unique)
    free = law.base.optimum(compute_flop)
    loss = limited.loss_nats + floor_rise
    # Where nothing is lost C_eq is C, exactly; rounding would put it a few last places beside it.
    same = loss <= free.loss_nats
    ratio = np.where(same, 1.0, law.base.compute_for_loss(loss) / compute_flop)
    ratio = np.minimum(ratio, 1.0)
    return Severity(
        loss_gap_nats=loss - free.loss_nats,
        compute_ratio=np.asarray(ratio),
        delay_months=delay_months(ratio, growth_per_year),
        optimum=limited,
    )
