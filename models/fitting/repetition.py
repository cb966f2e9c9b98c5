"""Fitting the data-constrained law: R_D* and R_N* alone, or with all constants.

Equation: minimise Σ w_i·h(ln L̂_i − ln L_i),  L̂ = E + A·N'^-α + B·D'^-β  of models/laws/
          data_constrained.py; in logarithms, with s(m, R) = 1 + R·(1 − exp(−(m−1)/R)),
          ln D' = ln U_D + ln s(D/U_D, R_D*),  ln N' = ln U_N + ln s(N/U_N, R_N*),
          ln U_N = min(ln N, (ln(α·A/(β·B)) + β·ln U_D)/α)
Symbols:  θ = (ln A, ln B, ln E, α, β, ln R_D*, ln R_N*); h the Huber loss
Inside:   θ = origin + ways·φ. The columns of `ways` free some constants, tie others, and turn
          (ln A, α) and (ln B, β) so that they are told apart at the middle of the runs.
Method:   damped Newton steps from a grid of starts; exact gradient, Hessian by its differences
Source:   Muennighoff et al. 2023, arXiv:2305.16264, sec. 3 and appendix A
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import FitImpossible
from models.fitting.bootstrap import (
    Cloud,
    check_resamples,
    cloud_of,
    minimise_rows,
    resampled_counts,
)
from models.fitting.chinchilla import AGREEMENT, EXACT, Point
from models.fitting.huber import DELTA, huber
from models.fitting.newton import Minima, minimise
from models.fitting.runs import Runs, require_fittable

Array = NDArray[np.float64]
Free = Literal["repetition", "tied", "all"]

CONSTANTS = ("A", "B", "E", "alpha", "beta", "r_d_star", "r_n_star")
# Free constants: repetition alone; everything with α = β, as published; everything.
FREE = {"repetition": 2, "tied": 6, "all": 7}
STARS = np.array([1.0, 3.0, 10.0, 30.0, 100.0])
STEPS = 300
STEP = 1e-5
# Minima this much higher than the best are no rivals: resampling would not raise them to the top.
RIVAL = 0.02
# Apart in ln R* or in an exponent: another place, not another last digit.
APART = 0.05
# Beyond these an e-folding count is "at once" or "never" for every run there is.
LOG_STAR_BOUNDS = (np.log(1e-3), np.log(1e6))
# An R* above this stands for "no end".
NO_END = 0.99e6


@dataclass(frozen=True, slots=True, eq=False)
class RepetitionPoint:
    """Constants of the data-constrained law and their objective. Units: loss as in the runs."""

    A: float
    B: float
    E: float
    alpha: float
    beta: float
    r_d_star: float
    r_n_star: float
    objective: float
    points: int

    @property
    def theta(self) -> Array:
        """(ln A, ln B, ln E, α, β, ln R_D*, ln R_N*)."""
        logs = np.log([self.A, self.B, self.E, self.r_d_star, self.r_n_star])
        return np.array([*logs[:3], self.alpha, self.beta, *logs[3:]])


def _log_saturating(log_multiple: Array, log_star: Array) -> tuple[Array, Array, Array]:
    """ln s(m, R), and its derivatives by ln m and ln R."""
    multiple, star = np.exp(log_multiple), np.exp(log_star)
    repeats = (multiple - 1) / star
    left = np.exp(-repeats)
    value = 1 - star * np.expm1(-repeats)
    by_star = star * (-np.expm1(-repeats) - repeats * left) / value
    return np.log(value), multiple * left / value, by_star


@dataclass(frozen=True, slots=True, eq=False)
class RepetitionProblem:
    """Runs, and the constants that are free. Shapes: runs (run,), ways (7, free)."""

    log_params: Array
    log_tokens: Array
    log_unique: Array
    log_loss: Array
    delta: float
    origin: Array
    ways: Array
    weights: Array | None = None

    @classmethod
    def of(cls, runs: Runs, base: Array, free: Free, delta: float) -> RepetitionProblem:
        """The problem of some runs; `base` is θ, kept where it is not free."""
        if runs.unique_tokens is None:
            raise FitImpossible("repetition needs unique tokens: give --unique-column")
        log_params, log_tokens = np.log(runs.params), np.log(runs.tokens)
        log_unique = np.minimum(np.log(runs.unique_tokens), log_tokens)
        ways = np.zeros((7, FREE[free]))
        ways[5, -2] = ways[6, -1] = 1
        if free != "repetition":
            ways[0, 0] = ways[1, 1] = ways[2, 2] = 1
            data = 3 if free == "tied" else 4
            ways[[0, 3], 3] = log_params.mean(), 1
            ways[1, data], ways[4, data] = log_tokens.mean(), 1
        return cls(log_params, log_tokens, log_unique, np.log(runs.losses), delta, base, ways)

    def theta(self, phi: Array) -> Array:
        """θ of φ, shape (row, 7)."""
        theta = self.origin + phi @ self.ways.T
        theta[:, 5:] = np.clip(theta[:, 5:], *LOG_STAR_BOUNDS)
        return theta

    def phi(self, theta: Array) -> Array:
        """φ of θ, shape (row, free); what is not free keeps its origin."""
        return np.asarray(np.linalg.lstsq(self.ways, (theta - self.origin).T)[0].T)

    def residuals(self, theta: Array) -> tuple[Array, Array]:
        """ln predicted − ln observed (row, run), and its derivative by θ (row, run, 7)."""
        a, b, e, alpha, beta, star_d, star_n = (theta[:, i, None] for i in range(7))
        enough = (np.log(alpha / beta) + a - b + beta * self.log_unique) / alpha
        useful = np.minimum(self.log_params, enough)
        gain_n, used_n, slope_n = _log_saturating(self.log_params - useful, star_n)
        gain_d, _, slope_d = _log_saturating(self.log_tokens - self.log_unique, star_d)
        log_n, log_d = useful + gain_n, self.log_unique + gain_d
        model, data = np.exp(a - alpha * log_n), np.exp(b - beta * log_d)
        floor = np.exp(e)
        total = model + data + floor
        model, data, floor = model / total, data / total, floor / total
        # What more useful parameters add; nothing while all of them are useful already.
        moved = -alpha * model * (1 - used_n)
        by = np.empty((*total.shape, 7))
        by[..., 0] = model + moved / alpha
        by[..., 1] = data - moved / alpha
        by[..., 2] = floor
        by[..., 3] = -log_n * model + moved * (1 / alpha - enough) / alpha
        by[..., 4] = -log_d * data + moved * (self.log_unique - 1 / beta) / alpha
        by[..., 5] = -beta * data * slope_d
        by[..., 6] = -alpha * model * slope_n
        return np.log(total) - self.log_loss, by

    def gradient(self, phi: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Objective (row,) and its gradient by φ (row, free); infinite where no law is."""
        theta = self.theta(phi)
        # At its bound a count no longer matters: without this no step would ever be the last.
        inside = np.abs(theta - self.origin - phi @ self.ways.T) < 1e-9
        # Exponents of zero or less are no law: such a step is refused.
        lawful = (theta[:, 3] > 0) & (theta[:, 4] > 0)
        theta[~lawful, 3:5] = 1.0
        residual, by = self.residuals(theta)
        loss, slope, _ = huber(residual, self.delta)
        if self.weights is not None:
            loss, slope = loss * self.weights[rows], slope * self.weights[rows]
        gradient = ((slope[:, None, :] @ by)[:, 0, :] * inside) @ self.ways
        return np.where(lawful, loss.sum(axis=1), np.inf), gradient

    def derivatives(self, phi: Array, rows: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """Objective, gradient and Hessian by φ, the last by central differences."""
        objective, gradient = self.gradient(phi, rows)
        free = self.ways.shape[1]
        moved = phi[:, None, None, :] + STEP * np.stack([np.eye(free), -np.eye(free)])
        _, sides = self.gradient(moved.reshape(-1, free), np.repeat(rows, 2 * free))
        up, down = np.moveaxis(sides.reshape(-1, 2, free, free), 1, 0)
        hessian = (up - down) / (2 * STEP)
        return objective, gradient, (hessian + hessian.transpose(0, 2, 1)) / 2


@dataclass(frozen=True, slots=True, eq=False)
class RepetitionFit:
    """A converged fit. agreeing: starts that reached the same objective, of `starts`.

    others: distinct further minima whose objective is within `RIVAL` of the best, best first. Where
    there are some, the runs do not tell which of them is true.
    """

    point: RepetitionPoint
    problem: RepetitionProblem
    free: Free
    starts: int
    agreeing: int
    converged: bool
    others: tuple[RepetitionPoint, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether two or more starts agree on this minimum."""
        return self.converged and self.agreeing > 1


def base_of(point: Point) -> Array:
    """θ of an unrepeated law; R* of ten stand where a fit puts its own."""
    return np.array([*point.theta, np.log(10), np.log(10)])


def _starts(problem: RepetitionProblem, base: Array) -> Array:
    grid = np.log(np.stack(np.meshgrid(STARS, STARS, indexing="ij"), axis=-1).reshape(-1, 2))
    theta = np.repeat(base[None], len(grid), axis=0)
    theta[:, 5:] = grid
    return problem.phi(np.concatenate([theta, base[None]]))


def fit_repetition(
    runs: Runs,
    base: Array,
    free: Free = "repetition",
    delta: float = DELTA,
    from_base: bool = False,
) -> RepetitionFit:
    """The data-constrained law closest to some runs.

    base:      θ that is kept where it is not free, and from which the free constants start
    from_base: report the minimum that is reached from the base's own R*, not the lowest of all;
               lower ones are then among `others`
    Raises: FitImpossible for too few runs, none that repeats data, or exponents not above 0
    """
    require_fittable(runs, FREE[free])
    problem = RepetitionProblem.of(runs, base, free, delta)
    if not (problem.log_tokens > problem.log_unique + 1e-9).any():
        raise FitImpossible(
            f"none of {len(runs)} runs repeats data (tokens above unique tokens): R_D* cannot be "
            "told; use `datawall fit chinchilla`"
        )
    if free == "tied" and base[3] != base[4]:
        problem = replace(problem, origin=np.array([*base[:3], base[3], base[3], *base[5:]]))
    minima = minimise(problem.derivatives, _starts(problem, base), STEPS)
    return _fit_of(problem, minima, free, from_base)


def _point(problem: RepetitionProblem, phi: Array, objective: float) -> RepetitionPoint:
    a, b, e, alpha, beta, r_d, r_n = (float(v) for v in problem.theta(phi[None])[0])
    a, b, e, r_d, r_n = (float(v) for v in np.exp([a, b, e, r_d, r_n]))
    return RepetitionPoint(a, b, e, alpha, beta, r_d, r_n, objective, problem.log_loss.size)


def _rivals(problem: RepetitionProblem, minima: Minima, best: Array, limit: float) -> list[int]:
    """Rows of minima elsewhere than `best` (and each other) with an objective below `limit`."""
    found: list[int] = []
    places = [problem.theta(best[None])[0]]
    for row in np.argsort(minima.objective):
        place = problem.theta(minima.theta[[row]])[0]
        low = minima.converged[row] and minima.objective[row] <= limit
        if low and all(np.abs(place - other).max() > APART for other in places):
            found.append(int(row))
            places.append(place)
    return found


def _fit_of(
    problem: RepetitionProblem, minima: Minima, free: Free, from_base: bool
) -> RepetitionFit:
    """The fit of minima, of which the last started from the base's own R*."""
    best = len(minima.objective) - 1 if from_base else int(np.argmin(minima.objective))
    objective = float(minima.objective[best])
    if not np.isfinite(objective):
        raise FitImpossible("no start holds a law; check the fixed constants and the units")
    others = _rivals(problem, minima, minima.theta[best], objective * (1 + RIVAL))
    near = np.abs(minima.objective - objective) <= objective * AGREEMENT + EXACT
    return RepetitionFit(
        _point(problem, minima.theta[best], objective),
        problem,
        free,
        len(minima.objective),
        int(near.sum()),
        bool(minima.converged[best]),
        tuple(_point(problem, minima.theta[i], float(minima.objective[i])) for i in others),
    )


def _best_of(tried: list[Minima]) -> Minima:
    """Of several minima a row, the lowest."""
    best = np.argmin([minima.objective for minima in tried], axis=0)
    rows = np.arange(len(best))
    parts = ("theta", "objective", "converged", "steps")
    return Minima(*(np.stack([getattr(m, p) for m in tried])[best, rows] for p in parts))


def bootstrap_repetition(fit: RepetitionFit, resamples: int, seed: int) -> Cloud:
    """Fit the same constants to resampled runs, each from the fit of all runs and its rivals."""
    check_resamples(resamples, seed)
    counts = resampled_counts(fit.point.points, resamples, seed)
    problem = replace(fit.problem, weights=counts)
    minima = _best_of(
        [
            minimise_rows(problem.derivatives, problem.phi(p.theta[None])[0], resamples)
            for p in (fit.point, *fit.others)
        ]
    )
    theta = problem.theta(minima.theta)
    with np.errstate(over="ignore", under="ignore"):
        values = (*np.exp(theta[:, :3].T), theta[:, 3], theta[:, 4], *np.exp(theta[:, 5:].T))
    draws = dict(zip(CONSTANTS, values, strict=True))
    if fit.free == "repetition":
        draws = {name: draws[name] for name in CONSTANTS[5:]}
    return cloud_of(draws, minima, seed)
