"""Quantiles block by block: exact in one block, the same for any division, smooth where allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.errors import ModelError
from models.quantiles import Levels, SmoothLevels, of_sorted, of_unsorted

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
random = np.random.default_rng(5)
FIRST, REST = random.lognormal(30, 1.5, 4096), random.lognormal(30, 1.5, 30_000)


def _levels(*blocks: np.ndarray, first: int = 4096) -> np.ndarray:
    kept = Levels(LEVELS, first)
    for block in blocks:
        kept.add(block)
    return kept.quantiles()


def test_one_block_is_numpys_default() -> None:
    assert _levels(FIRST) == pytest.approx(np.quantile(FIRST, LEVELS), rel=1e-6)


@given(st.integers(1, REST.size - 1))
def test_later_blocks_divide_as_they_like(cut: int) -> None:
    once = _levels(FIRST, REST)
    assert _levels(FIRST, REST[:cut], REST[cut:]).tolist() == once.tolist()
    exact = np.quantile(np.concatenate([FIRST, REST]), LEVELS)
    assert once == pytest.approx(exact, rel=5e-3)


def test_many_blocks_are_near_exact() -> None:
    """The stated error: below 1e-5 beside order statistics."""
    drawn = stats.qmc.Sobol(1, seed=1).random_base2(22)[:, 0]
    values = np.exp(2 * stats.norm.ppf(np.clip(drawn, 1e-9, 1 - 1e-9)))
    seen = _levels(*np.split(values, 64), first=2**16)
    assert seen == pytest.approx(np.quantile(values, LEVELS), rel=1e-5)


def test_an_infinite_value_shows() -> None:
    assert not np.isfinite(_levels(np.array([1.0, np.inf, np.inf]))).all()
    assert _levels(np.full(10, 3.0)).tolist() == [3.0] * 9


@given(st.floats(0.05, 3), st.floats(0.01, 3), st.integers(1, 4))
def test_a_normal_factor_is_integrated_out(sd: float, rest_sd: float, blocks: int) -> None:
    """Normal plus normal: quantiles known."""
    if sd < 0.1 * rest_sd:
        return
    size = 8192
    grid = stats.norm.ppf((np.arange(size * blocks) + 0.5) / (size * blocks))
    rest = np.random.default_rng(1).permutation(rest_sd * grid)
    kept = SmoothLevels(LEVELS, 30.0, sd, size)
    for block in np.split(rest, blocks):
        kept.add(block)
    exact = np.exp(30 + np.hypot(sd, rest_sd) * stats.norm.ppf(LEVELS))
    assert kept.quantiles() == pytest.approx(exact, rel=0.003 if blocks == 1 else 0.02)


def test_order_statistics_of_equal_infinities() -> None:
    ordered = np.array([-np.inf, -np.inf, 1.0])
    assert of_sorted(ordered, np.array([0.25, 1.0])).tolist() == [-np.inf, 1.0]


def test_nothing_added_has_no_quantile() -> None:
    with pytest.raises(ModelError, match="no worlds were added"):
        Levels(LEVELS).quantiles()


@given(
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=9),
)
def test_order_statistics_without_sorting(values: list[float], levels: list[float]) -> None:
    single, at = np.array(values, dtype=np.float32), np.array(levels)
    np.testing.assert_array_equal(of_unsorted(single, at), of_sorted(np.sort(single), at))


def test_a_block_alone_gives_what_the_first_of_many_gives() -> None:
    values = np.random.default_rng(5).lognormal(30, 2, 2**16)
    alone, first = Levels(LEVELS, alone=True), Levels(LEVELS)
    alone.add(values)
    first.add(values)
    assert alone.quantiles().tolist() == first.quantiles().tolist()
    with pytest.raises(ModelError, match="65536 worlds is not alone"):
        alone.add(values)
