"""Fitting L = E + A·N^-α + B·D^-β: many starts, and agreement between them.

Equation: minimise Σ h(ln(E + A·N^-α + B·D^-β) − ln L), h the Huber loss with δ
Method:   variable projection on a grid of exponents gives starts; damped Newton steps with the
          exact Hessian run from the best of them, all at once. The minimum is taken as global when
          a second start reaches it; until one does, further rounds start elsewhere.
Source:   objective of Hoffmann et al. 2022, arXiv:2203.15556, sec. 3.3, summed as by Besiroglu et
          al. 2024, arXiv:2404.10102 (the mean stops default optimisers early)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.errors import FitImpossible
from models.fitting.huber import DELTA
from models.fitting.newton import Minima, minimise
from models.fitting.projection import project
from models.fitting.runs import Runs, require_fittable
from models.fitting.surface import Surface

Array = NDArray[np.float64]

COEFFICIENTS = ("A", "B", "E", "alpha", "beta")
EXPONENTS = np.geomspace(0.05, 2.0, 6)
STARTS, PROJECTIONS = 12, 3
# Most starts arrive within 15 steps; the best two are followed on, since valleys may be long.
STEPS, LAST_STEPS = 25, 600
MOST_ROUNDS = 4
AGREEMENT = 1e-6
# Objectives this small are rounding errors of runs that lie on the law exactly.
EXACT = 1e-20


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One set of constants with the objective it has. Units: loss as in the runs."""

    A: float
    B: float
    E: float
    alpha: float
    beta: float
    objective: float
    points: int

    @property
    def params_exponent(self) -> float:
        """a in N* ~ C^a:  a = β/(α+β)."""
        return self.beta / (self.alpha + self.beta)

    @property
    def theta(self) -> Array:
        """(ln A, ln B, ln E, α, β)."""
        logs = np.log([max(v, np.finfo(float).tiny) for v in (self.A, self.B, self.E)])
        return np.array([*logs, self.alpha, self.beta])


@dataclass(frozen=True, eq=False)
class ChinchillaFit:
    """A converged fit. agreeing: starts that reached the same objective, of `starts`."""

    point: Point
    runs: Runs
    delta: float
    starts: int
    agreeing: int
    converged: bool

    @cached_property
    def surface(self) -> Surface:
        """The problem that was solved."""
        return Surface.of(self.runs.params, self.runs.tokens, self.runs.losses, self.delta)

    @property
    def proven(self) -> bool:
        """Whether two or more starts agree on this minimum."""
        return self.converged and self.agreeing > 1


def point_of(theta: Array, objective: float, points: int) -> Point:
    """Constants of θ = (ln A, ln B, ln E, α, β)."""
    with np.errstate(over="ignore", under="ignore"):
        amounts = np.exp(theta[:3])
    if not np.isfinite(amounts).all():
        raise FitImpossible(
            "the best law's constants overflow, so these runs do not hold one: "
            "check the units of params and tokens"
        )
    a, b, e, alpha, beta = (float(v) for v in (*amounts, *theta[3:]))
    return Point(a, b, e, alpha, beta, objective, points)


def _agree(objective: Array) -> NDArray[np.bool_]:
    """Which starts reached the least objective of all."""
    best = objective.min()
    return np.asarray(objective <= best * (1 + AGREEMENT) + EXACT)


def _further(surface: Surface, minima: Minima, round_number: int) -> Array:
    """Starts around and away from the best minimum; the same in every run."""
    generator = np.random.default_rng(round_number)
    best = minima.theta[np.argmin(minima.objective)]
    near = best + generator.normal(0, 0.3, (STARTS, 5))
    alphas, betas = generator.uniform(0.02, 1.5, (2, 4))
    far, _ = project(surface, alphas, betas, rounds=1)
    return np.concatenate([near, far[:STARTS]])


def _joined(first: Minima, second: Minima) -> Minima:
    parts = ("theta", "objective", "converged", "steps")
    return Minima(*(np.concatenate([getattr(first, p), getattr(second, p)]) for p in parts))


def _polished(surface: Surface, minima: Minima) -> Minima:
    """The best two followed until they converge."""
    best = np.argsort(minima.objective, kind="stable")[:2]
    if minima.converged[best].all():
        return minima
    more = minimise(surface.derivatives, minima.theta[best], LAST_STEPS)
    for part in ("theta", "objective", "converged"):
        getattr(minima, part)[best] = getattr(more, part)
    return minima


def global_minimum(surface: Surface) -> Minima:
    """Minima from many starts, until two agree on the best or `MOST_ROUNDS` have passed."""
    starts, _ = project(surface, EXPONENTS, EXPONENTS, PROJECTIONS)
    minima = _polished(surface, minimise(surface.derivatives, starts[:STARTS], STEPS))
    for round_number in range(1, MOST_ROUNDS):
        if _agree(minima.objective).sum() > 1:
            break
        further = minimise(surface.derivatives, _further(surface, minima, round_number), STEPS)
        minima = _polished(surface, _joined(minima, further))
    return minima


def fit_chinchilla(runs: Runs, delta: float = DELTA) -> ChinchillaFit:
    """The law closest to some runs, from many starts.

    Units:  constants in the runs' own units of loss, parameters and tokens; δ in units of ln L
    Raises: FitImpossible for too few runs, or runs that do not differ
    """
    if not 0 < delta < np.inf:
        raise FitImpossible(f"delta is {delta:g}; give a finite number above 0, such as {DELTA:g}")
    require_fittable(runs)
    surface = Surface.of(runs.params, runs.tokens, runs.losses, delta)
    minima = global_minimum(surface)
    best = int(np.argmin(minima.objective))
    theta = surface.outside(minima.theta[[best]])[0]
    return ChinchillaFit(
        point_of(theta, float(minima.objective[best]), len(runs)),
        runs,
        delta,
        starts=len(minima.objective),
        agreeing=int(_agree(minima.objective).sum()),
        converged=bool(minima.converged[best]),
    )


def fit_from(runs: Runs, start: Point, delta: float = DELTA) -> ChinchillaFit:
    """The minimum reached from one start, without proof that it is the global one."""
    require_fittable(runs)
    surface = Surface.of(runs.params, runs.tokens, runs.losses, delta)
    minima = minimise(surface.derivatives, surface.inside(start.theta[None]), LAST_STEPS)
    theta = surface.outside(minima.theta)[0]
    point = point_of(theta, float(minima.objective[0]), len(runs))
    return ChinchillaFit(point, runs, delta, 1, 1, bool(minima.converged[0]))
