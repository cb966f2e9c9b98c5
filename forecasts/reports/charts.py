"""The report's charts: each a Vega-Lite specification with the table of the numbers it draws.

Colours are names of a palette. In the page they are CSS variables, so that the charts follow the
reader's theme and the printer's without being drawn again; in a static picture they are literal.
Supply and demand differ in dash as well as hue, and the hues (blue, orange) stay apart under every
common colour blindness. (The file is long because a specification is a literal: few decisions,
many keys.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import vl_convert

from forecasts.reports import words
from forecasts.reports.markdown import (
    Table,
    ordered_walls,
    paths_table,
    total_paths,
    walls_table,
    waterfall_table,
)
from forecasts.results import SUPPLY_STAGES, TOTAL, DemandRow, Forecast, SupplyRow, WallRow

Spec = dict[str, Any]
Palette = Mapping[str, str]

LIGHT = {
    "page": "#fbfaf7",
    "panel": "#ffffff",
    "ink": "#1d2126",
    "muted": "#59616b",
    "line": "#dcdad3",
    "supply": "#0868a8",
    "demand": "#b84a00",
    "wall": "#6a4c93",
    "good": "#00695f",
    "wait": "#875600",
    "bad": "#a3195b",
}
DARK = {
    "page": "#14171b",
    "panel": "#1b1f24",
    "ink": "#e9e7e2",
    "muted": "#a7aeb6",
    "line": "#343a41",
    "supply": "#6fb9f0",
    "demand": "#f5a05a",
    "wall": "#c3a6ec",
    "good": "#5fcbbb",
    "wait": "#e6b455",
    "bad": "#f58ab8",
}
VARIABLES = {name: f"var(--{name})" for name in LIGHT}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
AXIS_LABEL = (
    "datum.value >= 1e21 ? format(datum.value, '.0e') : "
    "datum.value >= 1e12 ? format(datum.value / 1e12, ',') + 'T' : "
    "datum.value >= 1e9 ? format(datum.value / 1e9, ',') + 'B' : format(datum.value, '~s')"
)
FIT_WIDTH = {"type": "fit-x", "contains": "padding"}
BANDS = ("p05", "p25", "p50", "p75", "p95")
# A band's lower edge may be zero, which no log axis shows; it is cut this far below the top.
DEEPEST_LOG_RATIO = 1e9


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, what it says to somebody who cannot see it, and its numbers."""

    name: str
    label: str
    caption: str
    spec: Spec
    table: Table
    table_open: bool


@cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, safe inside an HTML script element.

    Making it takes about 2 s, so each process makes it once.
    """
    source = (
        vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )
    escaped = source.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    # Inside a function the bundle's many short names stay out of the page's global scope.
    return f"(function(){{{escaped}\n}})();"


def config(colours: Palette) -> Spec:
    """The look shared by all charts."""
    quiet = {"labelColor": colours["muted"], "titleColor": colours["muted"]}
    axis = {
        **quiet,
        "domainColor": colours["line"],
        "gridColor": colours["line"],
        "tickColor": colours["line"],
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
        "labelOverlap": "greedy",
        "labelSeparation": 8,
    }
    return {
        "background": "transparent",
        "font": FONT,
        # The element around a chart is the image with the label; its parts are not read out.
        "aria": False,
        "view": {"stroke": None},
        "axis": axis,
        "legend": {**quiet, "orient": "top", "title": None, "labelFontSize": 13, "symbolSize": 300},
        "text": {"color": colours["ink"], "fontSize": 12},
    }


def _log_axis(amounts: Iterable[float], room: float) -> tuple[list[float], list[float]]:
    positive = [amount for amount in amounts if amount > 0 and math.isfinite(amount)] or [1.0, 10.0]
    top = max(positive) * room
    bottom = max(min(positive), top / DEEPEST_LOG_RATIO) / room
    decades = range(math.floor(math.log10(bottom)), math.floor(math.log10(top)) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1,)
    ticks = [step * 10.0**power for power in decades for step in steps]
    shown = [tick for tick in ticks if bottom <= tick <= top]
    return [bottom, top], shown[:: math.ceil(len(shown) / 8) or 1]


def _time_axis(forecast: Forecast) -> Spec:
    """Both ends of the forecast and the round years that leave them room."""
    start, end = forecast.start, forecast.horizon
    inner = [year for year in range(start, end) if year % 5 == 0 and start + 2 < year < end - 2]
    return {"format": "d", "title": None, "values": [start, *inner, end], "labelFlush": True}


def _amount(field: str, domain: list[float], ticks: list[float]) -> Spec:
    """A position on a log axis of tokens."""
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"type": "log", "domain": domain, "nice": False, "clamp": True},
        "axis": {"title": "tokens (log scale)", "values": ticks, "labelExpr": AXIS_LABEL},
    }


def _told_apart(field: str, looks: Mapping[str, Any]) -> Spec:
    """A name shown by a hue, dash or shape of its own."""
    scale = {"domain": list(looks), "range": list(looks.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def _bands(row: SupplyRow | DemandRow, floor: float) -> dict[str, float]:
    return {label: max(row.at(label), floor) for label in BANDS}


def _fan_rows(forecast: Forecast, floor: float) -> list[Spec]:
    return [
        {
            "year": year,
            "series": series,
            "name": f"1 Jan {year}",
            "Supply": f"{words.tokens(supply.at('p50'))} ({words.span(supply)})",
            "Demand": f"{words.tokens(demand.at('p50'))} ({words.span(demand)})",
            **_bands(row, floor),
        }
        for year, supply, demand in total_paths(forecast)
        for series, row in (("Effective supply", supply), ("Demand", demand))
    ]


def _wall_marks(forecast: Forecast, colours: Palette, x: Spec) -> list[Spec]:
    """The wall's 80 % interval as a column and its median as a line, on the fan's time axis."""
    wall = forecast.wall()
    if wall.p10 is None:
        return []
    end = forecast.horizon if wall.p90 is None else wall.p90
    marks: list[Spec] = [
        {
            "data": {"values": [{"from": wall.p10, "to": end}]},
            "mark": {"type": "rect", "color": colours["wall"], "opacity": 0.14},
            "encoding": {"x": x | {"field": "from"}, "x2": {"field": "to"}},
        }
    ]
    if wall.p50 is not None:
        right = wall.p50 > (forecast.start + forecast.horizon) / 2
        label = {"align": "right" if right else "left", "dx": -6 if right else 6}
        text = {"text": {"field": "label"}, "y": {"value": 10}}
        marks += [
            {
                "data": {
                    "values": [
                        {"at": wall.p50, "label": f"wall: {words.wall_year(wall.p50, forecast)}"}
                    ]
                },
                "encoding": {"x": x | {"field": "at"}},
                "layer": [
                    {"mark": {"type": "rule", "color": colours["wall"], "strokeWidth": 2}},
                    {"mark": {"type": "text", **label}, "encoding": text},
                ],
            }
        ]
    return marks


def _hover(x: Spec) -> Spec:
    """An unseen line per year that shows the year's numbers under the pointer."""
    titles = {"name": "Date", "Supply": "Supply", "Demand": "Demand"}
    return {
        "transform": [{"filter": "datum.series == 'Demand'"}],
        "mark": {"type": "rule", "opacity": 0, "strokeWidth": 18},
        "encoding": {
            "x": x,
            "tooltip": [{"field": field, "title": title} for field, title in titles.items()],
        },
    }


def _fan_layers(x: Spec, y: Callable[[str], Spec], colours: Palette) -> list[Spec]:
    """Bands and medians of both paths, in the order in which they are painted."""
    legend = {"legend": {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1}}
    hues = {"Effective supply": colours["supply"], "Demand": colours["demand"]}
    series = _told_apart("series", hues) | legend
    dash = _told_apart("series", {"Effective supply": [1, 0], "Demand": [7, 4]}) | legend

    def band(low: str, high: str, opacity: float) -> Spec:
        return {
            "mark": {"type": "area", "opacity": opacity},
            "encoding": {"x": x, "y": y(low), "y2": {"field": high}, "color": series},
        }

    median = {
        "mark": {"type": "line", "strokeWidth": 2.5},
        "encoding": {"x": x, "y": y("p50"), "color": series, "strokeDash": dash},
    }
    return [band("p05", "p95", 0.16), band("p25", "p75", 0.28), median]


def fan_spec(forecast: Forecast, colours: Palette) -> Spec:
    """Supply against demand on a log axis: median, 50 % and 90 % bands, and the wall's interval."""
    ends = [
        row.at(label)
        for _, supply, demand in total_paths(forecast)
        for row in (supply, demand)
        for label in BANDS
    ]
    domain, ticks = _log_axis(ends, 1.3)
    x = {
        "field": "year",
        "type": "quantitative",
        "scale": {"domain": [forecast.start, forecast.horizon], "nice": False},
        "axis": _time_axis(forecast) | {"grid": False},
    }
    layers = _fan_layers(x, partial(_amount, domain=domain, ticks=ticks), colours)
    return {
        "width": "container",
        "height": 360,
        "autosize": FIT_WIDTH,
        "data": {"values": _fan_rows(forecast, domain[0])},
        "layer": [*_wall_marks(forecast, colours, x), *layers, _hover(x)],
        "config": config(colours),
    }


def fan_chart(forecast: Forecast) -> Chart:
    """The fan of supply against demand."""
    return Chart(
        name="fan",
        label=f"Effective supply and demand of training text by year. {words.headline(forecast)}",
        caption=(
            "Lines are medians over the worlds, bands hold 50 % and 90 % of them. The shaded "
            f"column is the wall's 80 % interval: {words.wall_interval(forecast.wall(), forecast)}."
        ),
        spec=fan_spec(forecast, VARIABLES),
        table=paths_table(forecast),
        table_open=False,
    )


def _wall_points(row: WallRow, forecast: Forecast) -> Spec:
    """One wall as drawn: a bar cut to the forecast's years, arrows where worlds lie outside."""
    ends = {
        "from": forecast.horizon if row.p10 is None else row.p10,
        "to": forecast.horizon if row.p90 is None else row.p90,
    }
    arrows = {
        "late": forecast.horizon if row.p90 is None else None,
        "early": forecast.start if words.is_past(row.p10, forecast) else None,
    }
    middle = None if row.p50 is None or words.is_past(row.p50, forecast) else row.p50
    return {
        "domain": words.domain_words(row.domain),
        "kind": "total" if row.domain == TOTAL else "domain",
        "middle": middle,
        "Median": words.wall_month(row.p50, forecast),
        "Interval": words.wall_interval(row, forecast),
        "Censored": words.censoring(row, forecast),
        **ends,
        **arrows,
    }


def walls_spec(forecast: Forecast, colours: Palette) -> Spec:
    """A point and an 80 % bar per domain on a time axis."""
    walls = [row for row in ordered_walls(forecast) if row.kind == "exhaustion"]
    scale = {"domain": [forecast.start, forecast.horizon], "nice": False}
    axis = _time_axis(forecast)
    hue = _told_apart("kind", {"total": colours["wall"], "domain": colours["supply"]})
    shape = _told_apart("kind", {"total": "diamond", "domain": "circle"})

    def x(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}

    def point(field: str, mark: Spec, **more: Any) -> Spec:
        return {
            "transform": [{"filter": f"isValid(datum.{field})"}],
            "mark": {"type": "point", "filled": True, "opacity": 1, **mark},
            "encoding": {"x": x(field), "color": hue, **more},
        }

    bar = {
        "mark": {"type": "bar", "height": 8, "cornerRadius": 4, "opacity": 0.4},
        "encoding": {"x": x("from"), "x2": {"field": "to"}, "color": hue},
    }
    tooltip = [{"field": field} for field in ("domain", "Median", "Interval", "Censored")]
    return {
        "width": "container",
        "height": 34 * len(walls),
        "autosize": FIT_WIDTH,
        "data": {"values": [_wall_points(row, forecast) for row in walls]},
        "encoding": {
            "y": {"field": "domain", "type": "nominal", "sort": None, "title": None},
            "tooltip": tooltip,
        },
        "layer": [
            bar,
            point("middle", {"size": 130}, shape=shape),
            point("late", {"size": 110, "shape": "triangle-right", "clip": False}),
            point("early", {"size": 110, "shape": "triangle-left", "clip": False}),
        ],
        "config": config(colours),
    }


def walls_chart(forecast: Forecast) -> Chart:
    """When each domain runs out."""
    said = "; ".join(
        f"{words.domain_words(row.domain)}: median {words.wall_month(row.p50, forecast)}"
        for row in ordered_walls(forecast)
        if row.kind == "exhaustion"
    )
    return Chart(
        name="walls",
        label=f"Exhaustion wall of each domain. {said}.",
        caption=(
            "Point: median. Bar: 80 % interval. An arrow at an edge means that the interval goes "
            f"on outside the forecast's years, {forecast.start}–{forecast.horizon}."
        ),
        spec=walls_spec(forecast, VARIABLES),
        table=walls_table(forecast),
        table_open=True,
    )


def _waterfall_rows(forecast: Forecast) -> list[tuple[str, str, SupplyRow | DemandRow]]:
    """Name, side and quantiles of each stage of the total, demand last."""
    start = forecast.start
    stages: list[tuple[str, str, SupplyRow | DemandRow]] = [
        (stage.capitalize(), "supply", forecast.supply_at(TOTAL, stage, start))
        for stage in SUPPLY_STAGES
    ]
    return [*stages, ("Demand", "demand", forecast.demand_at(TOTAL, start))]


def waterfall_spec(forecast: Forecast, colours: Palette) -> Spec:
    """Raw, unique, effective and demanded tokens of the total as points with 50 and 90 % bars."""
    rows = _waterfall_rows(forecast)
    domain, ticks = _log_axis((row.at(p) for _, _, row in rows for p in BANDS), 1.6)
    values = [
        {"stage": stage, "side": side, "label": words.tokens(row.at("p50"))}
        | {"90 %": words.span(row)}
        | _bands(row, domain[0])
        for stage, side, row in rows
    ]
    hue = _told_apart("side", {"supply": colours["supply"], "demand": colours["demand"]})
    x = partial(_amount, domain=domain, ticks=ticks)

    def bar(low: str, high: str, height: int, opacity: float) -> Spec:
        return {
            "mark": {"type": "bar", "height": height, "cornerRadius": 3, "opacity": opacity},
            "encoding": {"x": x(low), "x2": {"field": high}, "color": hue},
        }

    point = {"type": "point", "filled": True, "size": 110, "opacity": 1}
    number = {"type": "text", "dy": -15, "fontWeight": "bold"}
    return {
        "width": "container",
        "height": 48 * len(rows),
        "autosize": FIT_WIDTH,
        "data": {"values": values},
        "encoding": {
            "y": {"field": "stage", "type": "nominal", "sort": None, "title": None},
            "tooltip": [{"field": "label", "title": "Median"}, {"field": "90 %"}],
        },
        "layer": [
            bar("p05", "p95", 5, 0.4),
            bar("p25", "p75", 11, 0.5),
            {"mark": point, "encoding": {"x": x("p50"), "color": hue}},
            {"mark": number, "encoding": {"x": x("p50"), "text": {"field": "label"}}},
        ],
        "config": config(colours),
    }


def waterfall_chart(forecast: Forecast) -> Chart:
    """From raw to effective tokens at the start of the forecast, demand beside them."""
    table = waterfall_table(forecast)
    raw, unique, effective = (
        words.tokens(forecast.supply_at(TOTAL, stage, forecast.start).at("p50"))
        for stage in SUPPLY_STAGES
    )
    return Chart(
        name="waterfall",
        label=f"{table.caption}: medians {raw} raw, {unique} unique, {effective} effective.",
        caption=(f"Point: median. Bars: 50 % and 90 % intervals. {words.MEDIANS_NOTE}"),
        spec=waterfall_spec(forecast, VARIABLES),
        table=table,
        table_open=True,
    )


def report_charts(forecast: Forecast) -> tuple[Chart, ...]:
    """The three charts of the report."""
    return fan_chart(forecast), walls_chart(forecast), waterfall_chart(forecast)


def fan_svg(forecast: Forecast) -> str:
    """The fan as a static picture in light colours, for places that run no script."""
    spec = fan_spec(forecast, LIGHT) | {"width": 760, "background": LIGHT["panel"]}
    return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
