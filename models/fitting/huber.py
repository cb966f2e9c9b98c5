"""The Huber loss: a square near zero, a straight line beyond δ, so that outliers pull no harder.

Equation: h(r) = r²/2 for |r| ≤ δ, else δ·(|r| − δ/2)
Source:   Huber 1964; used on residuals of ln L, summed, δ = 1e-3, by Hoffmann et al. 2022,
          arXiv:2203.15556, sec. 3.3
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# δ of the published fits, in units of ln L: a relative error of one in a thousand.
DELTA = 1e-3


def huber(residual: Array, delta: float) -> tuple[Array, Array, Array]:
    """Loss, slope h' and curvature h'' of each residual; the curvature is 0 beyond δ."""
    slope = np.minimum(np.maximum(residual, -delta), delta)
    curvature = (slope == residual).astype(np.float64)
    return slope * (residual - 0.5 * slope), slope, curvature
