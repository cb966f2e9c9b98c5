"""The charts' specifications and their colours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecasts.reports import charts
from forecasts.results import LEVELS, TOTAL, Forecast, WallRow


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb. Source: WCAG 2.2, definition of relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "panel"])
def test_every_colour_of_text_reads_on_both_grounds(palette: dict[str, str], ground: str) -> None:
    for name in set(palette) - {"page", "panel", "line"}:
        assert _contrast(palette[name], palette[ground]) >= 4.5, name


def _layers(spec: charts.Spec, mark: str) -> list[charts.Spec]:
    return [layer for layer in spec["layer"] if layer.get("mark", {}).get("type") == mark]


def test_fan_draws_every_year_of_both_paths(forecast: Forecast) -> None:
    rows = charts.fan_spec(forecast, charts.LIGHT)["data"]["values"]
    assert len(rows) == 2 * 20
    first = next(row for row in rows if row["series"] == "Effective supply")
    assert first["p50"] == pytest.approx(forecast.supply_at(TOTAL, "effective", 2026).at("p50"))
    assert all(row["p05"] < row["p25"] < row["p50"] < row["p75"] < row["p95"] for row in rows)


def test_fan_marks_the_walls_interval(forecast: Forecast) -> None:
    spec = charts.fan_spec(forecast, charts.LIGHT)
    assert _layers(spec, "rect")[0]["data"]["values"] == [{"from": 2027.3, "to": 2032.9}]
    late = replace(forecast, walls=(WallRow(TOTAL, "exhaustion", 2038.0, None, None, 0.2, 0.0),))
    spec = charts.fan_spec(late, charts.LIGHT)
    assert _layers(spec, "rect")[0]["data"]["values"] == [{"from": 2038.0, "to": 2045}]
    never = replace(forecast, walls=(WallRow(TOTAL, "exhaustion", None, None, None, 0.0, 0.0),))
    assert not _layers(charts.fan_spec(never, charts.LIGHT), "rect")


def test_walls_outside_the_forecast_become_arrows(forecast: Forecast) -> None:
    values = {
        row["domain"]: row for row in charts.walls_spec(forecast, charts.LIGHT)["data"]["values"]
    }
    assert next(iter(values)) == "All domains"
    assert (values["books"]["early"], values["books"]["late"]) == (2026, 2045)
    assert (values["code"]["early"], values["code"]["middle"]) == (2026, None)
    assert (values["web"]["early"], values["web"]["late"]) == (None, None)
    assert (values["web"]["from"], values["web"]["middle"], values["web"]["to"]) == (
        2027.4,
        2030.2,
        2036.8,
    )


def test_a_zero_supply_is_cut_at_the_axis(forecast: Forecast) -> None:
    empty = tuple(
        replace(row, quantiles=(0.0,) * len(LEVELS)) if row.stage == "effective" else row
        for row in forecast.supply
    )
    spec = charts.fan_spec(replace(forecast, supply=empty), charts.LIGHT)
    floor = _layers(spec, "area")[0]["encoding"]["y"]["scale"]["domain"][0]
    rows = [row for row in spec["data"]["values"] if row["series"] == "Effective supply"]
    assert floor > 0
    assert {row["p50"] for row in rows} == {floor}


def test_bundle_cannot_end_its_script_element() -> None:
    script = charts.bundle()
    assert "vegaEmbed" in script
    assert "</script" not in script.lower()
    assert "<!--" not in script
    assert charts.bundle() is script


def test_static_fan_is_a_picture_in_literal_colours(forecast: Forecast) -> None:
    svg = charts.fan_svg(forecast)
    assert svg.startswith("<svg")
    assert charts.LIGHT["supply"] in svg
    assert "var(" not in svg
    assert svg == charts.fan_svg(forecast)
