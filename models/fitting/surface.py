"""The two-term surface as a fitting problem: objective, gradient and Hessian in closed form.

Equation: S(θ) = Σ_i w_i·h(ln(E + A·N_i^-α + B·D_i^-β) − ln L_i)
Symbols:  θ = (ln A, ln B, ln E, α, β), h the Huber loss, w_i how often run i counts
Inside:   x = (ln N − mean)/sd, y likewise; θ' = (ln A − α·mean, …, α·sd, …). Without this the
          parameters' scales differ by decades and no solver steps well.
Shapes:   θ (row, 5); weights (row, run) or none. Every row is a problem of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.fitting.huber import huber

Array = NDArray[np.float64]
# Which moment is the derivative by each parameter, and which belongs where in the flat Hessian.
_GRADIENT = np.array([0, 3, 6, 1, 4])
_HESSIAN = np.zeros((7, 25))
_HESSIAN[[0, 1, 1, 2, 3, 4, 4, 5, 6], [0, 3, 15, 18, 6, 9, 21, 24, 12]] = 1
Rows = NDArray[np.intp]


def standard(log_amount: Array) -> tuple[Array, float, float]:
    """A logarithm with mean 0 and deviation 1, and the mean and deviation it had."""
    mean = float(log_amount.mean())
    centred = log_amount - mean
    spread = math.sqrt(centred @ centred / centred.size)
    return centred / spread, mean, spread


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Runs prepared for fitting.

    powers: derivatives of ln of the first two terms by θ', so that ln (q_j·L) = θ'·powers,
            shape (5, 2·run)
    moments: 1, −x, x², 1, −y, y² and 1 in the places of the terms they belong to, (7, 3·run): the
             sums of q_j·(derivatives of ln of term j and their products) that are not zero
    """

    x: Array
    y: Array
    mean: tuple[float, float]
    spread: tuple[float, float]
    log_loss: Array
    delta: float
    powers: Array
    moments: Array
    weights: Array | None = None

    @classmethod
    def of(cls, params: Array, tokens: Array, losses: Array, delta: float) -> Self:
        """The problem of some runs; arrays of shape (run,)."""
        x, mean_x, spread_x = standard(np.log(params))
        y, mean_y, spread_y = standard(np.log(tokens))
        moments = np.zeros((7, 3, x.size))
        moments[0, 0] = moments[3, 1] = moments[6, 2] = 1
        for row, term, z in ((1, 0, x), (4, 1, y)):
            moments[row, term] = -z
            moments[row + 1, term] = z * z
        return cls(
            x,
            y,
            (mean_x, mean_y),
            (spread_x, spread_y),
            np.log(losses),
            delta,
            powers=moments[_GRADIENT, :2].reshape(5, -1),
            moments=moments.reshape(7, -1),
        )

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

    def _terms(self, theta: Array) -> tuple[Array, Array]:
        """The three terms' shares of the predicted loss, (row, 3, run), and the residual of its
        logarithm, (row, run).
        """
        shares = np.empty((len(theta), 3, self.x.size))
        np.exp((theta @ self.powers).reshape(len(theta), 2, -1), out=shares[:, :2])
        shares[:, 2] = np.exp(theta[:, 2:3])
        total = np.add.reduce(shares, axis=1)
        shares /= total[:, None]
        residual = np.log(total)
        residual -= self.log_loss
        return shares, residual

    def residuals(self, theta: Array) -> Array:
        """ln predicted − ln observed, shape (row, run)."""
        return self._terms(theta)[1]

    def _slopes(self, shares: Array) -> Array:
        """Derivative of each residual by θ', shape (row, 5, run)."""
        slopes = np.empty((len(shares), 5, self.x.size))
        slopes[:, :3] = shares
        size = self.x.size
        np.multiply(shares[:, 0], self.powers[3, :size], out=slopes[:, 3])
        np.multiply(shares[:, 1], self.powers[4, size:], out=slopes[:, 4])
        return slopes

    def gradients(self, theta: Array) -> Array:
        """Derivative of each residual by θ', shape (row, run, 5)."""
        return self._slopes(self._terms(theta)[0]).transpose(0, 2, 1)

    def derivatives(self, theta: Array, rows: Rows) -> tuple[Array, Array, Array]:
        """Objective, gradient and Hessian of each row.

        Equation: H = Σ w·[(h'' − h')·g·gᵀ + h'·Σ_j q_j·u_j·u_jᵀ],  q_j the terms' shares of the
                  prediction, u_j the derivative of ln of term j,  g = Σ_j q_j·u_j
        """
        shares, residual = self._terms(theta)
        loss, slope, curvature = huber(residual, self.delta)
        if self.weights is not None:
            counted = self.weights[rows]
            loss *= counted
            slope = slope * counted
            curvature *= counted
        g = self._slopes(shares)
        shares *= slope[:, None]
        sums = shares.reshape(len(theta), -1) @ self.moments.T
        curvature -= slope
        hessian = (g * curvature[:, None]) @ g.transpose(0, 2, 1)
        hessian += (sums @ _HESSIAN).reshape(hessian.shape)
        return np.add.reduce(loss, axis=1), sums.take(_GRADIENT, axis=1), hessian
