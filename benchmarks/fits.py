"""Fits of L(N, D) on 240 runs and their bootstrap: ours, a plain autograd BFGS, and a package.

Peers: BFGS with automatic gradients, as in the published notebook, from the constants of Hoffmann
et al.; and the package chinchilla 0.2.0 with its own loss, once as it comes and once a million
times larger (its optimiser then no longer stops early). All minimise the same objective on the same
runs. Processor seconds of this process, in one run; trust the ratios. Peers come from the extra
`bench`; without it they are left out, and nothing is installed.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.fitting.bootstrap import bootstrap, resampled_counts
from models.fitting.chinchilla import Point, fit_chinchilla, fit_from
from models.fitting.runs import Runs

Array = NDArray[np.float64]
DELTA = 1e-3
# ln A, ln B, ln E, α, β of Hoffmann et al. 2022, unrounded: the notebook's first start.
START = np.array([6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083])
RESAMPLES, PEER_RESAMPLES = 1000, 20


def _runs() -> Runs:
    """240 runs like the published ones: nine budgets, sizes around the best, half a per cent."""
    generator = np.random.default_rng(20240604)
    compute = 10 ** generator.choice(np.linspace(18.8, 21.5, 9), 240)
    params = np.sqrt(compute / 120) * 10 ** generator.normal(0, 0.35, 240)
    tokens = compute / 6 / params
    losses = 1.8172 + 482.01 * params**-0.3478 + 2085.43 * tokens**-0.3658
    losses *= np.exp(0.006 * generator.standard_t(3, 240))
    return Runs(np.arange(1, 241), params, tokens, losses)


def _timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    best, answer = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        answer = work()
        best = min(best, time.process_time() - start)
    return float(best), answer


def _objective(runs: Runs, theta: Array) -> float:
    """The common objective, written plainly, so that no way is judged by its own arithmetic."""
    a, b, e = np.exp(theta[:3])
    predicted = e + a * runs.params ** -theta[3] + b * runs.tokens ** -theta[4]
    residual = np.abs(np.log(predicted) - np.log(runs.losses))
    inner = np.minimum(residual, DELTA)
    return float((inner * (residual - inner / 2)).sum())


def _autograd(runs: Runs) -> Callable[[Array], Array]:
    """The notebook's way: log-sum-exp, summed Huber loss, automatic gradient, SciPy's BFGS."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from scipy.optimize import minimize

    def loss(theta: Any, counts: Array) -> Any:
        parts = (
            theta[0] - theta[3] * np.log(runs.params),
            theta[1] - theta[4] * np.log(runs.tokens),
            theta[2] + np.zeros(len(runs)),
        )
        stacked = anp.stack(parts)
        top = anp.max(stacked, axis=0)
        predicted = top + anp.log(anp.sum(anp.exp(stacked - top), axis=0))
        size = anp.abs(predicted - np.log(runs.losses))
        inner = anp.minimum(size, DELTA)
        return anp.sum(counts * inner * (size - inner / 2))

    both = value_and_grad(loss)

    def fit(counts: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = minimize(
                both, START, args=(counts,), jac=True, method="BFGS", options={"gtol": 1e-9}
            )
        return np.asarray(found.x)

    return fit


def _package(runs: Runs, scale: float) -> Callable[[], Array]:
    """The package's objective and optimiser from the same start; its pool and plots left out."""
    from chinchilla import Chinchilla
    from chinchilla._metrics import log_huber
    from chinchilla.core import DTYPE
    from scipy.optimize import minimize

    start = START[[2, 0, 1, 3, 4]]
    names = ("e", "a", "b", "alpha", "beta")
    with tempfile.TemporaryDirectory() as folder:
        model = Chinchilla(
            folder,
            param_grid={name: [value] for name, value in zip(names, start, strict=True)},
            loss_fn=lambda seen, predicted: scale * log_huber(seen, predicted, delta=DELTA),
            log_level=50,
        )
    model._autoscale_range = np.ones(5)
    model._const = {
        "log_N": np.log(runs.params.astype(DTYPE)),
        "log_D": np.log(runs.tokens.astype(DTYPE)),
        "y_true": runs.losses.astype(DTYPE),
        "weights": None,
    }

    def work() -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = minimize(model._evaluate_params, start, method=model.algorithm)
        return np.asarray(found.x, dtype=np.float64)[[1, 2, 0, 3, 4]]

    return work


def _print(rows: dict[str, tuple[float, float]]) -> None:
    (first, best), *_ = rows.values()
    for name, (seconds, objective) in rows.items():
        print(
            f"  {name:44} {1e3 * seconds:9.2f} ms   × {seconds / first:7.1f}   "
            f"objective × {objective / best:.7f}"
        )


def _peers_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("autograd", "chinchilla"))


def _one_fit(runs: Runs) -> None:
    a, b, e = np.exp(START[:3])
    begin = Point(float(a), float(b), float(e), float(START[3]), float(START[4]), 0.0, 0)
    one_s, one = _timed(lambda: fit_from(runs, begin), 200)
    many_s, many = _timed(lambda: fit_chinchilla(runs), 20)
    rows = {
        "ours, one start": (one_s, _objective(runs, one.point.theta)),
        "ours, 12 starts with proof": (many_s, _objective(runs, many.point.theta)),
    }
    if _peers_installed():
        plain = _autograd(runs)
        seconds, theta = _timed(lambda: plain(np.ones(len(runs))), 5)
        rows["autograd and BFGS, one start"] = (seconds, _objective(runs, theta))
        for name, scale in (("its loss", 1.0), ("its loss × 1e6", 1e6)):
            seconds, theta = _timed(_package(runs, scale), 3)
            rows[f"chinchilla 0.2.0, one start, {name}"] = (seconds, _objective(runs, theta))
    print(f"fit of L(N, D) on {len(runs)} runs; ours from one start = 1")
    _print(rows)


def _resamples(runs: Runs) -> None:
    fit = fit_chinchilla(runs)
    seconds, cloud = _timed(lambda: bootstrap(fit, RESAMPLES, 42), 3)
    few = cloud.objective[:PEER_RESAMPLES]
    rows = {f"ours, {RESAMPLES} resamples": (seconds / RESAMPLES, float(few.sum()))}
    if _peers_installed():
        counts = resampled_counts(len(runs), PEER_RESAMPLES, 42)
        plain = _autograd(runs)
        seconds, found = _timed(lambda: [plain(row) for row in counts], 1)
        drawn = [np.repeat(np.arange(len(runs)), row.astype(int)) for row in counts]
        total = sum(
            _objective(Runs(runs.rows[d], runs.params[d], runs.tokens[d], runs.losses[d]), theta)
            for d, theta in zip(drawn, found, strict=True)
        )
        rows[f"autograd and BFGS, {PEER_RESAMPLES} resamples"] = (seconds / PEER_RESAMPLES, total)
    print("bootstrap, a resample; objectives summed over the same resamples; ours = 1")
    _print(rows)


def main() -> None:
    """Print time and objective of each way, as ratios to ours."""
    runs = _runs()
    _one_fit(runs)
    _resamples(runs)
    if not _peers_installed():
        print("  peers are not installed here: `make bench` sets them up")
