"""The pictures of docs/laws as Vega-Lite specifications."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasts.reports.charts import LIGHT, config
from models.errors import LawCannotAnswer
from models.laws import registry
from models.laws.fits import Entry, FitRow, with_cloud
from models.laws.law import Law
from warehouse import catalogue
from warehouse.laws import fit_of_seed, read_clouds

# Laws of the picture: those of the ensemble and the comparators, each with its hue.
PICTURED = {
    "kaplan_alloc": "#8a8a8a",
    "hoffmann_approach1": "#0868a8",
    "hoffmann_approach2": "#56a3d9",
    "hoffmann_approach3": "#a3195b",
    "besiroglu": "#b84a00",
    "muennighoff": "#00695f",
    "llama3": "#6a4c93",
    "llama3_digitised_surface": "#b39ddb",
    "deepseek": "#875600",
    "nesov_chain": "#1d2126",
}
OTHERS = "the other laws"
LIMITED = {
    "muennighoff": "#00695f",
    "muennighoff_hybrid": "#b84a00",
    "muennighoff_data_only": "#0868a8",
}
Values = NDArray[np.float64]


@cache
def fits() -> dict[str, FitRow]:
    """The fits of the package's own catalogue."""
    origins = {row["origin_id"]: row for row in catalogue.rows("origins")}
    rows = (fit_of_seed(row, origins[row["origin_id"]]) for row in catalogue.rows("law_fits"))
    return {row.reference: row for row in rows}


def laws() -> Iterator[tuple[Entry, Law]]:
    """Laws that split compute, with their entries."""
    for name, entry in registry.ENTRIES.items():
        if entry.build is None:
            continue
        law = registry.law(name, fits())
        try:
            law.optimum(1e22)
        except LawCannotAnswer:
            continue  # a law of one variable has no place in a comparison of splits
        yield entry, law


def _rounded(value: float) -> float:
    """Four figures, so that another processor's last digit changes no file."""
    return float(f"{value:.4g}")


def _log_axis(title: str, field: str, ticks: list[float]) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"type": "log", "domain": [ticks[0], ticks[-1]], "nice": False},
        "axis": {"title": title, "values": ticks, "format": "~g"},
    }


def ratio_spec() -> dict[str, Any]:
    """Tokens per parameter by compute: solid inside the fitted range, dashed beyond, one band."""
    grid = np.geomspace(1e18, 1e30, 49)
    rows = [row for entry, law in laws() for row in _ratio_rows(entry.name, law, grid)]
    # Painted in this order: the laws with a colour of their own lie on top.
    lines = sorted(rows, key=lambda row: row["law"] != OTHERS)
    x = _log_axis("training compute, FLOP", "C", [10.0**p for p in range(18, 31, 2)])
    y = _log_axis("tokens per parameter", "t", [0.1, 1.0, 10.0, 100.0, 1000.0])
    hues = PICTURED | {OTHERS: "#c4bfb2"}
    width = {
        "condition": {"test": f"datum.law == '{OTHERS}'", "value": 1},
        "value": 2.2,
    }
    dash = {"scale": {"domain": [True, False], "range": [[1, 0], [5, 4]]}, "legend": None}
    line = {
        "data": {"values": lines},
        "mark": {"type": "line", "clip": True},
        "encoding": {
            "x": x,
            "y": y,
            "color": _hues(hues),
            "detail": {"field": "part"},
            "strokeWidth": width,
            "strokeDash": {"field": "fitted", "type": "nominal", **dash},
        },
    }
    cloud = registry.law("besiroglu", _drawn_fits()).optimum(grid).tokens_per_param
    return _framed([_band(x, y, "C", grid, cloud, PICTURED["besiroglu"]), line])


def _ratio_rows(name: str, law: Law, grid: Values) -> Iterator[dict[str, Any]]:
    """Points of one law, in a part below, inside and above its range that meet at its ends."""
    low, high = law.range_flop or (np.inf, np.inf)
    xs = np.unique(np.concatenate([grid, [end for end in (low, high) if 1e18 < end < 1e30]]))
    ratio = law.optimum(xs).tokens_per_param
    parts = {"below": xs <= low, "inside": (xs >= low) & (xs <= high), "above": xs >= high}
    for part, mask in parts.items():
        shown = mask & (ratio >= 0.1) & (ratio <= 1000)
        for compute, t in zip(xs[shown], ratio[shown], strict=True):
            yield {
                "law": name if name in PICTURED else OTHERS,
                "part": f"{name} {part}",
                "fitted": part == "inside",
                "C": _rounded(compute),
                "t": _rounded(t),
            }


def _hues(hues: dict[str, str]) -> dict[str, Any]:
    return {
        "field": "law",
        "type": "nominal",
        "scale": {"domain": list(hues), "range": list(hues.values())},
        "legend": {"orient": "right", "title": None, "symbolType": "stroke"},
    }


def _drawn_fits() -> dict[str, FitRow]:
    """The fits with the corrected Chinchilla law in draws of shape (draw, 1)."""
    cloud = {key: values[:, None] for key, values in read_clouds()["besiroglu"].items()}
    return with_cloud(fits(), "besiroglu:published", cloud)


def _band(
    x: dict[str, Any], y: dict[str, Any], field: str, grid: Values, cloud: Values, hue: str
) -> dict[str, Any]:
    """The 80 % band of a cloud of shape (draw, point)."""
    low, high = np.quantile(cloud, (0.1, 0.9), axis=0)
    values = [
        {field: _rounded(at), y["field"]: _rounded(a), "top": _rounded(b)}
        for at, a, b in zip(grid, low, high, strict=True)
    ]
    mark = {"type": "area", "color": hue, "opacity": 0.15, "clip": True}
    encoding = {"x": x, "y": y, "y2": {"field": "top"}}
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def penalty_spec() -> dict[str, Any]:
    """Share of compute that counts when unique tokens run short, by three data-constrained laws."""
    shortage = np.geomspace(1, 100, 41)
    ticks = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    x = _log_axis("shortage: tokens wanted over unique tokens", "s", ticks)
    y = {
        "field": "ratio",
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"title": "C_eq/C: share of the compute that counts", "format": ".0%"},
    }
    rows, bands = [], []
    for name, hue in LIMITED.items():
        law = registry.law(name, fits())
        ratio = law.penalty_of_limit(2e29, law.optimum(2e29).tokens / shortage).ratio
        rows += [
            {"law": name, "s": _rounded(s), "ratio": _rounded(r)}
            for s, r in zip(shortage, ratio, strict=True)
        ]
        if "besiroglu:published" in registry.entry(name).fits:
            drawn = registry.law(name, _drawn_fits())
            cloud = drawn.penalty_of_limit(2e29, drawn.optimum(2e29).tokens / shortage).ratio
            bands.append(_band(x, y, "s", shortage, cloud, hue))
    line = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {"x": x, "y": y, "color": _hues(LIMITED)},
    }
    return _framed([*bands, line])


def _framed(layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "width": 560,
        "height": 360,
        "background": LIGHT["panel"],
        "padding": 12,
        "layer": layers,
        "config": config(LIGHT) | {"background": LIGHT["panel"]},
    }
