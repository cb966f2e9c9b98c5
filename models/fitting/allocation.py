"""The other ways from runs to an allocation N* ~ C^a, for comparison with the fitted surface.

Approach 1: at each budget the run of least loss; a line through (ln C, ln N). With finished runs
            instead of training curves it has one point a budget and is coarse.
Approach 2: at each budget a parabola of loss in ln N; a line through its lowest points. Exact
            exponents, but a biased constant where α and β differ and a grid is wide or off-centre.
Approach 3: the surface; here by variable projection with least squares on a fine grid.
Source:     Hoffmann et al. 2022, arXiv:2203.15556, sec. 3; bias: Open-Athena, arXiv:2603.22339
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fitting.projection import project
from models.fitting.runs import Runs
from models.fitting.surface import Surface
from models.quantities import FLOP_PER_PARAM_TOKEN

Array = NDArray[np.float64]

# Runs are of one budget when their compute differs by less than this factor.
SAME_BUDGET = 1.2
FEWEST_SIZES, FEWEST_BUDGETS = 5, 3
FINE = np.geomspace(0.05, 1.5, 40)


@dataclass(frozen=True, slots=True)
class Allocation:
    """One way's answer. a: N* ~ C^a; log_scale: ln N* at C = 1; budgets it rests on.

    missing: why there is no answer, in words; then the numbers are None
    """

    method: str
    a: float | None
    log_scale: float | None
    budgets: int
    missing: str = ""

    def tokens_per_param(self, compute_flop: float) -> float | None:
        """D*/N* at a budget, with C = 6·N·D."""
        if self.a is None or self.log_scale is None:
            return None
        log_params = self.log_scale + self.a * np.log(compute_flop)
        return float(compute_flop / FLOP_PER_PARAM_TOKEN / np.exp(2 * log_params))


def budgets(runs: Runs) -> list[NDArray[np.intp]]:
    """Places of runs of one budget each: the fullest window of compute, then the next fullest."""
    compute = np.log(FLOP_PER_PARAM_TOKEN * runs.params * runs.tokens)
    free = np.argsort(compute)
    found = []
    while free.size:
        ends = np.searchsorted(compute[free], compute[free] + np.log(SAME_BUDGET), side="right")
        first = int(np.argmax(ends - np.arange(free.size)))
        group = free[first : ends[first]]
        if group.size < FEWEST_SIZES:
            break
        if np.unique(runs.params[group]).size >= FEWEST_SIZES:
            found.append(group)
        free = np.delete(free, slice(first, ends[first]))
    return found


def lowest_of_parabola(log_params: Array, losses: Array) -> float | None:
    """ln N of a parabola's lowest point, or None where it has none among the runs."""
    middle = log_params.mean()
    bend, slope, _ = np.polyfit(log_params - middle, losses, 2)
    if bend <= 0:
        return None
    lowest = float(middle - slope / (2 * bend))
    return lowest if log_params.min() <= lowest <= log_params.max() else None


def _line(method: str, points: list[tuple[float, float]]) -> Allocation:
    if len(points) < FEWEST_BUDGETS:
        return Allocation(
            method, None, None, len(points),
            f"{len(points)} budgets with a lowest point among {FEWEST_SIZES} sizes or more; "
            f"{FEWEST_BUDGETS} are needed",
        )  # fmt: skip
    x, y = np.array(points).T
    slope, start = np.polyfit(x, y, 1)
    return Allocation(method, float(slope), float(start), len(points))


def approach_1(runs: Runs) -> Allocation:
    """A line through the best run of each budget."""
    points = []
    for group in budgets(runs):
        best = group[np.argmin(runs.losses[group])]
        compute = FLOP_PER_PARAM_TOKEN * runs.params[best] * runs.tokens[best]
        points.append((float(np.log(compute)), float(np.log(runs.params[best]))))
    return _line("approach 1, best run of a budget", points)


def approach_2(runs: Runs) -> Allocation:
    """A line through the lowest points of parabolas."""
    points = []
    for group in budgets(runs):
        log_params = np.log(runs.params[group])
        lowest = lowest_of_parabola(log_params, runs.losses[group])
        if lowest is not None:
            compute = np.log(FLOP_PER_PARAM_TOKEN * runs.params[group] * runs.tokens[group])
            points.append((float(compute.mean()), lowest))
    return _line("approach 2, parabolas", points)


def variable_projection(runs: Runs) -> Allocation:
    """The surface by least squares of relative errors on a grid of exponents."""
    surface = Surface.of(runs.params, runs.tokens, runs.losses, delta=1e3)
    theta, _ = project(surface, FINE, FINE, rounds=1)
    a, b, _, alpha, beta = surface.outside(theta[:1])[0]
    log_g = (np.log(alpha / beta) + a - b) / (alpha + beta)
    share = beta / (alpha + beta)
    scale = float(log_g - share * np.log(FLOP_PER_PARAM_TOKEN))
    return Allocation("variable projection, least squares", float(share), scale, 0)


def compare(runs: Runs) -> list[Allocation]:
    """All three."""
    return [approach_1(runs), approach_2(runs), variable_projection(runs)]
