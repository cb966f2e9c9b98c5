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
# What the damping is multiplied by after a first step that failed; twice that after the next.
GROWTH = 8.0
RANK_TOLERANCE = 1e-14
# Against division by zero.
_TINY = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Minima:
    """Where each row ended. Shapes: theta (row, parameter), the others (row,)."""

    theta: Array
    objective: Array
    converged: Flags
    steps: NDArray[np.intp]


class _Rows:
    """The rows still moving, and what is known at their present place.

    values, vectors: of the Hessian; size: |values|; largest: the largest of each row, (row, 1)
    """

    def __init__(self, derivatives: Derivatives, theta: Array) -> None:
        self.derivatives = derivatives
        self.number = np.arange(len(theta))
        self.theta = theta.copy()
        self.objective, self.gradient, hessian = derivatives(self.theta, self.number)
        self.values, self.vectors = np.linalg.eigh(hessian)
        self._measure()
        self.damping = np.full(len(theta), DAMPING)
        self.growth = np.full(len(theta), GROWTH)

    def _measure(self) -> None:
        self.size = np.abs(self.values)
        self.largest = np.maximum.reduce(self.size, axis=1, keepdims=True) + _TINY

    def keep(self, rows: Flags) -> None:
        for name, value in vars(self).items():
            if name != "derivatives":
                setattr(self, name, value[rows])

    def along(self) -> Array:
        """Gradient in the Hessian's eigenvectors."""
        return np.asarray((self.gradient[:, None, :] @ self.vectors)[:, 0, :])

    def converged(self, along: Array) -> Flags:
        # Half of what a full step would gain is compared with half of what is let go.
        gain = np.add.reduce(
            along * along / np.maximum(self.size, RANK_TOLERANCE * self.largest), axis=1
        )
        return np.asarray(gain <= 2 * TOLERANCE * self.objective + 2 * FLOOR)

    def advance(self, along: Array) -> None:
        scaled = along / (self.size + self.damping[:, None] * self.largest)
        step = (self.vectors @ scaled[:, :, None])[:, :, 0]
        far = np.abs(step)
        if not np.maximum.reduce(far, axis=None) <= LONGEST_STEP:
            longest = np.maximum.reduce(far, axis=1, keepdims=True)
            share = np.minimum(1, LONGEST_STEP / (longest + _TINY))
            scaled *= share
            step *= share
        predicted = np.add.reduce(scaled * (along - 0.5 * self.size * scaled), axis=1)
        place = self.theta - step
        objective, gradient, hessian = self.derivatives(place, self.number)
        lower = self.objective - objective
        better = lower > 0
        surprise = 2 * lower / np.maximum(predicted, _TINY) - 1
        eased = np.minimum(np.maximum(1 - surprise * surprise * surprise, 0.1), 2)
        if all_better := bool(np.logical_and.reduce(better)):
            changed = self.damping * eased
            self.growth.fill(GROWTH)
        else:
            changed = self.damping * np.where(better, eased, self.growth)
            self.growth = np.where(better, GROWTH, np.minimum(self.growth * 2, 1e6))
        self.damping = np.minimum(np.maximum(changed, LEAST_DAMPING), MOST_DAMPING)
        if all_better:
            self.theta, self.objective, self.gradient = place, objective, gradient
            self.values, self.vectors = np.linalg.eigh(hessian)
        elif better.any():
            self.theta[better], self.objective[better] = place[better], objective[better]
            self.gradient[better] = gradient[better]
            self.values[better], self.vectors[better] = np.linalg.eigh(hessian[better])
        else:
            return
        self._measure()


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
            if np.logical_or.reduce(done) or step == max_steps:
                place = rows.number[done]
                converged[place], steps[place] = True, step
                theta[rows.number], objective[rows.number] = rows.theta, rows.objective
                if done.all() or step == max_steps:
                    break
                rows.keep(~done)
                along = along[~done]
            rows.advance(along)
    return Minima(theta, objective, converged, steps)
