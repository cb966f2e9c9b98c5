"""Run sets of known laws, and an independent optimiser to compare with.

Nothing here imports the code under test: the objective is written again, with numbers as they come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
DELTA = 1e-3
DESIGNS = ("spread", "isoflop", "few sizes", "narrow", "one ratio")


@dataclass(frozen=True)
class RunSet:
    """Runs of a planted law."""

    params: Array
    tokens: Array
    losses: Array
    constants: tuple[float, float, float, float, float]


def _places(generator: np.random.Generator, design: str, n: int) -> tuple[Array, Array]:
    low, span = generator.uniform(6, 8.5), generator.uniform(1, 4)
    if design == "isoflop":
        compute = 10 ** generator.choice(np.linspace(17, 17 + span * 1.2, 6), n)
        params = np.sqrt(compute / 120) * 10 ** generator.uniform(-0.8, 0.8, n)
        return params, compute / 6 / params
    if design == "few sizes":
        sizes = np.linspace(low, low + span, int(generator.integers(3, 7)))
        return 10 ** generator.choice(sizes, n), 10 ** generator.uniform(low + 0.5, low + 3.5, n)
    if design == "narrow":
        return 10 ** generator.uniform(low, low + 0.7, n), 10 ** generator.uniform(
            low + 1, low + 1.7, n
        )
    params = 10 ** generator.uniform(low, low + span, n)
    if design == "one ratio":
        return params, 20 * params * 10 ** generator.normal(0, 0.1, n)
    return params, 10 ** generator.uniform(low + 0.8, low + 0.8 + generator.uniform(1, 4), n)


def planted(
    seed: int, design: str, noise: float, outliers: float = 0.0, unit: float = 1.0
) -> RunSet:
    """30 to 300 runs of a random law, with log-normal noise and a share of runs too high."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(30, 301))
    params, tokens = _places(generator, design, n)
    alpha, beta = generator.uniform(0.1, 0.8, 2)
    floor = generator.uniform(0.3, 3) * unit
    a = generator.uniform(0.1, 3) * np.median(params) ** alpha * unit
    b = generator.uniform(0.1, 3) * np.median(tokens) ** beta * unit
    losses = floor + a * params**-alpha + b * tokens**-beta
    losses *= np.exp(noise * generator.standard_normal(n))
    high = generator.random(n) < outliers
    losses[high] *= np.exp(generator.uniform(0, 1, int(high.sum())))
    return RunSet(params, tokens, losses, (a, b, floor, alpha, beta))


def objective(runs: RunSet) -> Callable[[Array], tuple[float, Array]]:
    """A million times the summed Huber loss of ln L, and its gradient, in
    (ln a, ln b, ln E, α, β) with amounts counted at the geometric middle of the runs."""
    x = np.log(runs.params / np.exp(np.mean(np.log(runs.params))))
    y = np.log(runs.tokens / np.exp(np.mean(np.log(runs.tokens))))
    seen = np.log(runs.losses)

    def value(theta: Array) -> tuple[float, Array]:
        first, second = theta[0] - theta[3] * x, theta[1] - theta[4] * y
        top = np.maximum(np.maximum(first, second), theta[2])
        terms = np.exp(np.stack([first, second, np.full_like(x, theta[2])]) - top)
        total = terms.sum(axis=0)
        residual = top + np.log(total) - seen
        slope = np.clip(residual, -DELTA, DELTA)
        loss = (slope * (residual - slope / 2)).sum()
        by_first, by_second, by_floor = terms / total * slope
        gradient = [
            by_first.sum(),
            by_second.sum(),
            by_floor.sum(),
            -(by_first * x).sum(),
            -(by_second * y).sum(),
        ]
        return 1e6 * float(loss), 1e6 * np.array(gradient)

    return value


def independent_best(runs: RunSet, seed: int, starts: int) -> float:
    """Least objective of SciPy's L-BFGS-B from random starts, the best fiftieth of them (one at
    least) finished by BFGS and Nelder-Mead."""
    generator = np.random.default_rng(seed)
    value = objective(runs)
    low = float(np.log(runs.losses).min())
    found = []
    for _ in range(starts):
        start = np.array(
            [
                low + generator.uniform(-4, 2),
                low + generator.uniform(-4, 2),
                low + generator.uniform(-2, 0.2),
                *generator.uniform(0, 1.5, 2),
            ]
        )
        options = {"maxiter": 1000, "maxfun": 1500, "ftol": 1e-15, "gtol": 1e-9}
        found.append(minimize(value, start, jac=True, method="L-BFGS-B", options=options))
    found.sort(key=lambda result: result.fun)
    best = float(found[0].fun)
    for result in found[: max(1, starts // 50)]:
        closer = minimize(value, result.x, jac=True, method="BFGS", options={"gtol": 1e-10})
        last = minimize(
            lambda theta: value(theta)[0],
            closer.x,
            method="Nelder-Mead",
            options={"maxiter": 600, "xatol": 1e-9, "fatol": 1e-12},
        )
        best = min(best, float(closer.fun), float(last.fun))
    return best / 1e6
