"""What a repeated token is worth, from runs of one network on one text.

Equation: L = E + B·D'^-β,  D' = U·(1 + R*·(1 − exp(−(D/U − 1)/R*)))
Symbols:  U unique tokens, D tokens read, D' effective tokens, E the loss at unlimited text (with
          the term of the parameters, since all runs have one network), R* as R_D* of the law
Source:   Muennighoff et al. 2023, arXiv:2305.16264, eq. 5, with N fixed; the alternative below is
          the additive penalty of Lovelace et al. 2026, arXiv:2605.01640, with N fixed

Fresh runs (D ≤ U) fix E, B and β; repeated ones fix R*. For given R* and β the law is linear in E
and B, so the fit searches a grid of (ln R*, β) with both solved exactly, and refines its best cell.
The form cannot rise with epochs and saturates; where runs do otherwise it is rejected, not
stretched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.errors import OutsideValidRange
from models.laws.data_constrained import saturating

Array = NDArray[np.float64]

# R* beyond these says "not worth anything" or "as good as fresh" for any number of epochs run here.
LEAST_R, MOST_R = 0.05, 1000.0
LEAST_BETA, MOST_BETA = 0.02, 3.0
GRID_R, GRID_BETA, GRID_DELTA = 401, 300, 40
LEAST_DELTA, MOST_DELTA = 0.25, 4.0
# A rise or a lack of fit with less chance than this rejects the form.
REJECT_BELOW = 0.01
FREE = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: tokens read, unique ones among them, held-out loss and its standard error (nats)."""

    unique_tokens: float
    tokens: float
    loss_nats: float
    loss_se: float


@dataclass(frozen=True, slots=True)
class Repetition:
    """The fit of a repetition study.

    low, high: profile interval of R* at ci_prob; low is 0 and high infinite where the runs set no
    bound. noise_nats: the standard deviation of one run's loss that the interval rests on.
    penalty_*: the alternative E + B·D^-β + P·(D/U − 1)^δ, with P ≥ 0.
    rejected: why the form does not hold, empty if it does. A rejected fit's R* means nothing.
    """

    r_d_star: float
    low: float
    high: float
    ci_prob: float
    irreducible: float
    scale: float
    beta: float
    runs: int
    rms_nats: float
    noise_nats: float
    rise_nats: float
    penalty: float
    penalty_exponent: float
    penalty_rms_nats: float
    rejected: str


def fit_repetition(
    runs: Sequence[Measured], ci_prob: float = 0.9, noise_nats: float | None = None
) -> Repetition:
    """Fit R* to runs of one network, and say whether the form holds.

    noise_nats: standard deviation of a loss between seeds, where it was measured. Without it the
    interval rests on the residuals (F quantiles), and no lack of fit can be told from noise.
    Rejected: the most repeated run is worse than a less repeated one of equal U by more than chance
    allows; or, with noise_nats, the residuals are larger than it (χ²)
    Raises: OutsideValidRange for runs that cannot settle R*
    """
    _require_design(runs)
    unique, tokens, losses = (
        np.array([getattr(run, name) for run in runs], dtype=np.float64)
        for name in ("unique_tokens", "tokens", "loss_nats")
    )
    grid = np.geomspace(LEAST_R, MOST_R, GRID_R)
    betas = np.geomspace(LEAST_BETA, MOST_BETA, GRID_BETA)
    errors = _errors(_effective(unique, tokens, grid), betas, losses)
    by_r = errors.min(axis=1)
    best = int(np.argmin(by_r))
    r_d_star, beta, error = _refine(unique, tokens, losses, grid, betas, errors)
    freedom = len(runs) - FREE
    rms = math.sqrt(error / freedom)
    noise = rms if noise_nats is None else noise_nats
    bound = stats.f.ppf(ci_prob, 1, freedom) if noise_nats is None else stats.chi2.ppf(ci_prob, 1)
    low, high = _interval(grid, by_r, best, error + float(bound) * noise**2)
    # The refined R* lies within the interval whatever the grid's steps.
    low, high = min(low, r_d_star), max(high, r_d_star)
    irreducible, scale = _line(_effective(unique, tokens, np.array([r_d_star]))[0] ** -beta, losses)
    rise, chance = _rise(runs, noise_nats)
    penalty = _penalty(unique, tokens, losses, betas)
    return Repetition(
        r_d_star=r_d_star, low=low, high=high, ci_prob=ci_prob, irreducible=irreducible,
        scale=scale, beta=beta, runs=len(runs), rms_nats=rms, noise_nats=noise, rise_nats=rise,
        penalty=penalty[0], penalty_exponent=penalty[1], penalty_rms_nats=penalty[2],
        rejected=_verdict(rise, chance, error, freedom, noise_nats),
    )  # fmt: skip


def _require_design(runs: Sequence[Measured]) -> None:
    """At least a degree of freedom, three fresh amounts, and three repeated ones."""
    fresh = {run.tokens for run in runs if run.tokens <= run.unique_tokens}
    repeated = {run.tokens / run.unique_tokens for run in runs if run.tokens > run.unique_tokens}
    if len(runs) <= FREE or len(fresh) < 3 or len(repeated) < 3:
        raise OutsideValidRange(
            f"{len(runs)} runs with {len(fresh)} different fresh amounts and {len(repeated)} "
            "different numbers of epochs above 1 cannot settle R*; the study needs at least 3 of "
            "each (`datawall probe plan repetition`)"
        )


def _effective(unique: Array, tokens: Array, r_star: Array) -> Array:
    """Effective tokens for each R*, shape (r, run)."""
    return np.asarray(unique * saturating(tokens / unique, r_star[:, None]))


def _line(x: Array, losses: Array) -> tuple[float, float]:
    """Least-squares E and B of L = E + B·x, none below 0."""
    errors, irreducible, scale = _lines(x[None, :], losses)
    del errors
    return float(irreducible[0]), float(scale[0])


def _lines(x: Array, losses: Array) -> tuple[Array, Array, Array]:
    """Squared error, E and B of each row of x, shape (…, run); E and B are held at 0 or above."""
    middle = x.mean(axis=-1, keepdims=True)
    spread = ((x - middle) ** 2).sum(axis=-1)
    scale = ((x - middle) * (losses - losses.mean())).sum(axis=-1) / np.maximum(spread, 1e-300)
    irreducible = losses.mean() - scale * middle[..., 0]
    # At an edge the other coefficient alone is fitted.
    alone = (x * losses).sum(axis=-1) / (x**2).sum(axis=-1)
    scale = np.where(irreducible < 0, alone, np.maximum(scale, 0))
    irreducible = np.where(irreducible < 0, 0.0, losses.mean() - scale * middle[..., 0])
    left = losses - irreducible[..., None] - scale[..., None] * x
    return (left**2).sum(axis=-1), irreducible, scale


def _errors(effective: Array, betas: Array, losses: Array) -> Array:
    """Squared error for each R* and β, shape (r, beta)."""
    # Relative to the first run, so that no power under- or overflows.
    logs = np.log(effective / effective[:, :1])
    return _lines(np.exp(-betas[:, None] * logs[:, None, :]), losses)[0]


def _refine(
    unique: Array, tokens: Array, losses: Array, grid: Array, betas: Array, errors: Array
) -> tuple[float, float, float]:
    """Best R*, β and squared error: the best cell, divided again and again."""
    step_r, step_beta = (math.log(axis[1] / axis[0]) for axis in (grid, betas))
    i, j = np.unravel_index(np.argmin(errors), errors.shape)
    r_star, beta, error = float(grid[i]), float(betas[j]), float(errors[i, j])
    for _ in range(30):
        around = np.linspace(-1, 1, 9)
        near_r = np.clip(r_star * np.exp(step_r * around), LEAST_R, MOST_R)
        near_beta = np.clip(beta * np.exp(step_beta * around), LEAST_BETA, MOST_BETA)
        found = _errors(_effective(unique, tokens, near_r), near_beta, losses)
        i, j = np.unravel_index(np.argmin(found), found.shape)
        r_star, beta, error = float(near_r[i]), float(near_beta[j]), float(found[i, j])
        step_r, step_beta = step_r / 2, step_beta / 2
    return r_star, beta, error


def _interval(grid: Array, by_r: Array, best: int, bound: float) -> tuple[float, float]:
    """Where the profile crosses the bound on each side of its minimum; open at the grid's ends."""
    logs = np.log(grid)

    def crossing(inside: int, outside: int) -> float:
        share = (bound - by_r[inside]) / (by_r[outside] - by_r[inside])
        return math.exp(logs[inside] + share * (logs[outside] - logs[inside]))

    above = np.flatnonzero(by_r > bound)
    left, right = above[above < best], above[above > best]
    low = crossing(int(left[-1]) + 1, int(left[-1])) if left.size else 0.0
    high = crossing(int(right[0]) - 1, int(right[0])) if right.size else math.inf
    return low, high


def _rise(runs: Sequence[Measured], noise_nats: float | None) -> tuple[float, float]:
    """How far the most repeated run is above the best less repeated one of equal U, and its chance.

    Without noise between seeds the held-out standard errors of both stand in for it. They are an
    upper bound for the noise of the sample, since both runs were measured on the same text.
    """
    last = max(runs, key=lambda run: run.tokens / run.unique_tokens)
    others = [
        run for run in runs
        if run.unique_tokens == last.unique_tokens and run.tokens < last.tokens
    ]  # fmt: skip
    if not others:
        return 0.0, 1.0
    best = min(others, key=lambda run: run.loss_nats)
    rise = last.loss_nats - best.loss_nats
    spread = math.hypot(last.loss_se, best.loss_se)
    if noise_nats is not None:
        spread = noise_nats * math.sqrt(2)
    if spread == 0:
        return rise, float(rise <= 0)
    # The best of several is low by chance too: each of them had its own (Bonferroni).
    return rise, min(1.0, len(others) * float(stats.norm.sf(rise / spread)))


def _penalty(
    unique: Array, tokens: Array, losses: Array, betas: Array
) -> tuple[float, float, float]:
    """The additive alternative: P ≥ 0, δ, and its root mean square with five parameters free."""
    repeats = np.maximum(tokens / unique - 1, 0)
    deltas = np.linspace(LEAST_DELTA, MOST_DELTA, GRID_DELTA)
    x = np.exp(-betas[:, None] * np.log(tokens / tokens[0]))
    harm = np.where(repeats > 0, (repeats / repeats.max()) ** deltas[:, None], 0.0)
    shape = (len(deltas), len(betas), len(losses))
    columns = (np.ones(shape), np.broadcast_to(x, shape), np.broadcast_to(harm[:, None], shape))
    design = np.stack(columns, axis=-1)
    solved = np.linalg.pinv(design) @ losses
    errors = ((losses - (design @ solved[..., None])[..., 0]) ** 2).sum(axis=-1)
    errors = np.where((solved >= 0).all(axis=-1), errors, np.inf)
    i, j = np.unravel_index(np.argmin(errors), errors.shape)
    if not np.isfinite(errors[i, j]):
        # No penalty helps: the plain power law of all tokens read, as good as fresh.
        plain = float(_lines(x, losses)[0].min())
        return 0.0, 1.0, math.sqrt(plain / (len(losses) - 3))
    penalty = float(solved[i, j, 2] / repeats.max() ** deltas[i])
    return penalty, float(deltas[i]), math.sqrt(float(errors[i, j]) / max(len(losses) - 5, 1))


def _verdict(
    rise: float, chance: float, error: float, freedom: int, noise_nats: float | None
) -> str:
    if chance < REJECT_BELOW:
        return (
            f"the most repeated run is {rise:.3g} nats worse than a less repeated one (chance "
            f"below {max(chance, 1e-6):.1g}), and the form never rises with epochs: repetition "
            "harms here"
        )
    if noise_nats is not None:
        fit = float(stats.chi2.sf(error / noise_nats**2, freedom))
        if fit < REJECT_BELOW:
            return (
                f"residuals of {math.sqrt(error / freedom):.3g} nats are too large for noise of "
                f"{noise_nats:.3g} (chance {fit:.1g}): the form misses what these runs do"
            )
    return ""
