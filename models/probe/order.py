"""Which tokens a probe reads at which step: a function of the seed and the step alone.

A run that is killed and resumed therefore reads what it would have read, with nothing to restore.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.errors import OutsideValidRange

Tokens = NDArray[np.int64]


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, windows: int) -> Tokens:
    return np.random.default_rng([seed, epoch]).permutation(windows)


@dataclass(frozen=True, slots=True)
class DataOrder:
    """Epochs over a fixed set of tokens, cut into windows that are shuffled anew every epoch.

    unique_tokens: size of the set. Windows do not overlap; a remainder shorter than a window is
    never read, and neither are the windows that fill no last batch.
    """

    unique_tokens: int
    context: int
    batch: int
    epochs: float
    seed: int

    def __post_init__(self) -> None:
        if self.windows < 1:
            raise OutsideValidRange(
                f"{self.unique_tokens:,} unique tokens are less than one window of {self.context}; "
                "give more text or a shorter context"
            )
        if self.steps < 1:
            raise OutsideValidRange(
                f"{self.epochs:g} epochs of {self.windows} windows fill no batch of {self.batch}; "
                "give a smaller batch, more text or more epochs"
            )

    @property
    def windows(self) -> int:
        """Windows of one epoch."""
        return self.unique_tokens // self.context

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return int(self.epochs * self.windows + 1e-9) // self.batch

    @property
    def tokens(self) -> int:
        """Tokens read in all, repeats included."""
        return self.steps * self.batch * self.context

    @property
    def unique_read(self) -> int:
        """Different tokens read: those of one epoch, or fewer if the run is shorter."""
        return min(self.windows, self.steps * self.batch) * self.context

    def windows_of(self, step: int) -> Tokens:
        """Numbers of the windows read at a step, counted from 0; shape (batch,)."""
        places = np.arange(step * self.batch, (step + 1) * self.batch)
        epochs, inside = np.divmod(places, self.windows)
        numbers = np.empty_like(places)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            order = _permutation(self.seed, int(epoch), self.windows)
            numbers[chosen] = order[inside[chosen]]
        return numbers


def cut(tokens: NDArray[np.integer], windows: Tokens, context: int) -> Tokens:
    """Windows with the token that follows each; shape (window, context + 1).

    tokens: shape (≥ windows·context + 1,). Inputs: all columns but the last; targets: but the first
    """
    places = windows[:, None] * context + np.arange(context + 1)
    return np.asarray(tokens[places], dtype=np.int64)
