"""Quantiles over many worlds that arrive block by block, in memory that does not grow.

`Levels` keeps counts around each level, `SmoothLevels` integrates a normal factor out. Both give
the same bytes however the worlds after the first are divided, since they add whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.claims import Array
from models.errors import ModelError
from models.special import ndtr, ndtri

Counts = NDArray[np.int64]
Single = NDArray[np.float32]

# Worlds that set the edges and cells; as many or fewer give their own order statistics.
FIRST = 2**16
# Edges kept on each side of a level, and how many standard errors of the first block they span.
EDGES, SPAN = 32, 6.0
# Cells of equal width that stand for the part of a quantity that is not integrated out.
CELLS = 1024
# Width of cells put together for the average, in deviations of what is integrated out.
COARSEST = 1 / 8
# Newton squares what is left after a step this small in ln q.
TOLERANCE = 1e-6
MAX_STEPS = 100


def of_sorted(ordered: Array | Single, levels: Array) -> Array:
    """Quantiles of sorted numbers, linear between order statistics (numpy's default)."""
    place, below, above = _ranks(ordered.size, levels)
    return _between(ordered[below], ordered[above], place - below)


def of_unsorted(values: Single, levels: Array) -> Array:
    """`of_sorted` of the same numbers in any order, to the last digit, four times faster.

    Numbers are counted by their leading 16 digits in base 2, which order as the numbers do; only
    those that share them with a wanted rank are sorted.
    """
    place, below, above = _ranks(values.size, levels)
    bits = values.view(np.int32)
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)) >> 16
    keys -= keys.min()
    counts = np.bincount(keys)
    cells = np.searchsorted(np.cumsum(counts), np.concatenate([below, above]), side="right")
    wanted = np.zeros(counts.size, dtype=bool)
    wanted[cells] = True
    left_out = np.cumsum(np.where(wanted, 0, counts))
    kept = np.sort(values[wanted[keys]])
    low, high = np.split(kept[np.concatenate([below, above]) - left_out[cells]], 2)
    return _between(low, high, place - below)


def _ranks(size: int, levels: Array) -> tuple[Array, Counts, Counts]:
    """Place of each level among order statistics, and the ranks below and above it."""
    place = levels * (size - 1)
    below = np.floor(place).astype(np.int64)
    return place, below, np.minimum(below + 1, size - 1)


def _between(low: Array | Single, high: Array | Single, share: Array) -> Array:
    first, second = low.astype(float), high.astype(float)
    # Equal infinities have no difference; the caller names what is not finite.
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(first == second, first, first + share * (second - first)))


class Levels:
    """Quantiles of a quantity at fixed levels.

    The first worlds alone give their own order statistics. With more, only the number of values up
    to each of some edges around every level is kept: 32 on either side, over six standard errors of
    the first worlds. Between two edges the distribution is taken as straight, which is off by less
    than 1e-5 of the value beside the sampling error.
    """

    def __init__(self, levels: Sequence[float], first: int = FIRST, *, alone: bool = False) -> None:
        """alone: the first block is the only one, so no edges are kept for those after it."""
        self._levels = np.asarray(levels)
        self._first = first
        self._alone = alone
        self._exact: Array | None = None
        self._edges: Array = np.empty(0)
        self._below: Counts = np.empty(0, dtype=np.int64)
        self._size = 0

    def add(self, values: Array) -> None:
        """Take in a block, shape (world,); the first block holds all the first worlds.

        Single precision (seven digits) sorts twice as fast and is far finer than sampling error.
        """
        single = values.astype(np.float32)
        if self._alone:
            if self._exact is not None or single.size > self._first:
                raise ModelError(
                    f"a block of {single.size} worlds is not alone within the first {self._first}; "
                    "make Levels without alone"
                )
            self._exact, self._size = of_unsorted(single, self._levels), single.size
            return
        ordered = np.sort(single)
        if self._exact is None:
            first = np.sort(single[: self._first]) if ordered.size > self._first else ordered
            self._exact = of_sorted(first, self._levels)
            error = np.sqrt(self._levels * (1 - self._levels) / first.size)
            offsets = SPAN * np.linspace(-1, 1, 2 * EDGES + 1)
            near = np.clip(self._levels[:, None] + error[:, None] * offsets, 0, 1)
            self._edges = np.unique(of_sorted(first, near.ravel()))
            self._below = np.zeros(self._edges.size, dtype=np.int64)
        self._below += np.searchsorted(ordered, self._edges, side="right")
        self._size += ordered.size

    def quantiles(self) -> Array:
        """Values at the levels, shape (level,)."""
        if self._exact is None:
            raise ModelError("no worlds were added; add a block before its quantiles are asked")
        if self._size <= self._first:
            return self._exact
        ranks = self._levels * (self._size - 1) + 1
        return np.asarray(np.interp(ranks, self._below, self._edges))


class SmoothLevels:
    """Quantiles of Q = exp(Z)·R, Z normal with known moments and independent of R.

    Equation: P(Q ≤ q) = E[Φ((ln q − mean − ln R)/sd)], the average over worlds of R alone
    ln R is gathered into 1024 cells of equal width over the range of the first worlds, each at its
    middle: counting takes a quarter of the time of sorting, and what a cell leaves out is
    (width/sd)²/24 of a standard deviation at most. For the average, cells are put together up to
    sd/8, and the variance inside is added to that of Z. What is integrated has no sampling error:
    quantiles come out several times nearer than by counting.
    """

    def __init__(self, levels: Sequence[float], mean: float, sd: float, first: int = FIRST) -> None:
        self._levels = np.asarray(levels)
        self._first = first
        self._mean = mean
        self._sd = sd
        self._nodes: Array = np.empty(0)
        self._lowest = 0.0
        self._width = 1.0
        self._counts: Counts = np.zeros(CELLS, dtype=np.int64)

    def add(self, log_rest: Array) -> None:
        """Take in a block of ln R, shape (world,); the first block holds all the first worlds."""
        later = log_rest
        if self._nodes.size == 0:
            self._divide(log_rest[: self._first])
            later = log_rest[self._first :]
        if later.size:
            self._counts += np.bincount(self._places(later), minlength=CELLS)

    @property
    def spread(self) -> float:
        """Standard deviation of ln R over the worlds taken in."""
        weights = self._counts / self._counts.sum()
        return float(np.sqrt(weights @ (self._nodes - weights @ self._nodes) ** 2))

    def _divide(self, first: Array) -> None:
        """Settle the cells, and count the first worlds, all of which lie inside."""
        self._lowest = float(first.min())
        # A little wider than the worlds reach, so that the last one lies inside too.
        self._width = (float(first.max()) - self._lowest) * (1 + 1e-12) / CELLS or 1.0
        middles = self._lowest + self._width * (np.arange(CELLS) + 0.5)
        self._nodes = np.asarray(middles)
        places = np.minimum(self._cells(first).astype(np.int64), CELLS - 1)
        self._counts = np.bincount(places, minlength=CELLS)

    def _cells(self, log_rest: Array) -> Array:
        """Place of every world in widths of a cell."""
        cells = log_rest - self._lowest
        cells *= 1 / self._width
        return np.asarray(cells)

    def _places(self, log_rest: Array) -> NDArray[np.int64]:
        """Cell of every world; what lies beyond the first worlds counts in the last cell."""
        cells = self._cells(log_rest)
        np.clip(cells, 0, CELLS - 1, out=cells)
        return cells.astype(np.int64)

    def _gathered(self) -> tuple[Array, Array, float]:
        """Nodes and weights of cells put together, and the deviation that makes up for it."""
        group = min(max(int(self._sd * COARSEST / self._width), 1), CELLS)
        starts = np.arange(0, CELLS, group)
        counts = np.add.reduceat(self._counts, starts)
        held = counts > 0
        sums = np.add.reduceat(self._counts * self._nodes, starts)
        nodes = np.divide(sums, counts, out=np.zeros(sums.size), where=held)
        inside = self._counts @ (self._nodes - np.repeat(nodes, group)[:CELLS]) ** 2
        weights = counts[held] / counts.sum()
        return nodes[held], weights, float(np.sqrt(self._sd**2 + inside / counts.sum()))

    def quantiles(self) -> Array:
        """Values at the levels, shape (level,): Newton's method, halving where it leaves."""
        nodes, weights, sd = self._gathered()
        centre = float(weights @ nodes)
        spread = float(np.hypot(sd, np.sqrt(weights @ (nodes - centre) ** 2)))
        reach = 10 * sd
        low = np.full(self._levels.size, nodes[0] - reach)
        high = np.full(self._levels.size, nodes[-1] + reach)
        x = np.clip(centre + spread * ndtri(self._levels), low, high)
        for _ in range(MAX_STEPS):
            score = (x[:, None] - nodes) / sd
            miss = ndtr(score) @ weights - self._levels
            slope = np.exp(-(score**2) / 2) @ weights / (np.sqrt(2 * np.pi) * sd)
            low, high = np.where(miss < 0, x, low), np.where(miss > 0, x, high)
            step = x - np.divide(miss, slope, out=np.full_like(x, np.inf), where=slope > 0)
            step = np.where((step >= low) & (step <= high), step, (low + high) / 2)
            moved, x = float(np.max(np.abs(step - x))), step
            if moved <= TOLERANCE:
                return np.asarray(np.exp(self._mean + x))
        raise ModelError(
            f"quantiles still moved by {moved:g} after {MAX_STEPS} steps; at most {TOLERANCE:g} "
            "is allowed"
        )
