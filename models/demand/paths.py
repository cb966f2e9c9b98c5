"""How much compute and how many tokens the largest run of a date uses."""

from __future__ import annotations

import numpy as np

from models.claims import Array
from models.quantities import FLOP_PER_PARAM_TOKEN


def dataset_path(level: Array, oom_per_year: Array, years: Array) -> Array:
    """Tokens of the largest training set, extrapolated at a constant rate.

    Equation: D(t) = level · 10^(g·(t − t0))
    Shapes:   level, oom_per_year (world,); years = t − t0 (date,); result (date, world), tokens
    Source:   Villalobos et al. 2024, https://arxiv.org/abs/2211.04325, historical growth
    """
    return np.asarray(level * np.exp(np.log(10) * oom_per_year * years[:, None]))


def compute_path(
    level: Array,
    ratio_per_year: Array,
    years: Array,
    ceiling: Array | None = None,
    ceiling_ratio: Array | None = None,
    ceiling_years: Array | None = None,
) -> Array:
    """FLOP of the largest run by date, growing at its trend until a ceiling binds.

    Equation: C(t) = min(level·g^(t − t0), ceiling·h^(t − t1))
    Shapes:   (world,) and years (date,); result (date, world). The ceiling also shrinks backwards
              from t1, so it binds before t1 only in worlds whose trend runs far ahead of it.
    """
    # By exp and log, which cost a quarter of a power.
    trend = level * np.exp(np.log(ratio_per_year) * years[:, None])
    if ceiling is None or ceiling_ratio is None or ceiling_years is None:
        return np.asarray(trend)
    limit = ceiling * np.exp(np.log(ceiling_ratio) * ceiling_years[:, None])
    return np.minimum(trend, limit, out=trend)


def tokens_from_compute(
    compute_flop: Array,
    tokens_per_param: Array,
    drift: Array,
    reference_flop: float,
    overtraining: Array,
) -> Array:
    """Tokens that a run of given compute asks for, each counted as fresh.

    Equation: D = √(C·t/6),  t = t0·(C/C0)^p·k
    Symbols:  t tokens per parameter, t0 its optimum at C0, p its drift, k deliberate overtraining
    Shapes:   compute_flop (date, world); the rest (world,); result (date, world), tokens
    """
    # Without compute the power is 0 or infinite by the drift's sign, and no tokens are asked.
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.exp(np.log(compute_flop / reference_flop) * drift)
    per_param = tokens_per_param * overtraining * power
    tokens = np.sqrt(compute_flop * per_param / FLOP_PER_PARAM_TOKEN)
    return np.where(compute_flop > 0, tokens, 0.0)
