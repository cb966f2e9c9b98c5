"""The page about a fit: constants with intervals, residuals, allocation, outliers, warnings.

Self-contained like the forecast's page, with the same style, charts and policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasts.reports.charts import FIT_WIDTH, VARIABLES, Chart, Spec, config
from forecasts.reports.html import assets, environment
from forecasts.reports.markdown import Table
from models.fitting.allocation import Allocation
from models.fitting.bootstrap import Cloud
from models.fitting.chinchilla import COEFFICIENTS, ChinchillaFit, Point
from models.fitting.diagnostics import NAMES, Diagnostics, exponents, runs_for_width
from models.fitting.runs import BadRow, Runs
from models.laws.chinchilla import Chinchilla
from models.quantities import FLOP_PER_PARAM_TOKEN

Array = NDArray[np.float64]

SYMBOLS = {"A": "A", "B": "B", "E": "E", "alpha": "α", "beta": "β"}
# Budgets of the table of tokens per parameter: beyond the runs by up to this many decades.
BEYOND = 4
SHOWN_ROWS = 8
# The width of the interval printed with the first surface fit of this form, 80 %.
PRINTED_WIDTH = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class FitReport:
    """Everything the page shows."""

    file: str
    sha256: str
    fit: ChinchillaFit
    cloud: Cloud | None
    diagnostics: Diagnostics
    comparison: Sequence[Allocation]
    sensitivity: Sequence[tuple[int, Point]]
    left_out: Runs
    bad: Sequence[BadRow]


def _compute(runs: Runs) -> Array:
    return FLOP_PER_PARAM_TOKEN * runs.params * runs.tokens


def _law(point: Point) -> Chinchilla:
    return Chinchilla(point.A, point.B, point.E, point.alpha, point.beta)


def _budgets(fit: ChinchillaFit) -> Array:
    """Whole decades of compute, from the smallest run to `BEYOND` the largest."""
    compute = np.log10(_compute(fit.runs))
    return 10.0 ** np.arange(np.floor(compute.min()), np.ceil(compute.max()) + BEYOND + 1)


def _ratios(page: FitReport) -> list[tuple[float, float, float | None, float | None]]:
    """Compute, tokens per parameter, and its 80 % interval over the cloud."""
    law = _law(page.fit.point)
    rows: list[tuple[float, float, float | None, float | None]] = []
    drawn = None
    if page.cloud is not None:
        drawn = Chinchilla.from_fit(page.cloud.draws)
    for budget in _budgets(page.fit):
        middle = float(law.optimum(budget).tokens_per_param)
        low = high = None
        if drawn is not None:
            ends = np.quantile(drawn.optimum(budget).tokens_per_param, (0.1, 0.9))
            low, high = float(ends[0]), float(ends[1])
        rows.append((float(budget), middle, low, high))
    return rows


def _headline(page: FitReport) -> str:
    point = page.fit.point
    interval = page.diagnostics.exponent_interval
    said = "" if interval is None else f" (95 % {interval[0]:.3f} to {interval[1]:.3f})"
    return (
        f"Best size grows as compute to the power {point.params_exponent:.3f}{said}; "
        f"irreducible loss {point.E:.4g}"
    )


def _constants(page: FitReport) -> Table:
    errors = {} if page.cloud is None else page.cloud.standard_errors()
    intervals = {} if page.cloud is None else page.cloud.intervals()
    rows = tuple(
        (
            SYMBOLS[name],
            f"{getattr(page.fit.point, name):.6g}",
            f"{errors[name]:.3g}" if errors else "–",
            "{:.5g} to {:.5g}".format(*intervals[name]) if intervals else "–",
        )
        for name in COEFFICIENTS
    )
    resamples = 0 if page.cloud is None else len(page.cloud)
    caption = f"Constants; errors and intervals from {resamples} resamples"
    return Table(caption, ("Constant", "Value", "Standard error", "95 % interval"), rows)


def _tiles(page: FitReport) -> list[tuple[str, str, str]]:
    fit = page.fit
    compute = _compute(fit.runs)
    proof = f"{fit.agreeing} of {fit.starts} starts agree"
    tiles = [
        ("Objective", f"{fit.point.objective:.6g}", proof),
        ("Runs", str(fit.point.points), f"{compute.min():.2g} to {compute.max():.2g} FLOP"),
        (
            "Typical error",
            f"{100 * float(np.median(np.abs(page.diagnostics.residuals))):.2g} %",
            "median of the residuals of ln L",
        ),
    ]
    if page.cloud is not None:
        low, high = np.quantile(exponents(page.cloud), (0.1, 0.9))
        needed = runs_for_width(fit.point.points, float(high - low), PRINTED_WIDTH)
        tiles.append(
            (
                "Exponent a, 80 %",
                f"±{(high - low) / 2:.3f}",
                f"a width of {PRINTED_WIDTH:g} would take about {needed:.1g} runs",
            )
        )
    return tiles


def _residual_rows(page: FitReport) -> list[dict[str, Any]]:
    runs, compute = page.fit.runs, _compute(page.fit.runs)
    return [
        {
            "row": int(runs.rows[i]),
            "compute": float(compute[i]),
            "residual": 100 * float(page.diagnostics.residuals[i]),
            "Run": f"row {runs.rows[i]}: {runs.params[i]:.3g} parameters, {runs.tokens[i]:.3g} "
            f"tokens, loss {runs.losses[i]:.4g}",
            "Residual": f"{100 * page.diagnostics.residuals[i]:+.2f} %",
            "Leverage": f"{page.diagnostics.leverage[i]:.3f}",
        }
        for i in range(len(runs))
    ]


def _compute_axis(field: str = "compute") -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"type": "log", "nice": False, "padding": 12},
        "axis": {"title": "training compute, FLOP (log scale)", "format": ".0e", "tickCount": 6},
    }


def _residual_chart(page: FitReport) -> Chart:
    colours = VARIABLES
    y = {
        "field": "residual",
        "type": "quantitative",
        "axis": {"title": "predicted above observed, %", "format": "+"},
    }
    points = {
        "mark": {"type": "point", "filled": True, "size": 42, "opacity": 0.6},
        "encoding": {
            "x": _compute_axis(),
            "y": y,
            "color": {"value": colours["supply"]},
            "tooltip": [{"field": name} for name in ("Run", "Residual", "Leverage")],
        },
    }
    zero = {
        "data": {"values": [{"residual": 0}]},
        "mark": {"type": "rule", "color": colours["demand"], "strokeDash": [7, 4]},
        "encoding": {"y": y},
    }
    spec: Spec = {
        "width": "container",
        "height": 300,
        "autosize": FIT_WIDTH,
        "data": {"values": _residual_rows(page)},
        "layer": [zero, points],
        "config": config(colours),
    }
    order = np.argsort(_compute(page.fit.runs))
    rows = tuple(_residual_row(page, int(i)) for i in order)
    worst = 100 * float(np.abs(page.diagnostics.residuals).max())
    return Chart(
        name="residuals",
        label=f"Residuals of {len(order)} runs by compute; the largest is {worst:.2g} %.",
        caption=(
            "Each point is a run. A trend with compute, or a fan, means that the law's form does "
            "not hold over the whole range."
        ),
        spec=spec,
        table=Table("Residuals by compute", _RESIDUAL_HEADERS, rows),
        table_open=False,
    )


_RESIDUAL_HEADERS = ("Row", "Parameters", "Tokens", "Loss", "Residual", "Leverage")


def _residual_row(page: FitReport, i: int) -> tuple[str, ...]:
    runs = page.fit.runs
    return (
        str(runs.rows[i]),
        f"{runs.params[i]:.3g}",
        f"{runs.tokens[i]:.3g}",
        f"{runs.losses[i]:.4f}",
        f"{100 * page.diagnostics.residuals[i]:+.2f} %",
        f"{page.diagnostics.leverage[i]:.3f}",
    )


def _extremes(page: FitReport) -> Table:
    """The runs that fit worst and those that decide most."""
    size = np.abs(page.diagnostics.residuals)
    worst = np.argsort(-size)[: SHOWN_ROWS // 2]
    deciding = np.argsort(-page.diagnostics.leverage)[: SHOWN_ROWS // 2]
    chosen = dict.fromkeys([*map(int, worst), *map(int, deciding)])
    rows = tuple(_residual_row(page, i) for i in chosen)
    return Table("Largest residuals, then highest leverage", _RESIDUAL_HEADERS, rows)


def _allocation_chart(page: FitReport) -> Chart:
    colours = VARIABLES
    found = _ratios(page)
    values = [
        {
            "compute": c,
            "ratio": t,
            "low": low,
            "high": high,
            "FLOP": f"{c:.0e}",
            "Tokens per parameter": f"{t:.3g}",
            "80 %": "–" if low is None else f"{low:.3g} to {high:.3g}",
        }
        for c, t, low, high in found
    ]

    def y(field: str) -> Spec:
        return {
            "field": field,
            "type": "quantitative",
            "scale": {"type": "log", "nice": False, "padding": 12},
            "axis": {"title": "tokens per parameter (log scale)", "tickCount": 5, "format": "~g"},
        }

    tooltip = [{"field": name} for name in ("FLOP", "Tokens per parameter", "80 %")]
    line = {
        "mark": {"type": "line", "strokeWidth": 2.5, "color": colours["supply"], "point": True},
        "encoding": {"x": _compute_axis(), "y": y("ratio"), "tooltip": tooltip},
    }
    layers: list[Spec] = [line]
    if page.cloud is not None:
        band = {
            "mark": {"type": "area", "opacity": 0.2, "color": colours["supply"]},
            "encoding": {"x": _compute_axis(), "y": y("low"), "y2": {"field": "high"}},
        }
        layers.insert(0, band)
    largest = float(_compute(page.fit.runs).max())
    edge = {
        "data": {"values": [{"compute": largest}]},
        "mark": {"type": "rule", "color": colours["demand"], "strokeDash": [7, 4]},
        "encoding": {"x": _compute_axis()},
    }
    spec: Spec = {
        "width": "container",
        "height": 300,
        "autosize": FIT_WIDTH,
        "data": {"values": values},
        "layer": [*layers, edge],
        "config": config(colours),
    }
    rows = tuple(
        (f"{c:.0e}", f"{t:.3g}", "–" if low is None else f"{low:.3g} to {high:.3g}")
        for c, t, low, high in found
    )
    return Chart(
        name="allocation",
        label=f"Best tokens per parameter by compute: {rows[0][1]} to {rows[-1][1]}.",
        caption=(
            "Line: the fit; band: 80 % of its resamples. Right of the dashed line lies beyond the "
            "largest run: extrapolation."
        ),
        spec=spec,
        table=Table("Best tokens per parameter", ("Compute, FLOP", "Fit", "80 % interval"), rows),
        table_open=False,
    )


def _ways(page: FitReport) -> Table:
    point = page.fit.point
    largest = float(_compute(page.fit.runs).max())
    own = float(_law(point).optimum(largest).tokens_per_param)
    rows = [("this fit", f"{point.params_exponent:.4f}", f"{own:.3g}", "")]
    for way in page.comparison:
        ratio = way.tokens_per_param(largest)
        rows.append(
            (
                way.method,
                "–" if way.a is None else f"{way.a:.4f}",
                "–" if ratio is None else f"{ratio:.3g}",
                way.missing or (f"{way.budgets} budgets" if way.budgets else ""),
            )
        )
    return Table(
        f"The same runs, other ways; tokens per parameter at {largest:.2g} FLOP",
        ("Way", "a in N* ~ C^a", "Tokens per parameter", "Rests on"),
        tuple(rows),
        frozenset({3}),
    )


def _outliers(page: FitReport) -> Table:
    rows = tuple(
        (
            f"without the {count} highest losses" if count else "all runs",
            str(point.points),
            *(f"{getattr(point, name):.5g}" for name in COEFFICIENTS),
            f"{point.params_exponent:.3f}",
            f"{point.objective:.4g}",
        )
        for count, point in page.sensitivity
    )
    headers = ("Runs", "Number", *SYMBOLS.values(), "a", "Objective")
    return Table("The first row is the fit of this page", headers, rows)


def _rows_left_out(page: FitReport) -> str:
    said = []
    if len(page.left_out):
        said.append("Left out as highest losses: rows " + ", ".join(map(str, page.left_out.rows)))
    if page.bad:
        said.append("Left out as unusable: " + "; ".join(map(str, page.bad)))
    return ". ".join(said) + "." if said else ""


def _correlation(page: FitReport) -> Table | None:
    matrix = page.diagnostics.correlation
    if matrix is None:
        return None
    rows = tuple(
        (name, *(f"{value:+.2f}" for value in row)) for name, row in zip(NAMES, matrix, strict=True)
    )
    return Table(
        "Correlation of the constants; near ±1, two are told only together", ("", *NAMES), rows
    )


def _facts(page: FitReport) -> list[tuple[str, str]]:
    facts = [
        ("File", page.file),
        ("SHA-256", page.sha256),
        ("δ", f"{page.fit.delta:g}"),
        ("Starts", f"{page.fit.starts}, of which {page.fit.agreeing} agree"),
    ]
    if page.cloud is not None:
        facts.append(("Resamples", f"{len(page.cloud)}, seed {page.cloud.seed}"))
        facts.append(("Converged", f"{int(page.cloud.converged.sum())} of {len(page.cloud)}"))
    return facts


def render_fit_html(page: FitReport) -> str:
    """The page as one HTML document; the same input gives the same bytes."""
    drawn = {chart.name: chart for chart in (_residual_chart(page), _allocation_chart(page))}
    return (
        environment()
        .get_template("fit.html.j2")
        .render(
            page=page,
            headline=_headline(page),
            tiles=_tiles(page),
            constants=_constants(page),
            extremes=_extremes(page),
            ways=_ways(page),
            outliers=_outliers(page),
            rows_left_out=_rows_left_out(page),
            correlation=_correlation(page),
            facts=_facts(page),
            charts=drawn,
            **assets({name: chart.spec for name, chart in drawn.items()}),
        )
    )
