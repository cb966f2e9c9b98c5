"""The net: stratified names, even pairs and triples, the same in any block."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.draws import uniforms
from forecasts.net import BLOCK, NAMES, points
from forecasts.scenario import load, names

PAGES = "inventory:indexed-web.pages.unique"


@given(st.integers(0, 2**63 - 1), st.integers(0, 3), st.integers(1, 16))
def test_every_aligned_block_is_stratified(seed: int, block: int, digits: int) -> None:
    size = 2**digits
    drawn = points("factor:web_quality", seed, block * size, (block + 1) * size)
    assert 0 < drawn.min() <= drawn.max() < 1
    assert np.sort(np.floor(drawn * size)).tolist() == list(range(size))


@pytest.mark.parametrize("name", [PAGES, "estimate:supply.web.overlap"])
@given(st.integers(0, 250_000), st.integers(1, 100_000))
def test_a_part_is_a_part_of_the_whole(name: str, start: int, size: int) -> None:
    whole = uniforms(name, 1, 300_000)
    stop = min(start + size, 300_000)
    assert uniforms(name, 1, 300_000, start, stop).tobytes() == whole[start:stop].tobytes()


def test_a_seed_moves_points_inside_the_same_net() -> None:
    first, second = points(PAGES, 1, 0, BLOCK), points(PAGES, 2, 0, BLOCK)
    assert first.tobytes() != second.tobytes()
    halves = [np.abs(np.diff(drawn[:1024] < 0.5)) for drawn in (first, second)]
    assert halves[0].tolist() == halves[1].tolist()


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    """Each name's draws, centred and of unit variance."""
    root = np.sqrt(12, dtype=np.float32)
    return {n: (points(n, 7, 0, BLOCK).astype(np.float32) - 0.5) * root for n in sorted(NAMES)}


def test_no_pair_draws_alike(scores: dict[str, np.ndarray]) -> None:
    table = np.stack(list(scores.values()))
    correlation = table @ table.T / BLOCK
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 0.01


def _together() -> set[frozenset[str]]:
    """Claims that one domain's supply and demand are made of, in any scenario."""
    sets = set()
    for name in names():
        scenario = load(name)
        placed = {place: q for place, _, q in scenario.quantities() if q in NAMES}
        for domain in scenario.supply:
            starts = (f"supply.{domain}.", "repetition", "synthetic", "demand.path")
            own = {q for place, q in placed.items() if place.startswith(starts)}
            sets.add(frozenset(own | {placed.get(f"demand.shares.{domain}", PAGES)}))
    return {s for s in sets if not any(s < other for other in sets)}


def test_no_triple_draws_alike(scores: dict[str, np.ndarray]) -> None:
    """Third moments of all claims that meet in one gap; by chance they lie below 0.02."""
    worst = 0.0
    for together in _together():
        for name in together:
            others = np.stack([scores[other] for other in sorted(together - {name})])
            moments = (scores[name] * others) @ others.T / BLOCK
            np.fill_diagonal(moments, 0)
            worst = max(worst, float(np.abs(moments).max()))
    assert worst < 0.05


def test_pairs_fill_their_square() -> None:
    """256 cells of 256 points expected each: the net holds them nearer than chance (sd 16)."""
    drawn = {n: points(n, 7, 0, BLOCK) for n in sorted(NAMES)[:12]}
    spreads = [
        np.histogram2d(drawn[a], drawn[b], bins=16, range=[[0, 1], [0, 1]])[0].std()
        for a, b in combinations(drawn, 2)
    ]
    assert np.median(spreads) < 4


def test_names_are_claims_of_the_package() -> None:
    used = set().union(*(load(name).references() for name in names()))
    assert used >= NAMES - {"measured:training_compute_growth"}
