"""Damped Newton steps on many small problems at once.

Each row is a problem of its own: a start, a resample, or both. Steps are taken in the eigenvectors
of the Hessian with |eigenvalue| + damping in place of the eigenvalue, so that saddles repel; the
damping falls after a step that did as predicted and rises after one that did not (Nielsen 1999).
A step is kept only where it lowers the objective.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
# theta (row, parameter) and the rows' numbers → objective (row,), gradient, Hessian
Derivatives = Callable[[Array, NDArray[np.intp]], tuple[Array, Array, Array]]

# Converged when a full Newton step would lower the objective by less than this share of it …
TOLERANCE = 1e-12
# … or by less than this: a fit without noise ends in rounding errors.
FLOOR = 1e-28
# In units of one standard deviation of ln N or ln D: no step trusts the quadratic further.
LONGEST_STEP = 2.0
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-13, 1e12
RANK_TOLERANCE = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Minima:
    """Where each row ended. Shapes: theta (row, parameter), the others (row,)."""

    theta: Array
    objective: Array
    converged: Flags
    steps: NDArray[np.intp]


class _Rows:
    """The rows still moving, and what is known at their present place."""

    def __init__(self, derivatives: Derivatives, theta: Array) -> None:
        self.derivatives = derivatives
        self.number = np.arange(len(theta))
        self.theta = theta.copy()
        self.objective, self.gradient, hessian = derivatives(self.theta, self.number)
        self.values, self.vectors = np.linalg.eigh(hessian)
        self.damping = np.full(len(theta), DAMPING)
        self.growth = np.full(len(theta), 2.0)

    def keep(self, rows: Flags) -> None:
        for name, value in vars(self).items():
            if name != "derivatives":
                setattr(self, name, value[rows])

    def along(self) -> Array:
        """Gradient in the Hessian's eigenvectors."""
        return np.asarray((self.gradient[:, None, :] @ self.vectors)[:, 0, :])

    def converged(self, along: Array) -> Flags:
        size = np.abs(self.values)
        floor = RANK_TOLERANCE * size.max(axis=1, keepdims=True) + np.finfo(float).tiny
        decrease = 0.5 * (along**2 / np.maximum(size, floor)).sum(axis=1)
        return np.asarray(decrease <= TOLERANCE * self.objective + FLOOR)

    def advance(self, along: Array) -> None:
        size = np.abs(self.values)
        damped = size + self.damping[:, None] * (size.max(axis=1, keepdims=True) + 1e-300)
        step = (self.vectors @ (-along / damped)[:, :, None])[:, :, 0]
        share = np.minimum(1, LONGEST_STEP / (np.abs(step).max(axis=1) + 1e-300))
        moved = share[:, None] * along / damped
        predicted = (along * moved - 0.5 * size * moved**2).sum(axis=1)
        place = self.theta + share[:, None] * step
        objective, gradient, hessian = self.derivatives(place, self.number)
        better = objective < self.objective
        gain = (self.objective - objective) / np.maximum(predicted, 1e-300)
        with np.errstate(over="ignore", invalid="ignore"):
            eased = self.damping * np.minimum(np.maximum(1 - (2 * gain - 1) ** 3, 0.1), 2)
        raised = self.damping * self.growth
        changed = np.where(better, eased, raised)
        self.damping = np.minimum(np.maximum(changed, LEAST_DAMPING), MOST_DAMPING)
        self.growth = np.where(better, 2.0, np.minimum(self.growth * 2, 1e6))
        if better.all():
            self.theta, self.objective, self.gradient = place, objective, gradient
            self.values, self.vectors = np.linalg.eigh(hessian)
        elif better.any():
            self.theta[better], self.objective[better] = place[better], objective[better]
            self.gradient[better] = gradient[better]
            self.values[better], self.vectors[better] = np.linalg.eigh(hessian[better])


def minimise(derivatives: Derivatives, start: Array, max_steps: int) -> Minima:
    """Local minima reached from each row of `start`, shape (row, parameter).

    Rows that overflow on the way keep their last finite place; none is ever worse than its start.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        rows = _Rows(derivatives, start)
        theta, objective = rows.theta.copy(), rows.objective.copy()
        converged = np.zeros(len(start), dtype=np.bool_)
        steps = np.full(len(start), max_steps, dtype=np.intp)
        for step in range(max_steps + 1):
            along = rows.along()
            done = rows.converged(along)
            if done.any() or step == max_steps:
                place = rows.number[done]
                converged[place], steps[place] = True, step
                theta[rows.number], objective[rows.number] = rows.theta, rows.objective
                if done.all() or step == max_steps:
                    break
                rows.keep(~done)
                along = along[~done]
            rows.advance(along)
    return Minima(theta, objective, converged, steps)
