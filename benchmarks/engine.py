"""The engine: a published forecast against squigglepy, a large one against drawing and sorting.

Four parts, each in a process of its own, seconds of the processor (user and system, all threads):
the published stock model with walls, 2024 to 2040; twelve domains by month with 20 assessed runs;
growth of time and memory with worlds, domains and runs; and ten million worlds. Ratios hold on a
busy machine. BENCH_ENGINE_WORLDS (100,000), BENCH_ENGINE_MOST (10,000,000) and BENCH_ENGINE_PLOT
(bench-engine.svg) set sizes and the file of the plot.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORLDS = int(os.environ.get("BENCH_ENGINE_WORLDS", "100000"))
MOST_WORLDS = int(os.environ.get("BENCH_ENGINE_MOST", "10000000"))
PLOT = Path(os.environ.get("BENCH_ENGINE_PLOT", "bench-engine.svg"))
REPEATS = 3
MOST_SECONDS, MOST_MEGABYTES, MOST_RATIO, MOST_GIGABYTES = 0.5, 250, 3.0, 1.0
DOMAINS = (
    "web", "books", "papers", "code", "encyclopedic", "qa", "legal", "news", "social", "math",
    "patents", "transcripts",
)  # fmt: skip
YEARS, MONTHS = 20, 12
RUNS = 20
PEER_DRAWS = (65_536, 1_000_000)
Numbers = dict[str, Any]


def _seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _alone(part: Callable[..., Numbers], **arguments: Any) -> Numbers:
    """What a part says, run in a process of its own."""
    code = (
        "import json; from benchmarks import engine; "
        f"print(json.dumps(engine.{part.__name__}(**json.loads({json.dumps(arguments)!r}))))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def catalogue(file: str) -> Numbers:
    """Write the catalogue's claims to a file, so that parts need no warehouse."""
    from datetime import UTC, datetime

    from flows.steps.forecast import default_as_of, know
    from flows.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        knowledge = know(Workspace(Path(folder)), default_as_of(datetime.now(UTC)))
    Path(file).write_bytes(pickle.dumps((knowledge.claims, knowledge.as_of)))
    return {}


def historical(file: str, horizon: int = 2040) -> Numbers:
    """The published stock model and its walls, at the scenario's own number of worlds."""
    from forecasts.forecast import run_forecast
    from forecasts.scenario import load

    claims, as_of = pickle.loads(Path(file).read_bytes())  # noqa: S301  (written by this benchmark)
    scenario = load("epoch-2024-historical").model_copy(update={"horizon": horizon})
    loaded, before = _seconds(), _megabytes()
    forecast = run_forecast(scenario, claims, {}, as_of=as_of, code_version="bench")
    spent = _seconds() - loaded
    levels = ("p05", "p25", "p50", "p75", "p95")
    rows = [
        [forecast.supply_at("total", "effective", year).at(label) for label in levels]
        for year in range(2024, 2041)
    ]
    return {
        "engine": spent, "process": _seconds(), "megabytes": _megabytes(), "before": before,
        "stock": rows, "wall": forecast.wall().p50,
    }  # fmt: skip


def squiggled(draws: int) -> Numbers:
    """The same model as people write it with squigglepy: draws once, all years, all quantiles."""
    import numpy as np
    import squigglepy as sq

    sq.set_seed(1)
    levels = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)

    def drawn(low: float, high: float, credibility: int = 95) -> Any:
        return sq.sample(sq.lognorm(low, high, credibility=credibility), n=draws)

    loaded = _seconds()
    # As here, bytes per token are conditioned to be possible: 0.1 % of the draws are replaced.
    gap = sq.sample(sq.lognorm(1, 4, credibility=95), n=draws + draws // 50)
    raw = drawn(75e9, 1e12) * drawn(6100, 8200) / (6 - gap[gap < 6][:draws])
    unique = raw * np.minimum(drawn(0.1, 0.4), 1)
    effective = unique * drawn(2, 5)
    growth = drawn(1.02, 1.04) * drawn(1.0, 1.1)
    level = drawn(3e12, 1.3e13, 90)
    rate = sq.sample(sq.norm(0.265, 0.483, credibility=95), n=draws)
    gaps, rows = [], []
    for year in range(2024, 2041):
        stocks = [stage * growth ** (year - 2024) for stage in (raw, unique, effective)]
        demand = level * 10 ** (rate * (year - 2024))
        quantiles = [np.quantile(amount, levels).tolist() for amount in (*stocks, demand)]
        rows.append([quantiles[2][i] for i in (1, 3, 4, 5, 7)])
        gaps.append(np.log(demand / stocks[2]))
    short = np.array(gaps)
    after = (short > 0).argmax(axis=0)
    inner = (short > 0).any(axis=0) & (after > 0)
    worlds = np.flatnonzero(inner)
    low, high = short[after[inner] - 1, worlds], short[after[inner], worlds]
    dates = np.where(short[0] > 0, -np.inf, np.inf)
    dates[inner] = 2023 + after[inner] + low / (low - high)
    wall = float(np.sort(dates)[(draws - 1) // 2])
    return {
        "engine": _seconds() - loaded, "process": _seconds(), "megabytes": _megabytes(),
        "stock": rows, "wall": wall,
    }  # fmt: skip


def _scenario(domains: int) -> str:
    """A scenario of so many invented domains, all in the total, each with its share of a run."""
    lines = ["why: made for a benchmark", "name: bench", "start: 2026", f"horizon: {2026 + YEARS}"]
    known = ("web", "crawled_web", "books", "papers", "code", "math", "encyclopedic", "qa", "legal")
    said = "source: invented for a benchmark"
    gone = [name for name in known if name not in DOMAINS[:domains]]
    lines.append("supply:")
    for i, name in enumerate(DOMAINS[:domains]):
        lines += [
            f"  {name}:",
            f"    count: {{unit: tokens, shape: lognormal, low: {(i + 1) * 1e12:g}, "
            f"high: {(i + 1) * 2e13:g}, ci_prob: 0.9, valid_on: 2026-01-01, {said}}}",
            "    conversion: []",
            f"    growth: [{{unit: ratio_per_year, shape: lognormal, low: 1.01, high: 1.1, "
            f"ci_prob: 0.9, {said}}}]",
            f"    usable_fraction: {{unit: share, shape: beta, low: 0.1, high: 0.5, ci_prob: 0.9, "
            f"{said}}}",
            "    usable_base: works", "    part_of: null" if name in known else "",
            "    overlap: null" if name in ("books", "papers") else "",
            "    why: invented for a benchmark",
        ]  # fmt: skip
    lines += [f"  {name}: null" for name in gone]
    lines += ["demand:", "  shares:"]
    lines += [
        f"    {name}: {{unit: share, shape: beta, low: {0.5 / domains:g}, "
        f"high: {min(2 / domains, 0.99):g}, ci_prob: 0.9, {said}}}"
        for name in DOMAINS[:domains]
    ]
    lines += [f"    {name}: null" for name in gone]
    return "\n".join(line for line in lines if line)


def _plan(domains: int, runs: int) -> list[Any]:
    from datetime import date

    from forecasts.plan import PlannedRun

    share = 1 / domains
    names = DOMAINS[:domains]
    return [
        PlannedRun(
            run=f"run-{i}", needed_on=date(2027 + i % 4, 1, 1), compute_flop=10 ** (26 + i / 10),
            mixture=dict.fromkeys(names, share),  # type: ignore[misc]
            mixture_bounds={name: (share / 2, min(2 * share, 1.0)) for name in names},  # type: ignore[misc]
        )
        for i in range(runs)
    ]  # fmt: skip


def large(
    file: str,
    worlds: int,
    domains: int,
    runs: int,
    per_year: int = MONTHS,
    every_date: bool = False,
) -> Numbers:
    """Walls on every date over all worlds, supply and demand by year, then the assessed runs.

    every_date: quantiles of supply and demand on every date too
    """
    from forecasts.assess import assess_all
    from forecasts.forecast import blocks, build_worlds, place_claims
    from forecasts.scenario import load
    from forecasts.tables import tabulate
    from models.laws.chinchilla import Chinchilla
    from models.laws.data_constrained import DataConstrained

    claims, as_of = pickle.loads(Path(file).read_bytes())  # noqa: S301  (written by this benchmark)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        path.write_text(_scenario(domains))
        scenario = load(str(path))
    placed = place_claims(scenario, claims, None)
    law = DataConstrained(Chinchilla(520.8, 1487.7, 1.8691, 0.35266, 0.35266), 15.39, 5.31)
    start = _seconds()
    made = blocks(scenario, placed, as_of, worlds, 1, dates_per_year=per_year)
    tables = tabulate(scenario.name, made, every_date=every_date)
    forecast = _seconds()
    if runs:
        drawn = build_worlds(scenario, placed, as_of, worlds, 1)
        assess_all(drawn, _plan(domains, runs), law, 4.6, as_of)
    return {
        "forecast": forecast - start, "assess": _seconds() - forecast, "megabytes": _megabytes(),
        "rows": len(tables.supply) + len(tables.demand),
    }  # fmt: skip


def drawn_and_sorted(worlds: int, domains: int) -> Numbers:
    """The floor: draw one number for every world, domain and month, and sort each row of worlds."""
    import numpy as np

    generator = np.random.default_rng(1)
    start = _seconds()
    for _ in range(domains * (YEARS * MONTHS + 1)):
        generator.random(worlds).sort()
    return {"seconds": _seconds() - start}


def many(file: str, worlds: int) -> Numbers:
    """The baseline with a great many worlds, in blocks."""
    from forecasts.forecast import run_forecast
    from forecasts.scenario import load

    claims, as_of = pickle.loads(Path(file).read_bytes())  # noqa: S301  (written by this benchmark)
    start = _seconds()
    run_forecast(load("baseline"), claims, {}, as_of=as_of, code_version="bench", worlds=worlds)
    return {"seconds": _seconds() - start, "megabytes": _megabytes()}


def _verdict(seen: float, allowed: float) -> str:
    return "ok" if seen <= allowed else "missed"


def _error(rows: list[list[float]]) -> float:
    """Largest distance of a quantile from the exact integral, relative."""
    import numpy as np

    from benchmarks.stock import exact

    return float(np.abs(np.array(rows) / exact() - 1).max())


def _published(file: str) -> None:
    runs = [_alone(historical, file=file) for _ in range(REPEATS)]
    best = {key: min(run[key] for run in runs) for key in ("engine", "process", "megabytes")}
    print("published stock model 2024–2040, 65,536 worlds, all quantiles and walls")
    print(
        f"  engine {best['engine']:.2f} CPU s, at most {MOST_SECONDS}: "
        f"{_verdict(best['engine'], MOST_SECONDS)}; process with imports {best['process']:.2f} s"
    )
    print(
        f"  memory of the process {best['megabytes']:.0f} MB, at most {MOST_MEGABYTES}: "
        f"{_verdict(best['megabytes'], MOST_MEGABYTES)} ({runs[0]['before']:.0f} MB before it)"
    )
    print(f"  largest error {100 * _error(runs[0]['stock']):.2f} %, wall {runs[0]['wall']:.2f}")
    if importlib.util.find_spec("squigglepy") is None:
        print("  squigglepy is not installed here: `make bench` sets it up")
        return
    for draws in PEER_DRAWS:
        peer = [_alone(squiggled, draws=draws) for _ in range(REPEATS)]
        seconds = min(run["engine"] for run in peer)
        print(
            f"  squigglepy, {draws:,} draws: × {seconds / best['engine']:.1f} time, "
            f"process {min(run['process'] for run in peer):.2f} s, "
            f"{min(run['megabytes'] for run in peer):.0f} MB, "
            f"largest error {100 * _error(peer[0]['stock']):.2f} %, wall {peer[0]['wall']:.2f}"
        )


def _by_month(file: str) -> None:
    numbers = len(DOMAINS) * (YEARS * MONTHS + 1) * WORLDS
    floors, runs = [], []
    for _ in range(REPEATS):  # in turns: a machine that slows down slows both
        floors.append(_alone(drawn_and_sorted, worlds=WORLDS, domains=len(DOMAINS))["seconds"])
        runs.append(_alone(large, file=file, worlds=WORLDS, domains=len(DOMAINS), runs=RUNS))
    floor = min(floors)
    best = min(runs, key=lambda run: run["forecast"] + run["assess"])
    whole = best["forecast"] + best["assess"]
    print(f"{len(DOMAINS)} domains × {YEARS * MONTHS + 1} months × {WORLDS:,} worlds, {RUNS} runs")
    print(f"  drawing and sorting {numbers:,} numbers: {floor:.1f} CPU s")
    print(
        f"  forecast {best['forecast']:.1f} s, assessments {best['assess']:.1f} s, "
        f"{best['rows']:,} rows of quantiles, {best['megabytes']:.0f} MB"
    )
    ratio = whole / floor
    print(f"  ratio {ratio:.2f}, at most {MOST_RATIO:g}: {_verdict(ratio, MOST_RATIO)}")


def _growth(file: str) -> dict[str, list[tuple[int, float, float]]]:
    """Seconds and megabytes over two decades of worlds and of runs, and over all domains."""
    base = {"worlds": 65_536, "domains": 4, "runs": 0, "per_year": 1}
    steps = {
        "worlds": (65_536, 262_144, 1_048_576, 6_553_600),
        "runs": (1, 10, 100),
        "domains": (1, 3, 6, 12),
    }
    found: dict[str, list[tuple[int, float, float]]] = {}
    for what, sizes in steps.items():
        found[what] = []
        for size in sizes:
            # A few dates of many domains take less than the draws, so months are asked of them.
            dates = MONTHS if what == "domains" else 1
            told = _alone(large, file=file, **{**base, "per_year": dates, what: size})
            seconds = told["assess"] if what == "runs" else told["forecast"]
            found[what].append((size, seconds, told["megabytes"]))
    return found


def _slope(points: list[tuple[int, float, float]]) -> float:
    """Exponent of time in size: slope of the logarithms; 1 is linear, less is better."""
    import numpy as np

    sizes, seconds = np.log([p[0] for p in points]), np.log([p[1] for p in points])
    return float(np.polyfit(sizes, seconds, 1)[0])


def _linear(file: str) -> None:
    found = _growth(file)
    print("growth of time with size, exponent (1 is linear), and of memory")
    for what, points in found.items():
        told = ", ".join(f"{size:,}: {s:.2f} s {mb:.0f} MB" for size, s, mb in points)
        print(f"  {what:8} time ~ size^{_slope(points):.2f}   {told}")
    _draw(found)
    print(f"  plot: {PLOT}")


def _draw(found: dict[str, list[tuple[int, float, float]]]) -> None:
    import vl_convert

    rows = [
        {"what": what, "times": size / points[0][0], "seconds": seconds / points[0][1]}
        for what, points in found.items()
        for size, seconds, _ in points
    ]
    most = max(row["times"] for row in rows)
    line = [{"what": "linear", "times": t, "seconds": t} for t in (1.0, most)]
    log = {"type": "quantitative", "scale": {"type": "log"}}
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": "Time of the engine as its work grows, both relative to the smallest",
        "width": 420, "height": 320,
        "data": {"values": rows + line},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "times", "title": "size ÷ smallest", **log},
            "y": {"field": "seconds", "title": "CPU seconds ÷ those of the smallest", **log},
            "color": {"field": "what", "title": None},
            "strokeDash": {"field": "what", "title": None},
        },
    }  # fmt: skip
    PLOT.write_text(vl_convert.vegalite_to_svg(chart), "utf-8")


def _ten_million(file: str) -> None:
    told = _alone(many, file=file, worlds=MOST_WORLDS)
    memory = told["megabytes"] / 1000
    print(f"baseline with {MOST_WORLDS:,} worlds: {told['seconds']:.0f} CPU s")
    print(
        f"  peak memory {memory:.2f} GB, at most {MOST_GIGABYTES:g}: "
        f"{_verdict(memory, MOST_GIGABYTES)}"
    )


def main() -> None:
    """Print each part's figures beside what is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "claims.pickle")
        _alone(catalogue, file=file)
        _published(file)
        _by_month(file)
        _linear(file)
        _ten_million(file)


if __name__ == "__main__":
    main()
