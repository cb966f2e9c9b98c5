"""How much compute and how many tokens the largest run of a date uses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.claims import Array
from models.quantities import FLOP_PER_PARAM_TOKEN


def log_dataset_path(level: Array, oom_per_year: Array, years: Array) -> Array:
    """ln of the tokens of the largest training set, extrapolated at a constant rate.

    Equation: D(t) = level · 10^(g·(t − t0))
    Shapes:   level, oom_per_year (world,); years = t − t0 (date,); result (date, world), ln tokens
    Source:   Villalobos et al. 2024, https://arxiv.org/abs/2211.04325, historical growth
    """
    with np.errstate(divide="ignore"):  # a level of 0 asks for nothing
        return np.asarray(np.log(level) + np.log(10) * oom_per_year * years[:, None])


def log_compute_path(
    level: Array,
    ratio_per_year: Array,
    years: Array,
    ceiling: Array | None = None,
    ceiling_ratio: Array | None = None,
    ceiling_years: Array | None = None,
) -> Array:
    """ln of the FLOP of the largest run by date, growing at its trend until a ceiling binds.

    Equation: C(t) = min(level·g^(t − t0), ceiling·h^(t − t1))
    Shapes:   (world,) and years (date,); result (date, world). The ceiling also shrinks backwards
              from t1, so it binds before t1 only in worlds whose trend runs far ahead of it.
    """
    with np.errstate(divide="ignore"):  # a level of 0 asks for nothing
        trend = _log_steady(level, ratio_per_year, years)
        if ceiling is None or ceiling_ratio is None or ceiling_years is None:
            return np.array(list(trend))
        limit = _log_steady(ceiling, ceiling_ratio, ceiling_years)
    # Date by date, so that the arrays at work stay in the processor's cache.
    path = np.empty((years.size, level.size))
    for row, free, most in zip(path, trend, limit, strict=True):
        np.minimum(free, most, out=row)
    return path


def _log_steady(level: Array, ratio_per_year: Array, years: Array) -> Iterator[Array]:
    """ln of a level that grows steadily, (world,) for each date."""
    start, growth = np.log(level), np.log(ratio_per_year)
    return (growth * year + start for year in years)


def log_tokens(
    log_compute: Array,
    tokens_per_param: Array,
    drift: Array,
    reference_flop: float,
    overtraining: Array,
) -> Array:
    """ln of the tokens that a run of given compute asks for, each counted as fresh.

    Equation: D = √(C·t/6),  t = t0·(C/C0)^p·k, so ln D = (ln C·(1 + p) + ln(t0·k/6) − p·ln C0)/2
    Symbols:  t tokens per parameter, t0 its optimum at C0, p its drift, k deliberate overtraining
    Shapes:   log_compute (date, world), ln FLOP; the rest (world,); result (date, world)
    """
    rest = np.log(tokens_per_param * overtraining / FLOP_PER_PARAM_TOKEN)
    asked = log_compute * ((1 + drift) / 2)
    asked += (rest - drift * np.log(reference_flop)) / 2
    return np.asarray(asked)


def tokens_from_compute(
    compute_flop: Array,
    tokens_per_param: Array,
    drift: Array,
    reference_flop: float,
    overtraining: Array,
) -> Array:
    """`log_tokens` of FLOP, in tokens; without compute none are asked, whatever the drift."""
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = log_tokens(
            np.log(compute_flop), tokens_per_param, drift, reference_flop, overtraining
        )
    return np.where(compute_flop > 0, np.exp(asked), 0.0)
