"""Sums over sampled documents by random group, from which ratios get their error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

GROUPS = 64
COLUMNS = ("documents", "bytes", "words", "tokens")


def _zeros() -> NDArray[np.int64]:
    return np.zeros((GROUPS, len(COLUMNS)), dtype=np.int64)


@dataclass(slots=True)
class Tally:
    """sums: (group, column). A document's group comes from its hash, so copies share one."""

    sums: NDArray[np.int64] = field(default_factory=_zeros)

    def add(self, document_hash: int, size: int, words: int, tokens: int) -> None:
        """Count one sampled document."""
        self.sums[document_hash % GROUPS] += (1, size, words, tokens)

    def merge(self, other: Tally) -> None:
        """Add another part of the corpus."""
        self.sums += other.sums

    def column(self, name: str) -> NDArray[np.float64]:
        """Sums of one column by group."""
        return self.sums[:, COLUMNS.index(name)].astype(float)
