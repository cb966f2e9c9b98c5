"""The pages of docs/laws, made from docstrings and published fits: `make docs` writes them.

A page a file of models/laws; the comparison table and its picture in docs/laws/index.md, between
marks, since the rest of that page is written by hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert
from numpy.typing import NDArray

from forecasts.reports.charts import LIGHT, config
from models.errors import LawCannotAnswer
from models.laws import registry
from models.laws.fits import Entry, FitRow, with_cloud
from models.laws.law import Law
from warehouse import catalogue
from warehouse.laws import fit_of_seed, read_clouds

FOLDER = Path(__file__).parents[1] / "docs" / "laws"
CHARTS = ("tokens-per-param.svg", "penalty.svg")
START, END = "<!-- comparison, written by make docs -->", "<!-- end of comparison -->"
BUDGETS = (1e22, 1e24, 1e26, 5e28)
# Pages of formulas that are no law by name.
SHARED = (
    "models.laws.law", "models.laws.chinchilla", "models.laws.data_constrained",
    "models.laws.allocation", "models.laws.entropy",
)  # fmt: skip
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
_LABEL = re.compile(r"^(Equation|Symbols|Units|Range|Valid|Shapes|Source):\s*")


@cache
def fits() -> dict[str, FitRow]:
    """The fits of the package's own catalogue."""
    origins = {row["origin_id"]: row for row in catalogue.rows("origins")}
    rows = (fit_of_seed(row, origins[row["origin_id"]]) for row in catalogue.rows("law_fits"))
    return {row.reference: row for row in rows}


def pages() -> dict[str, str]:
    """Every file of docs/laws by name, index.md with its hand-written part as it stands."""
    modules = dict.fromkeys([*(e.module for e in registry.ENTRIES.values()), *SHARED])
    written = {f"{_stem(module)}.md": _page(module) for module in modules}
    index = (FOLDER / "index.md").read_text("utf-8")
    before, rest = index.split(START)
    after = rest.split(END)[1]
    block = "\n".join(["", *_comparison(), "", *_list_of_pages(list(modules)), ""])
    return written | {"index.md": f"{before}{START}\n{block}{END}{after}"}


def _stem(module: str) -> str:
    return module.rpartition(".")[2].replace("_", "-")


def _page(module: str) -> str:
    doc = getdoc(import_module(module)) or ""
    title, _, rest = doc.partition("\n")
    lines = [f"# {title.rstrip('.')}", "", f"Code: `{module.replace('.', '/')}.py`.", ""]
    lines += _sections(rest.strip("\n"))
    for entry in (e for e in registry.ENTRIES.values() if e.module == module):
        lines += ["", *_entry(entry)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _sections(text: str) -> Iterator[str]:
    """A docstring as Markdown: labelled parts as they stand, paragraphs as paragraphs."""
    for part in re.split(r"\n\n", text):
        if not _LABEL.match(part):
            yield from (part, "")
            continue
        for label, body in _labelled(part):
            fence = label in {"Equation", "Symbols"}
            if fence:
                yield from (f"**{label}**", "", "```text", *body, "```", "")
            else:
                yield from (f"**{label}.** {_linked(' '.join(line.strip() for line in body))}", "")


def _labelled(part: str) -> Iterator[tuple[str, list[str]]]:
    label, body = "", list[str]()
    for line in part.splitlines():
        if found := _LABEL.match(line):
            if label:
                yield label, body
            label, body = found[1], [line[found.end() :]]
        else:
            body.append(line[10:] if line.startswith(" " * 10) else line)
    yield label, body


def _linked(text: str) -> str:
    """Preprint numbers as links."""
    return re.sub(
        r"arXiv:(\d{4}\.\d{4,5})(v\d)?", r"[arXiv:\1\2](https://arxiv.org/abs/\1\2)", text
    )


def _entry(entry: Entry) -> Iterator[str]:
    yield f"## `{entry.name}`"
    yield ""
    others = sorted(alias for alias, name in registry.ALIASES.items() if name == entry.name)
    also = f" Other names: {', '.join(f'`{alias}`' for alias in others)}." if others else ""
    yield f"{entry.title}. Status: {entry.status}.{also}"
    if entry.refusal:
        yield f"Computes nothing: {entry.refusal}."
    yield ""
    rows = registry.fits_of(entry.name, fits())
    if rows:
        yield "| fit | coefficients | range, FLOP | points | status | source |"
        yield "|---|---|---|---|---|---|"
    for row in rows:
        # A judgement's source is a page of these documents, told from the project's root.
        url = row.url if "://" in row.url else f"../../{row.url}"
        reach = (
            "not seen" if row.range_flop is None else f"{row.range_flop[0]:g}–{row.range_flop[1]:g}"
        )
        yield (
            f"| `{row.reference}` | {_coefficients(row)} | {reach} | {row.points or '–'} "
            f"| {row.status}: {row.basis} | [{row.source}]({url}) |"
        )


def _coefficients(row: FitRow) -> str:
    return ", ".join(_coefficient(row, symbol, value) for symbol, value in row.coefficients.items())


def _coefficient(row: FitRow, symbol: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{symbol} {value[0]:g} … {value[-1]:g} ({len(value)} rows)"
    error, ends = row.standard_errors.get(symbol), row.intervals.get(symbol)
    text = f"{symbol} {value:.7g}"
    text += "" if error is None else f" ± {error:g}"
    return text + ("" if ends is None else f" [{ends[0]:g}, {ends[1]:g}; {ends[2]:.0%}]")


def _laws() -> Iterator[tuple[Entry, Law]]:
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


def _comparison() -> Iterator[str]:
    budgets = " | ".join(f"t at {compute:g}" for compute in BUDGETS)
    yield f"| law | {budgets} | tokens at {BUDGETS[-1]:g} | loss there | ranges to |"
    yield "|---|" + "---|" * (len(BUDGETS) + 3)
    for entry, law in _laws():
        best = [law.optimum(compute) for compute in BUDGETS]
        ratios = " | ".join(f"{float(o.tokens_per_param):.3g}" for o in best)
        loss = float(best[-1].loss_nats)
        reach = "not seen" if law.range_flop is None else f"{law.range_flop[1]:.2g}"
        yield (
            f"| [`{entry.name}`]({_stem(entry.module)}.md#{entry.name.lower()}) | {ratios} "
            f"| {float(best[-1].tokens) / 1e12:,.0f}T | {'–' if np.isnan(loss) else f'{loss:.4f}'} "
            f"| {reach} |"
        )


def _list_of_pages(modules: list[str]) -> Iterator[str]:
    yield "| page | names |"
    yield "|---|---|"
    for module in modules:
        names = [f"`{e.name}`" for e in registry.ENTRIES.values() if e.module == module]
        title = (getdoc(import_module(module)) or "").partition("\n")[0].rstrip(".")
        yield f"| [{title}]({_stem(module)}.md) | {', '.join(names) or 'shared'} |"


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
    lines = [row for entry, law in _laws() for row in _ratio_rows(entry.name, law, grid)]
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


def specs() -> dict[str, dict[str, Any]]:
    """The pictures' specifications by file name."""
    return dict(zip(CHARTS, (ratio_spec(), penalty_spec()), strict=True))


def mark_of(spec: dict[str, Any]) -> str:
    """A comment that ties a picture to its specification, whatever fonts drew it."""
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    return f"<!-- specification {digest} -->"


def write() -> None:
    """Write every page and picture."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
    for name, spec in specs().items():
        drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        (FOLDER / name).write_text(f"{drawn}\n{mark_of(spec)}\n", "utf-8")


if __name__ == "__main__":
    write()
