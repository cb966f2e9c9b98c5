"""Named draws: every claim's values over the worlds, keyed by its name and the seed alone.

An input's draws never depend on which other inputs exist, so scenarios differ only by what they
change. The claims of the package combine as a digital net (`forecasts/net.py`); every other name,
and all names in runs of fewer worlds than a block, are stratified by themselves in a random order
of their own (Latin hypercube), block by block. docs/method.md has the measured errors.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from forecasts.correlation import CopulaGroup, correlated
from forecasts.net import BLOCK, NAMES, number, points
from models.claims import Array, Claim, quantiles
from models.special import ndtr, ndtri


def _latin(key: str, worlds: int) -> Array:
    """One draw in each of `worlds` strata, in random order."""
    random = np.random.Generator(np.random.PCG64(number(key)))
    strata = random.permutation(worlds)
    within = random.random(worlds)
    # The open interval keeps unbounded shapes finite at the outermost stratum.
    return np.clip((strata + within) / worlds, 2.0**-53, 1 - 2.0**-53)


def uniforms(name: str, seed: int, worlds: int, start: int = 0, stop: int | None = None) -> Array:
    """Stratified uniform numbers inside (0, 1) of worlds start to stop, from name and seed alone.

    Shapes: (stop − start,). A part of the worlds equals the same part of all of them.
    """
    end = worlds if stop is None else stop
    if name in NAMES and worlds >= BLOCK:
        return points(name, seed, start, end)
    pieces = []
    for first in range(start // BLOCK * BLOCK, end, BLOCK):
        last = min(first + BLOCK, worlds)
        key = f"{seed}/{name}" if first == 0 else f"{seed}/{name}/{first // BLOCK}"
        pieces.append(_latin(key, last - first)[max(start - first, 0) : end - first])
    return np.concatenate(pieces)


class Draws:
    """Values of claims over a block of worlds, computed once per name."""

    def __init__(
        self,
        seed: int,
        worlds: int,
        claims: Iterable[Claim] = (),
        *,
        start: int = 0,
        stop: int | None = None,
        groups: Sequence[CopulaGroup] = (),
    ) -> None:
        """Draw claims at once; NumPy frees the interpreter's lock, so threads share the work.

        worlds: how many there are in all. start, stop: those of this block.
        """
        self.seed = seed
        self.worlds = worlds
        self.start = start
        self.stop = worlds if stop is None else stop
        self._group = {name: group for group in groups for name in group.names}
        self._values: dict[str, Array] = {}
        distinct = {claim.name: claim for claim in claims}
        # More threads than processors push each other's arrays out of the cache.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._values.update(zip(distinct, pool.map(self._draw, distinct.values()), strict=True))

    def head(self, size: int) -> Draws:
        """The same draws of the first worlds alone."""
        part = Draws(self.seed, self.worlds, start=self.start, stop=self.start + size)
        part._group = self._group
        part._values = {name: values[:size] for name, values in self._values.items()}
        return part

    @property
    def size(self) -> int:
        """Number of worlds in this block."""
        return self.stop - self.start

    def is_grouped(self, name: str) -> bool:
        """Whether a claim's draws follow those of others."""
        return name in self._group

    def _own(self, name: str) -> Array:
        return uniforms(name, self.seed, self.worlds, self.start, self.stop)

    def uniform(self, name: str) -> Array:
        """The probabilities at which a claim is drawn, shape (world,)."""
        group = self._group.get(name)
        if group is None or group.names[0] == name:
            return self._own(name)
        before = group.names[: group.names.index(name) + 1]
        scores = [ndtri(self._own(member)) for member in before]
        mixed = np.asarray(ndtr(correlated(scores, group.correlation)))
        return np.clip(mixed, 2.0**-53, 1 - 2.0**-53)

    def _draw(self, claim: Claim) -> Array:
        if claim.shape == "fixed":
            return quantiles(claim, np.empty(self.size))
        return quantiles(claim, self.uniform(claim.name))

    def of(self, claim: Claim) -> Array:
        """The claim's value in every world, shape (world,), in the claim's unit."""
        if claim.name not in self._values:
            self._values[claim.name] = self._draw(claim)
        return self._values[claim.name]
