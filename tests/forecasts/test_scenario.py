"""Scenarios: how differences merge, and one clear sentence for each way to get one wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from flows.command import exit_code
from flows.steps.forecast import Options, load_scenario
from forecasts import plan, scenario
from forecasts.errors import ScenarioInvalid
from forecasts.forecast import build_worlds, run_forecast
from forecasts.reading import MAX_BYTES, Section, read_yaml
from forecasts.scenario import Estimate, Scenario, difference, load, names, resolve
from models.errors import ClaimInvalid

if TYPE_CHECKING:
    from flows.steps.forecast import Knowledge

Make = Callable[[str], Scenario]
Write = Callable[[str], Path]

HEAVY = {"pandas", "prefect", "duckdb", "sqlalchemy", "scipy.optimize", "scipy.stats", "jinja2"}


def test_importing_scenarios_is_light() -> None:
    program = "import sys, forecasts.scenario; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "forecasts.scenario" in loaded
    assert not HEAVY & set(loaded)


def _sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for inner in model.__subclasses__():
        yield from _sections(inner)


def test_every_field_is_described() -> None:
    bare = [
        f"{section.__name__}.{name}"
        for section in _sections(Section)
        for name, field in section.model_fields.items()
        if not field.description and name not in TOLD_BY_THEIR_TYPE
    ]
    assert not bare
    assert plan.PlannedRun in set(_sections(Section))


# A key whose type is a section with its own docstring, or whose only value is its name.
TOLD_BY_THEIR_TYPE = {"form", "supply", "repetition", "synthetic", "demand", "path", "runs"}


@pytest.mark.parametrize("name", names())
def test_built_in_scenarios_are_whole(name: str, knowledge: Knowledge) -> None:
    loaded = load(name)
    assert loaded.name == name
    placed = resolve(loaded, knowledge.claims)
    assert list(placed) == [place for place, _, _ in loaded.quantities()]
    assert not [c.name for c in placed.values() if c.status == "unverified" and c.shape == "fixed"]
    assert difference(loaded, loaded) == []
    assert difference(loaded, Scenario.model_validate(loaded.model_dump())) == []


def test_built_in_scenarios() -> None:
    assert names() == [
        "baseline", "collapse-stress", "epoch-2024", "epoch-2024-historical", "essay",
        "essay-audited", "law-ensemble", "multimodal", "nesov-2028", "one-epoch", "private-data",
        "restricted-access", "synthetic-optimist",
    ]  # fmt: skip


def test_differences_merge(make_scenario: Make) -> None:
    base = load("baseline")
    changed = make_scenario("supply: {web: {usable_fraction: factor:web_quality_2030_report}}")
    rows = {key: (a, b) for key, a, b in difference(base, changed)}
    assert rows.pop("supply.web.usable_fraction") == (
        "factor:web_quality", "factor:web_quality_2030_report",
    )  # fmt: skip
    assert set(rows) == {"name", "title", "why"}


def test_null_removes(make_scenario: Make) -> None:
    changed = make_scenario(
        "supply: {code: null, books: {overlap: null}}\ndemand: {shares: {code: null}}"
    )
    assert "code" not in changed.supply
    assert changed.supply["books"].overlap is None
    assert changed.supply["papers"] == load("baseline").supply["papers"]
    assert ("supply.books.overlap", "factor:books_web_overlap", "–") in difference(
        load("baseline"), changed
    )


def test_another_form_replaces_the_old_one(make_scenario: Make) -> None:
    changed = make_scenario("repetition: {form: flat, factor: factor:repetition_flat}")
    assert changed.repetition.model_dump() == {"form": "flat", "factor": "factor:repetition_flat"}
    same = make_scenario("repetition: {form: law, epochs: factor:repetition_2030_report}")
    assert same.repetition.model_dump()["r_star"] == "factor:repetition_r_star"


def test_an_estimate_takes_the_place_of_a_claim(make_scenario: Make, knowledge: Knowledge) -> None:
    changed = make_scenario(
        "supply: {web: {usable_fraction: {unit: share, value: 0.25, source: said by a test}}}"
    )
    claim = resolve(changed, knowledge.claims)["supply.web.usable_fraction"]
    assert (claim.name, claim.value, claim.status, claim.basis) == (
        "estimate:supply.web.usable_fraction", 0.25, "judgement", "said by a test",
    )  # fmt: skip


def test_lists_are_replaced_whole(make_scenario: Make) -> None:
    changed = make_scenario("supply: {web: {growth: [factor:web_text_growth]}}")
    assert changed.supply["web"].growth == ("factor:web_text_growth",)


def test_a_file_is_called_as_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "My scenario (2).yaml"
    path.write_text("why: it is written by a test", "utf-8")
    loaded = load(str(path))
    assert (loaded.name, loaded.title) == ("my-scenario-2", "Scenario my-scenario-2")


def _inline(numbers: str) -> str:
    return f"supply: {{web: {{count: {{unit: pages, source: said by a test, {numbers}}}}}}}"


WRONG = {
    "misspelt key": ("suply: {}", "unknown key 'suply'; did you mean 'supply'?"),
    "misspelt key inside": (
        "supply: {web: {usable_fracton: factor:web_quality}}",
        "unknown key 'supply.web.usable_fracton'; did you mean 'usable_fraction'?",
    ),
    "misspelt key of a form": (
        "repetition: {form: flat, factr: factor:repetition_flat}",
        "unknown key 'repetition.factr'; did you mean 'factor'?",
    ),
    "misspelt key of a path": (
        "demand: {path: {overtrainin: factor:overtraining}}",
        "unknown key 'demand.path.overtrainin'; did you mean 'overtraining'?",
    ),
    "misspelt key of an estimate": (_inline("valu: 3"), "unknown key 'supply.web.count.valu'; did"),
    "strange key": ("zzzz: 1", "unknown key 'zzzz'; allowed: answers, correlations, demand"),
    "misspelt removal": ("supply: {wbe: null}", "supply.wbe: unknown domain; did you mean 'web'?"),
    "misspelt removal of a key": ("hrizon: null", "unknown key 'hrizon'; did you mean 'horizon'?"),
    "removal of nothing": ("supply: {news: null}", "supply.news: null removes an entry, and there"),
    "removal of a must": ("worlds: null", "worlds is missing"),
    "unknown domain": ("supply: {boks: {}}", "supply.boks: unknown domain; did you mean 'books'?"),
    "share of unknown": ("demand: {shares: {wbe: factor:share_web}}", "demand.shares.wbe: unknown"),
    "share without supply": (
        "demand: {shares: {news: factor:share_web}}",
        "demand.shares names domains without supply: ['news']",
    ),
    "unknown form": ("repetition: {form: lw}", "repetition: form is 'lw'; allowed: 'none', 'flat'"),
    "text for a number": ("worlds: many", "worlds: input should be a valid integer"),
    "number for a claim": ("supply: {web: {count: 5}}", "give the name of a claim, or an estimate"),
    "text for a section": ("supply: {web: here}", "supply.web: give a mapping of keys, found 'her"),
    "text for a list": ("supply: {web: {growth: factor:x}}", "supply.web.growth: give a list, fou"),
    "number for text": ("title: 2024", "title: give text, found 2024"),
    "yes for a number": ("seed: yes", "seed: a number is needed, found yes"),
    "no for a number": (_inline("value: no"), "supply.web.count.value: a number is needed, found "),
    "number for a day": (_inline("value: 1, valid_on: 2024"), "a day such as 2027-07-01 is needed"),
    "time for a day": (_inline("value: 1, valid_on: 2024-01-01 10:00:00"), "a day such as 2027-07"),
    "day for a number": ("horizon: 2040-01-01", "horizon: input should be a valid integer, found "),
    "no such day": ("horizon: 2040-02-31", "not valid YAML: day is out of range for month"),
    "infinity": ("multiplier_cap: .inf", "multiplier_cap: input should be a finite number, found"),
    "not a number": ("multiplier_cap: .nan", "multiplier_cap: input should be a finite number"),
    "infinite estimate": (_inline("value: .inf"), "supply.web.count.value: input should be a fini"),
    "too few worlds": ("worlds: 3", "worlds: it must be at least 100, found"),
    "both steps": (
        "supply: {web: {conversion: [{times: factor:a, per: factor:b}]}}",
        "supply.web.conversion.0: a conversion step has exactly one of times, per",
    ),
    "half a ceiling": ("demand: {path: {ceiling: null}}", "ceiling and ceiling_growth are given t"),
    "part of a part": ("supply: {web: {part_of: math}}", "supply: web is part_of math, itself a"),
    "part of itself": ("supply: {web: {part_of: web}}", "supply: web is part_of web, itself a par"),
    "part of nothing": ("supply: {math: {part_of: news}}", "math is part_of news, which is not in"),
    "whole removed": ("supply: {web: null}", "is part_of web, which is not in supply"),
    "start after horizon": ("start: 2050", "start 2050 is not before horizon 2045"),
    "key twice": ("worlds: 200\nworlds: 300", "changed.yaml line 3: not valid YAML: key 'worlds' "),
    "numbers for keys": ("1: 2", "changed.yaml line 2: not valid YAML: key 1 is no word"),
    "open quote": ("title: 'abc", "not valid YAML: found unexpected end of stream"),
    "control character": ('title: "a\x01b"', "not valid YAML: unacceptable character #x0001"),
    "two documents": ("---\nwhy: b", "not valid YAML: "),
    "code": ("title: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    "merge key": ("supply: {<<: {web: 3}}", "could not determine a constructor"),
    "deep": ("title: " + "[" * 2000, "not valid YAML: it is nested too deeply"),
    "negative": (
        _inline("shape: normal, low: -2, high: 3, ci_prob: 0.9"),
        "supply.web.count: low is -2 pages; it cannot be negative",
    ),
    "reversed": (
        _inline("shape: lognormal, low: 5, high: 3, ci_prob: 0.9"),
        "supply.web.count: low 5 is above high 3; low must be below high",
    ),
    "level in per cent": (
        _inline("shape: lognormal, low: 3, high: 5, ci_prob: 90"),
        "supply.web.count: ci_prob is 90; it is a probability between 0.01 and 1",
    ),
    "interval without a shape": (
        _inline("value: 4, low: 3, high: 5, ci_prob: 0.9"),
        "supply.web.count: it has an interval but no shape",
    ),
    "no source": ("supply: {web: {count: {unit: pages, value: 3}}}", "supply.web.count.source is "),
}  # fmt: skip


@pytest.mark.parametrize(("differences", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_scenarios(differences: str, sentence: str, make_scenario: Make) -> None:
    with pytest.raises(ScenarioInvalid) as error:
        make_scenario(differences)
    message = str(error.value)
    assert sentence in message
    assert "changed.yaml" in message
    assert "\n" not in message
    assert len(message) < 400
    assert exit_code(error.value) == 5


def test_why_is_required(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for text in ("title: no reason", "why: ''", "why:"):
        path.write_text(text, "utf-8")
        with pytest.raises(ScenarioInvalid, match=r"why is missing; say in a sentence"):
            load(str(path))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            "baselin",
            "no scenario is named 'baselin'; did you mean 'baseline'?; there are: baseline",
        ),
        ("base", "no scenario is named 'base'; did you mean 'baseline'?"),
        ("", "no scenario is named ''; there are: baseline"),
        ("..", "no scenario is named '..'; there are"),
        ("x" * 5000, "there are: baseline"),
        ("nowhere/x.yaml", "cannot read scenario file nowhere/x.yaml: No such file or directory"),
        ("x" * 5000 + ".yaml", "File name too long"),
        ("/dev/zero", "cannot read scenario file /dev/zero: it is not a file"),
    ],
    ids=lambda text: text[:20],
)
def test_unknown_names_and_files(spec: str, sentence: str) -> None:
    with pytest.raises(ScenarioInvalid) as error:
        load(spec)
    assert sentence in str(error.value)


def test_unusable_files(tmp_path: Path) -> None:
    def refused(content: bytes) -> str:
        path = tmp_path / "x.yaml"
        path.write_bytes(content)
        with pytest.raises(ScenarioInvalid) as error:
            load(str(path))
        return str(error.value)

    assert "expected a mapping of keys, found nothing" in refused(b"")
    assert "expected a mapping of keys, found a list" in refused(b"- a\n- b\n")
    assert "it is not UTF-8 text" in refused("why: vérité".encode("latin-1"))
    assert "it is not UTF-8 text" in refused(os.urandom(2000) + b"\xff")
    assert "not valid YAML: unacceptable character #x0000" in refused(b"why: a\0b")
    assert f"larger than {MAX_BYTES} bytes, not a scenario" in refused(b"#" * (MAX_BYTES + 1))
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ScenarioInvalid, match=r"folder.yaml: it is not a file"):
        load(str(tmp_path / "folder.yaml"))


def test_aliases_cannot_explode() -> None:
    """Nine levels of nine would be 387 million items."""
    lines = ["l0: &l0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 9)]
    started = time.monotonic()
    with pytest.raises(ScenarioInvalid, match="aliases expand it to more than 100000 entries"):
        read_yaml("\n".join(lines), "bomb")
    with pytest.raises(ScenarioInvalid, match="an alias lies inside what it stands for"):
        read_yaml("a: &a {b: *a}", "loop")
    assert time.monotonic() - started < 1


def test_aliases_may_repeat_a_value() -> None:
    """Programs write a value they hold twice as an alias."""
    assert read_yaml("a: &day 2027-07-01\nb: [*day, *day]", "plan")["b"] == [date(2027, 7, 1)] * 2


def test_unknown_claims_have_a_close_match(make_scenario: Make, knowledge: Knowledge) -> None:
    changed = make_scenario("supply: {web: {usable_fraction: factor:web_qualty}}")
    with pytest.raises(ScenarioInvalid) as error:
        resolve(changed, knowledge.claims)
    assert str(error.value).startswith(
        "scenario changed: supply.web.usable_fraction names 'factor:web_qualty', which the "
        "warehouse does not know at this date; did you mean 'factor:web_quality'?"
    )


def test_unverified_figures_need_an_interval(make_scenario: Make, knowledge: Knowledge) -> None:
    doubtful = next(
        name
        for name, claim in knowledge.claims.items()
        if claim.status == "unverified" and claim.shape == "fixed" and claim.unit == "tokens"
    )
    changed = make_scenario(f"supply: {{web: {{count: '{doubtful}'}}}}")
    with pytest.raises(ScenarioInvalid, match="an unverified figure without an interval; state an"):
        resolve(changed, knowledge.claims)
    claim = replace(
        knowledge.claims[doubtful], shape="lognormal", low=1e9, high=1e13, ci_prob=0.9, value=None
    )
    assert resolve(changed, knowledge.claims | {doubtful: claim})["supply.web.count"] is claim


@pytest.mark.parametrize(
    ("differences", "sentence"),
    [
        (
            "supply: {web: {usable_fraction: factor:tokens_per_book}}",
            "'factor:tokens_per_book' in tokens_per_book; a claim in share is needed",
        ),
        ("supply: {web: {growth: [factor:dataset_growth]}}", "in oom_per_year; a claim in ratio_p"),
        ("demand: {path: {growth: factor:dataset_growth}}", "in oom_per_year; a claim in ratio_pe"),
        ("demand: {path: {level: factor:largest_dataset_2024}}", "in tokens; a claim in flop is"),
        ("demand: {shares: {web: factor:overtraining}}", "in ratio; a claim in share is needed"),
    ],
)  # fmt: skip
def test_units_have_to_fit_their_place(
    differences: str, sentence: str, make_scenario: Make, knowledge: Knowledge
) -> None:
    with pytest.raises(ScenarioInvalid) as error:
        resolve(make_scenario(differences), knowledge.claims)
    assert sentence in str(error.value)


def test_a_claim_that_breaks_when_drawn_ends_in_the_scenarios_exit_code() -> None:
    estimate = Estimate(
        unit="ratio", shape="uniform", low=1, high=2, ci_prob=0.9, minimum=9,
        source="said by a test",
    )  # fmt: skip
    with pytest.raises(ClaimInvalid) as error:
        from models.claims import median

        median(estimate.claim("x"))
    assert exit_code(error.value) == 5


def _run(changed: Scenario, knowledge: Knowledge) -> Any:
    return run_forecast(
        changed, knowledge.claims, knowledge.origins, as_of=knowledge.as_of, code_version="test",
        worlds=200,
    )  # fmt: skip


def test_supply_that_is_no_number_is_refused(make_scenario: Make, knowledge: Knowledge) -> None:
    zero = "{unit: ratio, value: 0, source: said by a test}"
    changed = make_scenario(f"supply: {{books: {{conversion: [{{per: {zero}}}]}}}}")
    with pytest.raises(ScenarioInvalid, match=r"supply of (books|total) in 2026 is no number"):
        _run(changed, knowledge)


def test_a_count_that_grows_needs_its_date(make_scenario: Make, knowledge: Knowledge) -> None:
    changed = make_scenario(_inline("value: 1.0e+11"))
    with pytest.raises(ScenarioInvalid, match=r"supply.web.count needs a valid_on date"):
        _run(changed, knowledge)


def test_a_horizon_in_the_past_is_refused(make_scenario: Make, knowledge: Knowledge) -> None:
    changed = make_scenario("horizon: 2026")
    with pytest.raises(ScenarioInvalid, match="first year 2026 is not before the horizon 2026"):
        _run(changed, knowledge)


def test_more_worlds_than_memory_are_refused(knowledge: Knowledge) -> None:
    loaded = load("baseline")
    placed = resolve(loaded, knowledge.claims)
    with pytest.raises(ScenarioInvalid, match="10000000 worlds to 2045 would fill 18 GB"):
        build_worlds(loaded, placed, knowledge.as_of, 10_000_000, 1)


def test_command_line_overrides_are_checked() -> None:
    assert load_scenario("essay", Options(worlds=200, seed=3, horizon=2040)).worlds == 200
    for options, sentence in (
        (Options(worlds=-5), "scenario essay as changed: worlds: it must be at least"),
        (Options(seed=-1), "as changed: seed: it must be at least"),
        (Options(horizon=1990), "as changed: horizon: it must be at least"),
    ):
        with pytest.raises(ScenarioInvalid, match=sentence):
            load_scenario("essay", options)


def test_the_base_is_complete() -> None:
    """Every other scenario holds only differences, so the base alone must be valid."""
    assert Scenario.model_validate(scenario.base_document()).name == "baseline"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("usable_fraction: {unit: tokens, value: 5, source: as a test}", "a claim in share"),
        ("usable_fraction: {unit: share, value: 3, source: as a test}", "between 0 and 1"),
        ("growth: [{unit: ratio_per_year, value: 0, source: as a test}]", "above 0"),
    ],
)
def test_an_estimate_that_cannot_stand_at_its_place(
    tmp_path: Path, knowledge: Any, change: str, said: str
) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(f"why: An estimate of the wrong kind.\nsupply: {{web: {{{change}}}}}\n")
    with pytest.raises(ScenarioInvalid, match=said):
        resolve(load(str(file)), knowledge.claims)
