"""Named draws: every claim's values over the worlds, keyed by its name and the seed alone.

An input's draws never depend on which other inputs exist, so scenarios differ only by what they
change. Within a name the draws are stratified (one per equal-probability stratum, in random order:
Latin hypercube), which makes single-input quantiles nearly exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models.claims import Array, Claim, quantiles


def uniforms(name: str, seed: int, worlds: int) -> Array:
    """Stratified uniform numbers inside (0, 1), shape (worlds,), from name and seed alone."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
    strata = generator.permutation(worlds)
    within = generator.random(worlds)
    # The open interval keeps unbounded shapes finite at the outermost stratum.
    return np.clip((strata + within) / worlds, 2.0**-53, 1 - 2.0**-53)


class Draws:
    """Values of claims over worlds, computed once per name."""

    def __init__(self, seed: int, worlds: int, claims: Iterable[Claim] = ()) -> None:
        """Draw claims at once; NumPy frees the interpreter's lock, so threads share the work."""
        self.seed = seed
        self.worlds = worlds
        self._values: dict[str, Array] = {}
        distinct = {claim.name: claim for claim in claims}
        with ThreadPoolExecutor() as pool:
            self._values.update(zip(distinct, pool.map(self._draw, distinct.values()), strict=True))

    def _draw(self, claim: Claim) -> Array:
        return quantiles(claim, uniforms(claim.name, self.seed, self.worlds))

    def of(self, claim: Claim) -> Array:
        """The claim's value in every world, shape (worlds,), in the claim's unit."""
        if claim.name not in self._values:
            self._values[claim.name] = self._draw(claim)
        return self._values[claim.name]
