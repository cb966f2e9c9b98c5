"""The two-term surface as a fitting problem: objective, gradient and Hessian in closed form.

Equation: S(θ) = Σ_i w_i·h(ln(E + A·N_i^-α + B·D_i^-β) − ln L_i)
Symbols:  θ = (ln A, ln B, ln E, α, β), h the Huber loss, w_i how often run i counts
Inside:   x = (ln N − mean)/sd, y likewise; θ' = (ln A − α·mean, …, α·sd, …). Without this the
          parameters' scales differ by decades and no solver steps well.
Shapes:   θ (row, 5); weights (row, run) or none. Every row is a problem of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.fitting.huber import huber

Array = NDArray[np.float64]
Rows = NDArray[np.intp]


def standard(log_amount: Array) -> tuple[Array, float, float]:
    """A logarithm with mean 0 and deviation 1, and the mean and deviation it had."""
    mean, spread = float(log_amount.mean()), float(log_amount.std())
    return (log_amount - mean) / spread, mean, spread


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Runs prepared for fitting. `powers_*` are 1, −x, x² (run, 3)."""

    x: Array
    y: Array
    mean: tuple[float, float]
    spread: tuple[float, float]
    log_loss: Array
    delta: float
    powers_x: Array
    powers_y: Array
    weights: Array | None = None

    @classmethod
    def of(cls, params: Array, tokens: Array, losses: Array, delta: float) -> Self:
        """The problem of some runs; arrays of shape (run,)."""
        x, mean_x, spread_x = standard(np.log(params))
        y, mean_y, spread_y = standard(np.log(tokens))
        powers = [np.stack([np.ones_like(z), -z, z**2], axis=1) for z in (x, y)]
        return cls(
            x, y, (mean_x, mean_y), (spread_x, spread_y), np.log(losses), delta, *powers
        )  # fmt: skip

    def weighted(self, weights: Array) -> Self:
        """The same runs, counted `weights` times; shape (row, run)."""
        return replace(self, weights=weights)

    def inside(self, theta: Array) -> Array:
        """θ' of θ, shape (row, 5)."""
        moved = np.array(theta, dtype=np.float64, ndmin=2)
        for term in (0, 1):
            moved[:, term] -= theta[..., 3 + term] * self.mean[term]
            moved[:, 3 + term] *= self.spread[term]
        return moved

    def outside(self, theta: Array) -> Array:
        """θ of θ', shape (row, 5)."""
        moved = theta.copy()
        for term in (0, 1):
            moved[:, 3 + term] /= self.spread[term]
            moved[:, term] += moved[:, 3 + term] * self.mean[term]
        return moved

    def _terms(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        """The three terms' shares of the predicted loss, and the residual of its logarithm."""
        a, b, e, alpha, beta = (theta[:, i, None] for i in range(5))
        model, data = np.exp(a - alpha * self.x), np.exp(b - beta * self.y)
        floor = np.exp(e)
        total = model + data
        total += floor
        residual = np.log(total) - self.log_loss
        model /= total
        data /= total
        return model, data, floor / total, residual

    def residuals(self, theta: Array) -> Array:
        """ln predicted − ln observed, shape (row, run)."""
        return self._terms(theta)[3]

    def gradients(self, theta: Array) -> Array:
        """Derivative of each residual by θ', shape (row, run, 5)."""
        model, data, floor, _ = self._terms(theta)
        return np.stack([model, data, floor, -model * self.x, -data * self.y], axis=2)

    def derivatives(self, theta: Array, rows: Rows) -> tuple[Array, Array, Array]:
        """Objective, gradient and Hessian of each row.

        Equation: H = Σ w·[(h'' − h')·g·gᵀ + h'·Σ_j q_j·u_j·u_jᵀ],  q_j the terms' shares of the
                  prediction, u_j the derivative of ln of term j,  g = Σ_j q_j·u_j
        """
        model, data, floor, residual = self._terms(theta)
        loss, slope, curvature = huber(residual, self.delta)
        if self.weights is not None:
            counted = self.weights[rows]
            loss *= counted
            slope = slope * counted
            curvature *= counted
        by_model, by_data = (slope * model) @ self.powers_x, (slope * data) @ self.powers_y
        by_floor = (slope * floor).sum(axis=1)
        g = np.empty((len(theta), 5, self.x.size))
        g[:, 0], g[:, 1], g[:, 2] = model, data, floor
        np.multiply(model, -self.x, out=g[:, 3])
        np.multiply(data, -self.y, out=g[:, 4])
        hessian = (g * (curvature - slope)[:, None]) @ g.transpose(0, 2, 1)
        for first, second, sums in ((0, 3, by_model), (1, 4, by_data)):
            hessian[:, first, first] += sums[:, 0]
            hessian[:, first, second] += sums[:, 1]
            hessian[:, second, first] += sums[:, 1]
            hessian[:, second, second] += sums[:, 2]
        hessian[:, 2, 2] += by_floor
        gradient = np.stack(
            [by_model[:, 0], by_data[:, 0], by_floor, by_model[:, 1], by_data[:, 1]], axis=1
        )
        return loss.sum(axis=1), gradient, hessian
