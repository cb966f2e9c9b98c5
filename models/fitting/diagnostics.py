"""What a fit rests on: residuals, leverage, identifiability, and whether its intervals can be true.

Equations: leverage of run i  h_i = w_i·g_iᵀ(Σ w·g·gᵀ)⁻¹g_i,  w = min(1, δ/|r|), so Σ h_i = 5
           sandwich errors    V = H⁻¹(Σ h'²·g·gᵀ)H⁻¹,  H the Hessian of the objective
           runs needed for a width of an interval:  n·(width here/width)²
Symbols:   g gradient of a residual by (ln A, ln B, ln E, α, β), r residual of ln L
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fitting.bootstrap import LEVELS, Cloud
from models.fitting.chinchilla import ChinchillaFit
from models.fitting.huber import huber

Array = NDArray[np.float64]

# Bootstrap errors are mostly within a factor of two of the sandwich; five is no accident.
NARROW = 5.0
COLLINEAR = 0.98
# A term smaller than this share of every loss is not told from zero.
NEGLIGIBLE = 1e-3
STEEP, FLAT = 1.5, 0.03
HIGH_LEVERAGE = 0.5
NAMES = ("ln A", "ln B", "ln E", "alpha", "beta")


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics:
    """Arrays of shape (run,); correlation (5, 5) of the constants in the order of `NAMES`.

    exponent_interval: 95 % interval of a = β/(α+β), or none without a cloud
    sandwich: asymptotic errors of ln A, ln B, ln E, α, β; none where the Hessian is singular
    """

    residuals: Array
    leverage: Array
    correlation: Array | None
    sandwich: dict[str, float] | None
    exponent_interval: list[float] | None
    warnings: tuple[str, ...]


def exponents(cloud: Cloud) -> Array:
    """a = β/(α+β) of every resample."""
    return np.asarray(cloud.draws["beta"] / (cloud.draws["alpha"] + cloud.draws["beta"]))


def runs_for_width(runs: int, width: float, wanted: float) -> float:
    """Runs of the same kind that an interval of a wanted width would take."""
    return runs * (width / wanted) ** 2


def _curvature(fit: ChinchillaFit) -> tuple[Array, Array, Array, Array]:
    """Residuals, their gradients by the outer θ, Hessian and its root of scores."""
    surface = fit.surface
    inside = surface.inside(fit.point.theta[None])
    residual = surface.residuals(inside)[0]
    _, _, hessian = surface.derivatives(inside, np.array([0]))
    turn = np.linalg.inv(surface.outside(np.eye(5)))
    gradient = surface.gradients(inside)[0] @ turn.T
    slope = huber(residual, fit.delta)[1]
    return residual, gradient, turn @ hessian[0] @ turn.T, slope[:, None] * gradient


def _sandwich(hessian: Array, scores: Array) -> Array | None:
    values = np.linalg.eigvalsh(hessian)
    if values[0] <= 1e-13 * values[-1]:
        return None
    inverse = np.linalg.inv(hessian)
    return np.asarray(inverse @ (scores.T @ scores) @ inverse)


def _leverage(fit: ChinchillaFit, residual: Array, gradient: Array) -> Array:
    weight = np.minimum(1, fit.delta / np.maximum(np.abs(residual), 1e-300))
    gram = (gradient * weight[:, None]).T @ gradient
    return np.asarray(weight * ((gradient @ np.linalg.pinv(gram)) * gradient).sum(axis=1))


def diagnose(fit: ChinchillaFit, cloud: Cloud | None) -> Diagnostics:
    """Everything of the module's equations, and warnings in words."""
    residual, gradient, hessian, scores = _curvature(fit)
    covariance = _sandwich(hessian, scores)
    correlation = errors = None
    if covariance is not None:
        deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
        correlation = covariance / np.outer(deviation, deviation)
        errors = dict(zip(NAMES, map(float, deviation), strict=True))
    leverage = _leverage(fit, residual, gradient)
    interval = None if cloud is None else [float(q) for q in np.quantile(exponents(cloud), LEVELS)]
    said = (
        *_of_minimum(fit),
        *_of_terms(fit),
        *_of_design(fit, leverage),
        *_of_intervals(fit, cloud, errors),
    )
    return Diagnostics(residual, leverage, correlation, errors, interval, said)


def _of_minimum(fit: ChinchillaFit) -> list[str]:
    if fit.proven:
        return []
    if not fit.converged:
        return ["the best start had not converged when it was stopped; the valley has no floor"]
    return [f"only 1 of {fit.starts} starts reached this minimum; there may be a lower one"]


def _of_terms(fit: ChinchillaFit) -> list[str]:
    point, said = fit.point, []
    least = float(fit.runs.losses.min())
    largest = {
        "E": point.E,
        "the parameter term": float((point.A * fit.runs.params**-point.alpha).max()),
        "the token term": float((point.B * fit.runs.tokens**-point.beta).max()),
    }
    said += [
        f"{name} is below {NEGLIGIBLE:g} of every loss, so it is not told from 0"
        for name, size in largest.items()
        if size < NEGLIGIBLE * least
    ]
    said += [
        f"{name} is {value:.3g}, {'steeper' if value > STEEP else 'flatter'} than any published "
        "fit: the runs may not span enough sizes"
        for name, value in (("alpha", point.alpha), ("beta", point.beta))
        if value > STEEP or value < FLAT
    ]
    return said


def _of_design(fit: ChinchillaFit, leverage: Array) -> list[str]:
    together = float(np.corrcoef(np.log(fit.runs.params), np.log(fit.runs.tokens))[0, 1])
    said = []
    if abs(together) > COLLINEAR:
        said.append(
            f"ln params and ln tokens go together (correlation {together:.3f}), so their terms are "
            "hardly told apart: add runs at other tokens per parameter"
        )
    high = fit.runs.rows[leverage > HIGH_LEVERAGE]
    if high.size:
        named = ", ".join(str(row) for row in high[:5])
        said.append(f"rows {named} each decide more than half of their own prediction")
    return said


def _of_intervals(
    fit: ChinchillaFit, cloud: Cloud | None, errors: dict[str, float] | None
) -> list[str]:
    if cloud is None:
        return []
    said = []
    stuck = int((~cloud.converged).sum())
    if stuck:
        said.append(f"{stuck} of {len(cloud)} resamples did not converge; intervals are rough")
    if cloud.overflowed:
        said.append(
            f"{cloud.overflowed} more resamples hold no law in finite constants and are left out"
        )
    for name in ("alpha", "beta"):
        low, high = cloud.intervals()[name]
        if errors is not None and (high - low) * NARROW < 3.92 * errors[name]:
            said.append(
                f"the interval of {name} is {high - low:.2g} wide, less than a fifth of what the "
                "curvature allows: implausibly narrow"
            )
        if high - low > 1:
            said.append(f"the interval of {name} is {high - low:.2g} wide: it is not identified")
    return said
