"""docs/scenarios.md argues every claim of the package's scenarios, with the catalogue's values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from flows.steps.forecast import Knowledge
from forecasts import scenario as scenarios
from forecasts.forecast import run_forecast
from forecasts.results import Forecast
from forecasts.scenario import Section
from models.claims import Claim

BUILT_IN = scenarios.names()


@pytest.fixture(scope="module")
def page(document: Callable[[str], str]) -> str:
    return document("docs/scenarios.md") + document("docs/scenarios/baseline.md")


def _number(x: float | None) -> str:
    """Four figures, as the document writes them: 2.739e11."""
    assert x is not None
    return re.sub(r"e\+?(-?)0*", r"e\1", f"{x:.4g}")


def _value(claim: Claim) -> str:
    if claim.shape == "fixed":
        return f"{_number(claim.value)} {claim.unit}"
    level = f"{claim.ci_prob:.0%}".replace("%", " %")
    span = f"{_number(claim.low)} to {_number(claim.high)} ({level})"
    return ("" if claim.value is None else f"{_number(claim.value)}, ") + f"{span} {claim.unit}"


def _part(page: str, heading: str, level: str) -> str:
    """Text below a heading, up to the next of its level or above."""
    found = re.search(
        rf"^{level} {re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)",
        page,
        re.MULTILINE | re.DOTALL,
    )
    assert found, f"no section {heading}"
    return found[1]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_scenario_has_a_section_and_its_claims(
    name: str, page: str, knowledge: Knowledge
) -> None:
    # A scenario says how it differs from the base, so the base's claims need no second row.
    argued = page.rpartition("# The baseline, claim by claim")[2]
    text = argued + _part(page, name, "##")
    for reference in scenarios.load(name).references():
        claim = knowledge.claims[reference]
        start = f"| `{reference}` | {_value(claim)} | {claim.status} | "
        assert start in text, f"{name}: expected a row that starts {start}"


def test_every_row_gives_both_sides(page: str) -> None:
    rows = re.findall(r"^\| `(?:factor|inventory):.*$", page, re.MULTILINE)
    argued = [row.strip("|").split("|") for row in rows if row.count("|") == 7]
    assert len(argued) >= 40
    assert all(cell.strip() for row in argued for cell in row)


def test_every_judgement_in_use_is_listed(page: str, knowledge: Knowledge) -> None:
    used: dict[str, set[str]] = {}
    for name in BUILT_IN:
        for reference in scenarios.load(name).references():
            if knowledge.claims[reference].status == "judgement":
                used.setdefault(reference, set()).add(name)
    rows = re.findall(
        r"^\| `(.+?)` \| (.+?) \| (.+?) \| .+ \|$", _part(page, "Judgements", "##"), re.MULTILINE
    )
    assert {ref: set(names.split(", ")) for ref, _, names in rows} == used
    assert all(value == _value(knowledge.claims[ref]) for ref, value, _ in rows)


def _sections(part: type[Section]) -> list[type[Section]]:
    return [part, *(inner for sub in part.__subclasses__() for inner in _sections(sub))]


def test_field_reference_is_that_of_the_code(page: str) -> None:
    reference = _part(page, "Field reference", "##")
    own = [m for m in _sections(Section) if m.__module__ == scenarios.__name__ and m.model_fields]
    listed = re.split(r"^\*\*(\w+)\*\* – ", reference, flags=re.MULTILINE)
    tables = dict(zip(listed[1::2], listed[2::2], strict=True))
    assert set(tables) == {model.__name__ for model in own}
    for model in own:
        rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", tables[model.__name__], re.MULTILINE)
        assert [key for key, _, _ in rows] == list(model.model_fields), model.__name__
        for key, default, meaning in rows:
            field = model.model_fields[key]
            empty = "none" if field.default in (None, ()) else str(field.default)
            assert default == ("required" if field.is_required() else empty), key
            assert field.description in (None, meaning), f"{key}: {field.description}"


def test_the_example_runs(page: str, knowledge: Knowledge, tmp_path: Path, as_of: date) -> None:
    found = re.search(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    file = tmp_path / "open-archives.yaml"
    file.write_text(found[1])
    example = scenarios.load(str(file))
    answer = run_forecast(
        example, knowledge.claims, knowledge.origins,
        as_of=as_of, code_version="example", worlds=100,
    )  # fmt: skip
    assert {row.domain for row in answer.walls} == {"total", *example.supply}
    assert "qa" not in example.supply


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


# Half of the last digit shown, and a little: another processor may round an edge the other way.
def test_quoted_walls_are_today_s(
    results: dict[str, Forecast], document: Callable[[str], str]
) -> None:
    for path in ("docs/scenarios.md", "CHANGELOG.md"):
        for name, forecast in results.items():
            rows = document(path).splitlines()
            row = next((r for r in rows if r.startswith(f"| `{name}` |")), None)
            if row is None:
                assert path == "CHANGELOG.md", f"{path}: no row of {name}"
                continue
            found = re.search(r"\d{4}\.\d \[.+?\]", row)
            wall = forecast.wall()
            assert found, f"{path}: {name}"
            assert _numbers(found[0]) == pytest.approx([wall.p50, wall.p10, wall.p90], abs=0.06)
            never = f"{1 - wall.probability_by_horizon:.0%}".replace("%", " %")
            assert f"{never} after {forecast.horizon}" in row, path


def test_quoted_reproduction_is_today_s(results: dict[str, Forecast], page: str) -> None:
    forecast = results["epoch-2024-historical"]
    rows = (("raw", "raw"), ("quality-adjusted", "unique"), ("repetition-adjusted", "effective"))
    for label, stage in rows:
        row = forecast.supply_at("total", stage, 2024)
        found = re.search(rf"^\| {label} \| .+ \| (.+) \|$", page, re.MULTILINE)
        assert found, label
        quantiles = [row.at(level) / 1e12 for level in ("p50", "p02_5", "p97_5")]
        assert _numbers(found[1]) == pytest.approx(quantiles, abs=0.6), label


def test_quoted_essay_totals_are_today_s(results: dict[str, Forecast], page: str) -> None:
    essay = results["essay"]

    def trillions(domain: str, stage: str) -> float:
        return essay.supply_at(domain, stage, essay.start).at("p50") / 1e12

    total = re.search(r"(\d+\.\d)T unique and (\d+)T effective", page)
    easy = re.search(
        r"=\s(\d+\.\d)T tokens; × 5 for repetition × 5 for synthetic data = (\d+)T", page
    )
    assert total
    assert easy
    assert float(total[1]) == pytest.approx(trillions("total", "unique"), abs=0.06)
    assert float(total[2]) == pytest.approx(trillions("total", "effective"), abs=1)
    unique, effective = (
        trillions("books", stage) + trillions("papers", stage) for stage in ("unique", "effective")
    )
    assert float(easy[1]) == pytest.approx(unique, rel=1e-9)
    assert float(easy[2]) == pytest.approx(effective, rel=1e-9)
