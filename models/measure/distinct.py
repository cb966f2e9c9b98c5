"""How many different documents there are: a set of hashes that thins itself and merges.

Adaptive sampling (Wegman; Flajolet 1990, Computing 43): keep hashes that begin with `level` zero
bits, and raise the level when more than `CAPACITY` are kept. All copies of a document have one
hash, so they are kept or dropped together. The final level is the lowest at which all hashes fit,
whatever the order and however the corpus was divided, so merged parts equal one pass bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.measure.mixing import Words64

CAPACITY = 2**20


def begins_with_zeros(words: Words64, level: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which words begin with `level` zero bits: each one with probability 2^−level."""
    if level == 0:
        return np.ones(words.shape, dtype=bool)
    return np.asarray((words >> np.uint64(64 - level)) == 0)


def _nothing() -> Words64:
    return np.empty(0, dtype=np.uint64)


@dataclass(slots=True)
class Distinct:
    """Hashes seen, thinned to at most `capacity`; memory 8 bytes a hash."""

    capacity: int = CAPACITY
    level: int = 0
    hashes: Words64 = field(default_factory=_nothing)
    _waiting: list[Words64] = field(default_factory=list)
    _waiting_size: int = 0

    def add(self, hashes: Words64) -> None:
        """Take in the hashes of some documents, equal ones included."""
        self._waiting.append(hashes[begins_with_zeros(hashes, self.level)])
        self._waiting_size += hashes.size
        if self._waiting_size >= self.capacity // 4:
            self.settle()

    def settle(self) -> None:
        """Work off what waits."""
        if not self._waiting:
            return
        self.hashes = np.unique(np.concatenate([self.hashes, *self._waiting]))
        self._waiting, self._waiting_size = [], 0
        self.hashes = self.hashes[begins_with_zeros(self.hashes, self.level)]
        while self.hashes.size > self.capacity:
            self.level += 1
            self.hashes = self.hashes[begins_with_zeros(self.hashes, self.level)]

    def merge(self, other: Distinct) -> None:
        """Take in what another part of the corpus saw."""
        other.settle()
        self.level = max(self.level, other.level)
        self.add(other.hashes)

    def count(self) -> tuple[float, float]:
        """Different hashes and the standard error of that number.

        Equation: D = n·2^level;  s.e. = √(n·2^level·(2^level − 1)), zero at level 0
        """
        self.settle()
        scale = 2.0**self.level
        return self.hashes.size * scale, float(np.sqrt(self.hashes.size * scale * (scale - 1)))
