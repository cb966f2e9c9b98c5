"""The bootstrap: the same fit on resampled runs, as a cloud of coefficients.

A resample is a reweighting: run i counts as often as it was drawn. So all resamples share one set
of logarithms, and a block of them is fitted at once, each from the fit of all runs. The draws are
those of the published notebook (legacy generator, `choice` with replacement, one call a resample).

Source: Besiroglu et al. 2024, arXiv:2404.10102, notebook of epoch-research/analyzing-chinchilla
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import FitImpossible
from models.fitting.chinchilla import COEFFICIENTS, LAST_STEPS, ChinchillaFit
from models.fitting.newton import Derivatives, Minima, minimise

Array = NDArray[np.float64]

# Block × runs × 10 numbers fit the second-level cache of common processors.
BLOCK = 64
LEVELS = (0.025, 0.975)


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Coefficients of every resample. draws: name → (resample,). converged: (resample,).

    overflowed: resamples that hold no law in finite constants, left out of all the rest
    """

    draws: dict[str, Array]
    objective: Array
    converged: NDArray[np.bool_]
    seed: int
    overflowed: int = 0

    def __len__(self) -> int:
        return len(self.objective)

    def standard_errors(self) -> dict[str, float]:
        """Standard deviation of each coefficient over the resamples."""
        return {name: float(values.std()) for name, values in self.draws.items()}

    def intervals(self) -> dict[str, list[float]]:
        """2.5 and 97.5 % quantiles of each coefficient."""
        return {n: [float(q) for q in np.quantile(v, LEVELS)] for n, v in self.draws.items()}


def resampled_counts(runs: int, resamples: int, seed: int) -> Array:
    """How often each run was drawn, shape (resample, run); each row sums to the runs."""
    # The legacy generator is the published one: its draws are frozen by numpy's own promise.
    generator = np.random.RandomState(seed)
    drawn = (generator.choice(runs, size=runs, replace=True) for _ in range(resamples))
    return np.array([np.bincount(one, minlength=runs) for one in drawn], dtype=np.float64)


def minimise_rows(derivatives: Derivatives, start: Array, rows: int) -> Minima:
    """Minima of many rows from one start, a block of rows at a time."""
    blocks = []
    for first in range(0, rows, BLOCK):
        size = min(BLOCK, rows - first)

        def block(theta: Array, chosen: NDArray[np.intp], first: int = first) -> tuple[Array, ...]:
            return derivatives(theta, chosen + first)

        blocks.append(minimise(block, np.repeat(start[None], size, axis=0), LAST_STEPS))  # type: ignore[arg-type]
    parts = ("theta", "objective", "converged", "steps")
    return Minima(*(np.concatenate([getattr(b, p) for b in blocks]) for p in parts))


def check_resamples(resamples: int, seed: int) -> None:
    """Raise FitImpossible for a number of resamples or a seed that means nothing."""
    if resamples < 2:
        raise FitImpossible(f"--bootstrap is {resamples}; give 0 (none) or at least 2 resamples")
    if not 0 <= seed < 2**32:
        raise FitImpossible(f"--seed is {seed}; give a whole number from 0 to {2**32 - 1}")


def cloud_of(draws: dict[str, Array], minima: Minima, seed: int) -> Cloud:
    """The resamples whose constants are finite.

    Raises: FitImpossible where more overflow than lie beyond the interval's end, which would then
            be unknown
    """
    finite = np.all([np.isfinite(values) for values in draws.values()], axis=0)
    overflowed = int((~finite).sum())
    if overflowed > LEVELS[0] * len(finite):
        raise FitImpossible(
            f"the constants of {overflowed} of {len(finite)} resamples overflow, so these runs "
            "hardly hold the law: add runs, or fit with --bootstrap 0"
        )
    kept = {name: values[finite] for name, values in draws.items()}
    return Cloud(kept, minima.objective[finite], minima.converged[finite], seed, overflowed)


def bootstrap(fit: ChinchillaFit, resamples: int, seed: int) -> Cloud:
    """Fit the law to resampled runs, each resample to convergence.

    Shapes: one array of shape (resample,) a coefficient
    """
    check_resamples(resamples, seed)
    surface = fit.surface.weighted(resampled_counts(len(fit.runs), resamples, seed))
    start = surface.inside(fit.point.theta[None])[0]
    minima = minimise_rows(surface.derivatives, start, resamples)
    theta = surface.outside(minima.theta)
    with np.errstate(over="ignore", under="ignore"):
        values = (*np.exp(theta[:, :3].T), theta[:, 3], theta[:, 4])
    return cloud_of(dict(zip(COEFFICIENTS, values, strict=True)), minima, seed)
