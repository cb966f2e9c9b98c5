"""Quality and overlap, each once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.supply.unique import unique_tokens

shares = st.floats(0, 1)


@given(st.floats(0, 1e18), shares, shares)
def test_unique_never_exceeds_raw(raw: float, usable: float, overlap: float) -> None:
    unique = unique_tokens(np.array([raw]), usable, overlap)[0]
    assert unique == pytest.approx(raw * usable * (1 - overlap))
    assert 0 <= unique <= raw
