"""A fixed mixing of 64-bit words, the same on every machine and in every process."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words64 = NDArray[np.uint64]

_FIRST, _SECOND = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)


def mixed(words: Words64) -> Words64:
    """Each word scattered over 64 bits: the finaliser of MurmurHash3 (Appleby 2011)."""
    h = words ^ (words >> _SHIFT)
    h *= _FIRST
    h ^= h >> _SHIFT
    h *= _SECOND
    h ^= h >> _SHIFT
    return h
