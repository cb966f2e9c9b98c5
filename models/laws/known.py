"""A law as known on a day: its fit, and the cloud of resampled fits that goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.laws.fits import FitRow
from models.laws.law import Array, Law

# Draws of coefficients by symbol, one element a resample.
Cloud = Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class KnownLaw:
    """A law that can be built with its own coefficients or with draws of them.

    build: the law with these coefficients in place of the fit's; none leaves the fit as it is
    cloud: empty where no resamples are kept
    """

    row: FitRow
    build: Callable[[Cloud], Law]
    cloud: Cloud

    @property
    def resamples(self) -> int:
        """Number of resampled fits; 0 where none are kept."""
        return 0 if not self.cloud else int(next(iter(self.cloud.values())).size)

    def drawn(self, which: NDArray[np.int64]) -> Law:
        """The law with the coefficients of these resamples, shape (world,)."""
        return self.build({symbol: draws[which] for symbol, draws in self.cloud.items()})
