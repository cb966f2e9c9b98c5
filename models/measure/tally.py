"""Sums over sampled documents by random group, from which ratios get their error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.measure.mixing import Words64

Counts = NDArray[np.int64]

GROUPS = 64
COLUMNS = ("documents", "bytes", "words", "tokens")


def _zeros() -> NDArray[np.int64]:
    return np.zeros((GROUPS, len(COLUMNS)), dtype=np.int64)


@dataclass(slots=True)
class Tally:
    """sums: (group, column). A document's group comes from its hash, so copies share one."""

    sums: NDArray[np.int64] = field(default_factory=_zeros)

    def add(self, hashes: Words64, size: Counts, words: Counts, tokens: Counts) -> None:
        """Count sampled documents; four arrays of one length, bytes under `size`."""
        columns = np.stack((np.ones_like(size), size, words, tokens), axis=1)
        np.add.at(self.sums, (hashes % np.uint64(GROUPS)).astype(np.int64), columns)

    def merge(self, other: Tally) -> None:
        """Add another part of the corpus."""
        self.sums += other.sums

    def column(self, name: str) -> NDArray[np.float64]:
        """Sums of one column by group."""
        return self.sums[:, COLUMNS.index(name)].astype(float)
