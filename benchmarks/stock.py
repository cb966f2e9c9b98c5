"""The stock model of Epoch 2024 over 17 years: our worlds, fresh draws, and exact quadrature.

Peer: the forerunner's way, 10,000 fresh draws of every input for every year. Limit: quadrature of
the same model without draws. Errors are root mean squares of ln(quantile/exact) over the years and
the levels 5, 25, 50, 75 and 95 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from forecasts.draws import Draws
from forecasts.scenario import load
from models.claims import Claim, quantiles
from models.supply.conversion import log_growth, raw_tokens

Array = NDArray[np.float64]
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
YEARS = np.arange(17.0)
PEER_DRAWS = 10_000


def _claim(name: str, low: float, high: float, reflect_at: float | None = None) -> Claim:
    bound = None if reflect_at is None else 0.0
    return Claim(
        name, "ratio", "lognormal", low=low, high=high, ci_prob=0.95, reflect_at=reflect_at,
        minimum=bound,
    )  # fmt: skip


PAGES, BYTES = _claim("pages", 75e9, 1e12), _claim("bytes", 6100, 8200)
PER_TOKEN = _claim("per_token", 2, 5, 6)
GROWTH = (_claim("text", 1.02, 1.04), _claim("page", 1.0, 1.1))
FACTORS = (_claim("quality", 0.1, 0.4), _claim("repetition", 2, 5))


def ours(worlds: int) -> Array:
    """Quantiles, shape (year, level): one set of draws for all years."""
    draws = Draws(1, worlds)
    stock = raw_tokens(draws.of(PAGES), [draws.of(BYTES)], [draws.of(PER_TOKEN)])
    for factor in FACTORS:
        stock = stock * draws.of(factor)
    ratio = np.asarray(sum(np.log(draws.of(g)) for g in GROWTH))
    return np.quantile(stock * np.exp(log_growth(ratio, YEARS)), LEVELS, axis=1).T


def fresh_draws() -> Array:
    """The peer's way: every input drawn again for every year."""
    generator = np.random.default_rng(1)
    rows = []
    for year in YEARS:
        u = generator.random((7, PEER_DRAWS))
        claims = (PAGES, BYTES, PER_TOKEN, *GROWTH, *FACTORS)
        pages, size, per_token, g1, g2, quality, repetition = map(quantiles, claims, u)
        stock = pages * size / per_token * (g1 * g2) ** year * quality * repetition
        rows.append(np.quantile(stock, LEVELS))
    return np.array(rows)


def exact() -> Array:
    """ln stock is a normal plus −ln(bytes per token): one integral, inverted by bisection."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    shift = -np.log(quantiles(PER_TOKEN, (nodes + 1) / 2))
    z95 = float(ndtri(0.975))
    means, variances = 0.0, 0.0
    for claim in (PAGES, BYTES, *FACTORS):
        low, high = np.log([claim.low or 1, claim.high or 1])
        means += (low + high) / 2
        variances += ((high - low) / 2 / z95) ** 2
    growth = [np.log([c.low or 1, c.high or 1]) for c in GROWTH]
    rate = sum(float(g.mean()) for g in growth)
    spread = sum(float((g[1] - g[0]) / 2 / z95) ** 2 for g in growth)
    rows = []
    for year in YEARS:
        sd = float(np.sqrt(variances + spread * year**2))
        low, high = np.full(LEVELS.size, 20.0), np.full(LEVELS.size, 60.0)
        for _ in range(60):
            middle = (low + high) / 2
            score = (middle[:, None] - means - rate * year - shift[None, :]) / sd
            below = (ndtr(score) * weights / 2).sum(axis=1) < LEVELS
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        rows.append(np.exp((low + high) / 2))
    return np.array(rows)


def _timed(work: Callable[[], Array], repeats: int = 5) -> tuple[float, Array]:
    best, answer = np.inf, np.empty(0)
    for _ in range(repeats):
        start = time.perf_counter()
        answer = work()
        best = min(best, time.perf_counter() - start)
    return float(best), answer


def main() -> None:
    """Print time and error of each way, as ratios to the exact one and to the peer."""
    worlds = load("baseline").worlds
    limit_s, truth = _timed(exact)
    print(f"stock model, {YEARS.size} years × {LEVELS.size} levels; exact quadrature = 1")
    results = {
        f"ours, {worlds} worlds": _timed(lambda: ours(worlds)),
        f"ours, {PEER_DRAWS} worlds": _timed(lambda: ours(PEER_DRAWS)),
        f"fresh draws, {PEER_DRAWS} a year": _timed(fresh_draws),
    }
    for name, (seconds, answer) in results.items():
        error = float(np.sqrt(np.mean(np.log(answer / truth) ** 2)))
        print(f"  {name:28} time × {seconds / limit_s:6.1f}   rms error {100 * error:.2f} %")
