"""The report in a real browser: from a file, network off, both themes, narrow and wide."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from forecasts.reports.html import render_html

SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM = str(SYSTEM_CHROMIUM) if SYSTEM_CHROMIUM.exists() else shutil.which("chromium")
SAMPLE = Path(__file__).parents[1] / "forecasts" / "reports" / "conftest.py"
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium at /usr/bin/chromium or on PATH"),
]


def _sample() -> ModuleType:
    """The builders of the report tests' forecast."""
    spec = importlib.util.spec_from_file_location("report_sample", SAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written report, with a hostile title in the register."""
    sample = _sample()
    forecast = sample.make_forecast()
    claim = replace(forecast.inputs[0], name="hostile", title=HOSTILE, basis=HOSTILE)
    forecast = replace(forecast, inputs=(*forecast.inputs, claim))
    page = render_html(forecast, sample.make_decisions(forecast.forecast_id), sample.make_sources())
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this file."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class _Opened:
    """A page, what it complained about and what it asked for."""

    def __init__(self, browser: Browser, report: Path, width: int, theme: str, **more: bool):
        context = browser.new_context(
            offline=True,
            color_scheme="dark" if theme == "dark" else "light",
            viewport={"width": width, "height": 900},
            **more,  # type: ignore[arg-type]
        )
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: self.requests.append(asked.url))
        self.page.goto(report.as_uri())

    def wait_for_charts(self) -> None:
        """Until the three charts are drawn, or time is up."""
        drawn = (
            "[...document.querySelectorAll('[data-chart]')]"
            ".every((place) => place.querySelectorAll('svg .role-mark path').length >= 3)"
        )
        self.page.wait_for_function(drawn, timeout=20_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_page_opens_offline_quietly_and_fits(
    browser: Browser, report: Path, width: int, theme: str
) -> None:
    opened = _Opened(browser, report, width, theme)
    opened.wait_for_charts()
    page = opened.page
    for name in ("fan", "walls", "waterfall"):
        box = page.locator(f"[data-chart={name}] svg").bounding_box()
        assert box is not None
        assert 0.7 * (min(width, 1120) - 80) < box["width"] <= width - 32
        assert page.locator(f"[data-chart={name}] svg .role-mark path").count() >= 3
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 27)" if theme == "dark" else "rgb(251, 250, 247)")
    assert page.evaluate("window.hacked") is None
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []
    page.context.close()


def test_charts_follow_the_theme_and_the_width(browser: Browser, report: Path) -> None:
    opened = _Opened(browser, report, 1400, "light")
    opened.wait_for_charts()
    page = opened.page
    stroke = "getComputedStyle(document.querySelector('[data-chart=fan] .mark-line path')).stroke"
    light = page.evaluate(stroke)
    page.emulate_media(color_scheme="dark")
    assert light in ("rgb(8, 104, 168)", "rgb(184, 74, 0)")
    assert page.evaluate(stroke) in ("rgb(111, 185, 240)", "rgb(245, 160, 90)")

    page.set_viewport_size({"width": 500, "height": 900})
    narrow = "document.querySelector('[data-chart=fan] svg').getBoundingClientRect().width < 500"
    page.wait_for_function(narrow, timeout=5_000)
    assert page.evaluate("document.documentElement.scrollWidth") == 500
    assert opened.complaints == []
    page.context.close()


def test_register_can_be_filtered(browser: Browser, report: Path) -> None:
    opened = _Opened(browser, report, 1400, "light")
    page = opened.page
    page.get_by_label("Show claims containing").fill("JUDGEMENT")
    assert page.locator("#register tbody tr:visible th").all_inner_texts() == [
        "overtraining\ndemand"
    ]
    assert page.locator("#filtered").inner_text() == "1 of 6"
    assert opened.complaints == []
    page.context.close()


def test_without_script_the_tables_remain(browser: Browser, report: Path) -> None:
    opened = _Opened(browser, report, 400, "light", java_script_enabled=False)
    page = opened.page
    assert page.locator("noscript p").is_visible()
    assert page.locator("#table-walls").is_visible()
    assert not page.get_by_label("Show claims containing").is_visible()
    page.context.close()
