"""What a repeated token is worth, from runs of one network on one text.

Equation: L = E + B·D'^-β,  D' = U·(1 + R*·(1 − exp(−(D/U − 1)/R*)))
Symbols:  U unique tokens, D tokens read, D' effective tokens, E the loss at unlimited text (with
          the term of the parameters, since all runs have one network), R* as R_D* of the law
Source:   Muennighoff et al. 2023, arXiv:2305.16264, eq. 5, with N fixed; the alternative below is
          the additive penalty of Lovelace et al. 2026, arXiv:2605.01640, with N fixed

Fresh runs (D ≤ U) fix E, B and β; repeated ones fix R*. The fit is that of models/fitting with
these four constants free, least squares in nats. The form cannot rise with epochs and saturates;
where runs do otherwise it is rejected, not stretched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.errors import OutsideValidRange
from models.fitting.newton import Minima, minimise
from models.fitting.repetition import STEPS, RepetitionProblem
from models.laws.data_constrained import saturating

Array = NDArray[np.float64]

# With an exponent so steep, a hundredth of the least loss as the term of the parameters makes all
# parameters of one network useful at every U, so that the term is a constant of the law.
STEEP, PARAMETER_SHARE = 1000.0, 0.01
START_R, START_BETA = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0), (0.1, 0.3, 0.6, 1.2)
# R* beyond these says "not worth anything" or "as good as fresh" for any number of epochs run here.
LEAST_R, MOST_R = 0.05, 1000.0
GRID_R = 61
LEAST_BETA, MOST_BETA = 0.02, 3.0
GRID_BETA, GRID_DELTA = 300, 40
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
    problem = _problem(unique, tokens, losses)
    lowest = _lowest(minimise(problem.derivatives, _starts(problem, unique, tokens, losses), STEPS))
    profile = _profile(problem, lowest)
    errors = np.array([_error(problem, row, losses) for row in profile])
    best = int(np.argmin(errors))
    theta, error = profile[best], float(errors[best])
    r_d_star, beta = math.exp(theta[5]), float(theta[4])
    freedom = len(runs) - FREE
    rms = math.sqrt(error / freedom)
    noise = rms if noise_nats is None else noise_nats
    bound = stats.f.ppf(ci_prob, 1, freedom) if noise_nats is None else stats.chi2.ppf(ci_prob, 1)
    low, high = _interval(profile[:, 5], errors - error, float(bound) * noise**2)
    irreducible, scale = math.exp(theta[0]) + math.exp(theta[2]), math.exp(theta[1])
    rise, chance = _rise(runs, noise_nats)
    penalty = _penalty(unique, tokens, losses)
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


def _problem(unique: Array, tokens: Array, losses: Array) -> RepetitionProblem:
    """The law of models/fitting with ln B, ln E, β and ln R* free, residuals weighted to nats."""
    log_tokens = np.log(tokens)
    origin = np.zeros(7)
    origin[0], origin[3] = math.log(PARAMETER_SHARE * losses.min()), STEEP
    ways = np.zeros((7, FREE))
    ways[1, 0] = ways[2, 1] = ways[4, 2] = ways[5, 3] = 1
    # B and β are told apart at the middle of the runs.
    ways[1, 2] = log_tokens.mean()
    rows = max(GRID_R + 1, len(START_R) * len(START_BETA))
    return RepetitionProblem(
        log_params=np.zeros(len(losses)), log_tokens=log_tokens,
        log_unique=np.minimum(np.log(unique), log_tokens), log_loss=np.log(losses), delta=math.inf,
        origin=origin, ways=ways,
        weights=np.broadcast_to((losses / losses.mean()) ** 2, (rows, len(losses))),
    )  # fmt: skip


def _starts(problem: RepetitionProblem, unique: Array, tokens: Array, losses: Array) -> Array:
    """φ for pairs of R* and β, with E and B by least squares."""
    pairs = np.array([(r_star, beta) for r_star in START_R for beta in START_BETA])
    effective = unique * saturating(tokens / unique, pairs[:, :1])
    middle = np.exp(np.log(effective).mean(axis=1, keepdims=True))
    powers = (effective / middle) ** -pairs[:, 1:]
    amounts = _solved(np.stack([np.ones_like(powers), powers], axis=-1), losses)
    floor, scale = np.maximum(amounts.T, PARAMETER_SHARE * losses.min())
    theta = np.tile(problem.origin, (len(pairs), 1))
    theta[:, 1] = np.log(scale) + pairs[:, 1] * np.log(middle[:, 0])
    theta[:, 2] = np.log(floor)
    theta[:, 4], theta[:, 5] = pairs[:, 1], np.log(pairs[:, 0])
    return problem.phi(theta)


def _lowest(minima: Minima) -> Array:
    """φ of the lowest minimum."""
    return np.asarray(minima.theta[int(np.argmin(minima.objective))])


def _error(problem: RepetitionProblem, theta: Array, losses: Array) -> float:
    """Squared error in nats²."""
    residual = problem.residuals(theta[None])[0][0]
    return float(((losses * np.expm1(residual)) ** 2).sum())


def _profile(problem: RepetitionProblem, lowest: Array) -> Array:
    """θ with the lowest error for R* from least to most, the lowest of all among them."""
    ends = math.log(LEAST_R), math.log(MOST_R)
    grid = np.unique(np.append(np.linspace(*ends, GRID_R), np.clip(lowest[-1], *ends)))

    def held(phi: Array, rows: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """No slope along ln R*, so no step goes there."""
        objective, gradient, hessian = problem.derivatives(phi, rows)
        gradient[:, -1] = hessian[:, -1, :] = hessian[:, :, -1] = 0
        hessian[:, -1, -1] = np.abs(hessian[:, 0, 0])
        return objective, gradient, hessian

    start = np.tile(lowest, (len(grid), 1))
    start[:, -1] = grid
    return problem.theta(minimise(held, start, STEPS).theta)


def _solved(design: Array, losses: Array) -> Array:
    """Least-squares amounts of each design, shape (…, run, term)."""
    return np.asarray(np.linalg.pinv(design) @ losses)


def _interval(logs: Array, above: Array, bound: float) -> tuple[float, float]:
    """R* where the profile crosses the bound on each side of its minimum; open at its ends.

    above: squared error over the least. Its root is nearly straight in ln R*, as a parabola's is.
    """
    roots, wanted, best = np.sqrt(above), math.sqrt(bound), int(np.argmin(above))

    def crossing(inside: int, outside: int) -> float:
        share = (wanted - roots[inside]) / (roots[outside] - roots[inside])
        return math.exp(logs[inside] + share * (logs[outside] - logs[inside]))

    beyond = np.flatnonzero(roots > wanted)
    left, right = beyond[beyond < best], beyond[beyond > best]
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


def _penalty(unique: Array, tokens: Array, losses: Array) -> tuple[float, float, float]:
    """The additive alternative: P ≥ 0, δ, and its root mean square with five parameters free."""
    repeats = np.maximum(tokens / unique - 1, 0)
    deltas = np.linspace(LEAST_DELTA, MOST_DELTA, GRID_DELTA)
    betas = np.geomspace(LEAST_BETA, MOST_BETA, GRID_BETA)
    x = np.exp(-betas[:, None] * np.log(tokens / tokens[0]))
    harm = np.where(repeats > 0, (repeats / repeats.max()) ** deltas[:, None], 0.0)
    shape = (len(deltas), len(betas), len(losses))
    columns = (np.ones(shape), np.broadcast_to(x, shape), np.broadcast_to(harm[:, None], shape))
    amounts, errors = _nonnegative(np.stack(columns, axis=-1), losses)
    i, j = np.unravel_index(np.argmin(errors), errors.shape)
    if not np.isfinite(errors[i, j]):
        # No penalty helps: the plain power law of all tokens read, as good as fresh.
        plain = _nonnegative(np.stack([np.ones_like(x), x], axis=-1), losses)[1].min()
        return 0.0, 1.0, math.sqrt(plain / (len(losses) - 3))
    penalty = float(amounts[i, j, 2] / repeats.max() ** deltas[i])
    return penalty, float(deltas[i]), math.sqrt(float(errors[i, j]) / max(len(losses) - 5, 1))


def _nonnegative(design: Array, losses: Array) -> tuple[Array, Array]:
    """Amounts of each design and their squared error, infinite where one is below 0."""
    amounts = _solved(design, losses)
    errors = ((losses - (design @ amounts[..., None])[..., 0]) ** 2).sum(axis=-1)
    return amounts, np.where((amounts >= 0).all(axis=-1), errors, np.inf)


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
