"""Links resolve, quoted figures are those computed, and the catalogue's laws are described."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from flows import law_pages
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
    """The first page links every page, or the first page of its folder."""
    docs = root / "docs"
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for index in docs.glob("**/index.md")
        for target in _LINK.findall(index.read_text("utf-8"))
    }
    assert set(docs.glob("**/*.md")) - linked == {docs / "index.md"}


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
    text = document("docs/laws/index.md")
    assert not [law for law in laws if f"`{law}`" not in text]


def test_law_pages_are_those_of_docstrings_and_fits(root: Path) -> None:
    """`make docs` writes them anew; a picture is compared by what it draws, not by its fonts."""
    folder = root / "docs" / "laws"
    for name, text in law_pages.pages().items():
        assert (folder / name).read_text("utf-8") == text, f"{name} is old: make docs"
    for name, spec in law_pages.specs().items():
        picture = (folder / name).read_text("utf-8")
        assert picture.endswith(law_pages.mark_of(spec) + "\n"), f"{name} is old: make docs"
        assert "<svg" in picture
    written = {path.name for path in folder.iterdir()}
    assert written == {*law_pages.pages(), *law_pages.specs()}


def test_folder_table_names_folders_there_are(root: Path, document: Callable[[str], str]) -> None:
    named = re.findall(r"^\| `(\w+)/` \|", document("README.md"), re.MULTILINE)
    assert {"models", "forecasts", "warehouse", "flows", "tests"} <= set(named)
    assert all((root / name).is_dir() for name in named)


def test_documented_events_are_those_emitted(root: Path, document: Callable[[str], str]) -> None:
    """Those of sources are on their own page."""
    emitted = {
        name
        for path in (root / "flows").glob("*.py")
        for name in re.findall(r'event="(datawall\.[a-z.]+)"', path.read_text("utf-8"))
    }
    page = document("docs/launch.md").partition("## Events")[2]
    documented = re.findall(r"^\| `(datawall\.[a-z.]+)` \|", page, re.MULTILINE)
    assert len(documented) == 4
    assert set(documented) == {n for n in emitted if not n.startswith("datawall.source.")}
