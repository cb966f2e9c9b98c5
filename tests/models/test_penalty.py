"""C_eq/C by shortage alone: the published table, and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.penalty import compute_ratio, shortage_limit

EXPONENT, R_D, R_N = 0.3526596, 15.387756, 5.309743
# Shortage and C_eq/C of the released fit, to the digits printed.
TABLE = {1.5: 0.981, 2: 0.944, 3: 0.859, 5: 0.702, 10: 0.432, 20: 0.190, 30: 0.099, 50: 0.038}


def test_the_table_of_the_released_fit() -> None:
    seen = compute_ratio(np.array(list(TABLE)), EXPONENT, np.array(R_D), R_N)
    assert seen == pytest.approx(list(TABLE.values()), abs=6e-4)
    assert compute_ratio(np.array([0.1, 1.0]), EXPONENT, np.array(R_D), R_N).tolist() == [1, 1]


@given(st.floats(4, 80), st.sampled_from([0.9, 0.5, 0.1]))
def test_the_limit_is_where_the_ratio_is_reached(r_d_star: float, ratio: float) -> None:
    limit = shortage_limit(ratio, EXPONENT, R_N, (4.0, 80.0))
    at = np.exp(limit.at(np.array([r_d_star])))
    seen = compute_ratio(at, EXPONENT, np.array([r_d_star]), R_N)
    assert seen[0] == pytest.approx(ratio, abs=1e-4)
