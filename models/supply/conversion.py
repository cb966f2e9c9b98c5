"""From a count to raw tokens, and from a date to another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from models.claims import Array


def raw_tokens(count: Array, times: Iterable[Array], per: Iterable[Array]) -> Array:
    """Raw tokens of a corpus on the date of its count.

    Equation: raw = count · Π times / Π per   (pages × bytes per page ÷ bytes per token, …)
    Shapes:   all (world,) or broadcastable; count in its own unit, result in tokens
    """
    tokens = np.asarray(count, dtype=float)
    for factor in times:
        tokens = tokens * factor
    for factor in per:
        tokens = tokens / factor
    return tokens


def fading_years(years: Array, fading: Array) -> Array:
    """Years of full growth that so many years of fading growth are worth.

    Equation: (1 − exp(−λ·t))/λ after the count's date, t before it and where λ = 0
    Shapes:   years t (date,), fading λ (world,), a rate a year; result (date, world)
    Growth fades towards none, and what is not known of it stops adding up.
    """
    ahead = np.maximum(years, 0)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        faded = -np.expm1(-fading * ahead) / fading
    return np.asarray(np.where(fading > 0, faded, ahead) + np.minimum(years, 0)[:, None])


def log_growth(log_ratio_per_year: Array, years: Array, fading: Array | None = None) -> Array:
    """ln of what growth makes of one token by each date, in each world.

    Equation: log_ratio · years, or log_ratio · `fading_years` where growth fades
    Shapes:   log_ratio and fading (world,); years (date,), negative before the count's date;
              result (date, world)
    """
    full = years[:, None] if fading is None else fading_years(years, fading)
    return np.asarray(log_ratio_per_year * full)


def steady_growth(
    log_ratio_per_year: Array, first: float, step: float, count: int
) -> Iterator[Array]:
    """exp of `log_growth` for a date and those after it in equal steps, by multiplication.

    Equation: f_0 = exp(log_ratio · first), f_{i+1} = f_i · exp(log_ratio · step)
    Shapes:   log_ratio (world,); yields count arrays (world,), ratio; step in years
    """
    ratio = np.exp(log_ratio_per_year * step)
    factor = np.exp(log_ratio_per_year * first)
    yield factor
    for _ in range(count - 1):
        factor = factor * ratio
        yield factor
