"""Links resolve, quoted figures are those computed, and the catalogue's laws are described."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from forecasts.reports.words import headline
from forecasts.results import Forecast

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _pages(root: Path) -> list[Path]:
    return [*root.glob("*.md"), *root.glob("docs/**/*.md")]


def test_relative_links_resolve(root: Path) -> None:
    broken = []
    for page in _pages(root):
        for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
            path, _, anchor = target.partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            aim = (page.parent / path).resolve() if path else page
            if not aim.exists() or (anchor and anchor not in _anchors(aim.read_text("utf-8"))):
                broken.append(f"{page.relative_to(root)}: {target}")
    assert not broken


def test_index_links_every_page(root: Path) -> None:
    linked = set(_LINK.findall((root / "docs/index.md").read_text("utf-8")))
    pages = {str(page.relative_to(root / "docs")) for page in (root / "docs").glob("**/*.md")}
    assert pages - linked == {"index.md"}


def test_readme_headline_is_the_forecast_s(
    results: dict[str, Forecast], document: Callable[[str], str]
) -> None:
    assert f"> {headline(results['baseline'])}\n" in document("README.md")


def test_readme_counts_are_true(
    results: dict[str, Forecast], document: Callable[[str], str]
) -> None:
    baseline = results["baseline"]
    judged = [row.name for row in baseline.inputs if row.status == "judgement"]
    past = {r.domain for r in baseline.walls if r.probability_before_start > 0.8}
    readme = document("README.md")
    assert len(judged) == 13
    assert "Thirteen of the baseline's claims" in readme
    assert past == {"papers", "math", "encyclopedic", "qa"}
    assert "Four domains (papers, mathematics, encyclopedic, questions and answers)" in readme
    assert f"{baseline.worlds:,}" in readme


def test_every_law_fit_is_described(
    published: duckdb.DuckDBPyConnection, document: Callable[[str], str]
) -> None:
    laws = [str(law) for (law,) in published.execute("SELECT law FROM out_law_fits").fetchall()]
    assert laws
    text = document("docs/laws.md").lower()
    assert not [law for law in laws if law.lower() not in text]


def test_folder_table_names_folders_there_are(root: Path, document: Callable[[str], str]) -> None:
    named = re.findall(r"^\| `(\w+)/` \|", document("README.md"), re.MULTILINE)
    assert {"models", "forecasts", "warehouse", "flows", "tests"} <= set(named)
    assert all((root / name).is_dir() for name in named)
