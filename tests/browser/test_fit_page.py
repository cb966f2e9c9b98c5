"""The page about a fit in a real browser: a file, network off, both themes, narrow and wide."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from forecasts.reports.fit import FitReport, render_fit_html
from models.fitting.allocation import compare
from models.fitting.bootstrap import bootstrap
from models.fitting.chinchilla import fit_chinchilla
from models.fitting.diagnostics import diagnose
from models.fitting.runs import BadRow, Runs

SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM = str(SYSTEM_CHROMIUM) if SYSTEM_CHROMIUM.exists() else shutil.which("chromium")
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium at /usr/bin/chromium or on PATH"),
]


def _report(resamples: int) -> FitReport:
    generator = np.random.default_rng(1)
    params, tokens = 10 ** generator.uniform(7, 10, 60), 10 ** generator.uniform(9, 11, 60)
    losses = 1.8 + 480 * params**-0.35 + 2100 * tokens**-0.37
    losses *= np.exp(0.005 * generator.standard_normal(60))
    runs, left_out = Runs(np.arange(1, 61), params, tokens, losses).without_highest(2)
    fit = fit_chinchilla(runs)
    cloud = bootstrap(fit, resamples, 1) if resamples else None
    return FitReport(
        file=f"{HOSTILE}.csv",
        sha256="0" * 64,
        fit=fit,
        cloud=cloud,
        diagnostics=diagnose(fit, cloud),
        comparison=compare(runs),
        sensitivity=[(2, fit.point)],
        left_out=left_out,
        bad=[BadRow(61, HOSTILE, HOSTILE, "not a number")],
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The page with and without resamples."""
    folder = tmp_path_factory.mktemp("fit")
    files = {n: folder / f"{n}.html" for n in (0, 40)}
    for resamples, file in files.items():
        file.write_text(render_fit_html(_report(resamples)), encoding="utf-8")
    return files


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this file."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize("resamples", [0, 40])
@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1400, "light")])
def test_page_is_whole_quiet_and_asks_for_nothing(
    browser: Browser, pages: dict[int, Path], resamples: int, width: int, theme: str
) -> None:
    context = browser.new_context(
        offline=True,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(pages[resamples].as_uri())
    page.wait_for_selector("[data-chart=allocation] svg")
    page.wait_for_selector("[data-chart=residuals] svg")
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("window.hacked") is None
    assert HOSTILE in page.inner_text("#outliers")
    # Tables scroll inside their frames; the page itself never does.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 300) == (theme == "dark")
    context.close()
