"""Planned runs: the template holds, and each invalid plan is one sentence."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.command import exit_code
from forecasts.errors import PlanInvalid
from forecasts.plan import PlannedRun, differences, load, parse, template

RUN: dict[str, Any] = {
    "run": "a-1", "needed_on": date(2027, 7, 1), "compute_flop": 1e25,
    "mixture": {"web": 0.8, "code": 0.2},
}  # fmt: skip


def _write(tmp_path: Path, *runs: dict[str, Any]) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({"runs": list(runs)}), "utf-8")
    return path


def test_template_is_valid_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(template(), "utf-8")
    (run,) = load(path)
    assert (run.run, run.compute_flop, run.max_epochs) == ("example-2027", 5e25, 4)
    assert all(f"{key}:" in template() for key in PlannedRun.model_fields)


def test_a_plan_survives_storage(tmp_path: Path) -> None:
    (run,) = load(_write(tmp_path, RUN | {"resources": {"gpus": 8, "hours": 2.5}}))
    assert parse(run.model_dump(mode="json")) == run
    assert parse(run.model_dump(mode="json")).sha256() == run.sha256()
    (other,) = load(_write(tmp_path, RUN | {"max_epochs": 2}))
    assert other.sha256() != run.sha256()


def test_numbers_without_a_dot_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(template().replace("5.0e+25 ", "5e25 "), "utf-8")
    assert load(path)[0].compute_flop == 5e25


def test_size_may_be_given_twice_if_it_agrees(tmp_path: Path) -> None:
    (run,) = load(_write(tmp_path, RUN | {"params": 1e11, "tokens": 1.6e13}))
    assert run.tokens == 1.6e13


SHARES = "mixture: shares add to"
INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt": ({"need_on": date(2027, 1, 1)}, "unknown key 'runs.0.need_on'; did you mean 'need"),
    "misspelt inside": (
        {"resources": {"gpu": 3, "hours": 2}},
        "unknown key 'runs.0.resources.gpu'; did you mean 'gpus'?",
    ),
    "missing": ({"needed_on": ...}, "runs.0.needed_on is missing"),
    "name": ({"run": "A run!"}, "runs.0.run: string should match pattern"),
    "no size": ({"compute_flop": ...}, "runs.0: give compute_flop, or params and tokens"),
    "half a size": ({"params": 1e11}, "runs.0: params and tokens are given together"),
    "two sizes": (
        {"params": 1e11, "tokens": 1e12},
        "compute_flop 1e+25 is not 6·params·tokens = 6e+23 within 10 %; give one of the two",
    ),
    "split twice": (
        {"compute_flop": ..., "params": 1e11, "tokens": 1e12, "overtraining": 2},
        "overtraining splits compute_flop, and params and tokens are split",
    ),
    "no compute": ({"compute_flop": 0}, "runs.0.compute_flop: it must be above 0"),
    "endless compute": ({"compute_flop": float("inf")}, "input should be a finite number"),
    "nan tokens": ({"tokens": float("nan"), "params": 1e9}, "input should be a finite number"),
    "absurd compute": ({"compute_flop": 1e300}, "it must be at most 1e+40"),
    "word for a number": ({"compute_flop": "lots"}, "input should be a valid number"),
    "yes for a number": ({"max_epochs": True}, "runs.0.max_epochs: a number is needed, found yes"),
    "yes for a share": ({"mixture": {"web": True}}, "mixture.web: a number is needed, found yes"),
    "number for a day": ({"needed_on": 20270701}, "needed_on: a day such as 2027-07-01 is needed"),
    "word for a day": ({"needed_on": "soon"}, "runs.0.needed_on: Invalid isoformat string: 'soon'"),
    "far day": ({"needed_on": date(9999, 1, 1)}, "9999-01-01 is out of reach; give a day from 200"),
    "unknown domain": ({"mixture": {"wbe": 1.0}}, "mixture.wbe: unknown domain; did you mean 'web"),
    "no mixture": ({"mixture": {}}, "runs.0.mixture: dictionary should have at least 1 item"),
    "list mixture": ({"mixture": ["web"]}, "runs.0.mixture: give a mapping of keys, found a list"),
    "too little": ({"mixture": {"web": 0.9}}, f"{SHARES} 0.9; they must add to 1"),
    "too much": ({"mixture": {"web": 0.9, "code": 0.2}}, f"{SHARES} 1.1; they must add to 1"),
    "negative share": ({"mixture": {"web": 1.5, "code": -0.5}}, "share of code is -0.5; it must"),
    "no share": ({"mixture": {"web": 1, "code": 0}}, "share of code is 0; it must lie in (0, 1]"),
    "certain": ({"required_probability": 1.0}, "required_probability: it must be below 1"),
    "no pass": ({"max_epochs": 0.5}, "max_epochs: it must be at least 1"),
    "architecture": ({"architecture": "rnn"}, "architecture: input should be 'dense' or 'moe', fo"),
    "half a gpu": ({"resources": {"gpus": 0.5, "hours": 1}}, "resources.gpus: input should be a v"),
    "free": ({"budget_usd": 0}, "runs.0.budget_usd: it must be above 0, found 0"),
    "long": ({"payload": "x" * 20_000}, "runs.0.payload: string should have at most 10000 charact"),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "sentence"), INVALID.values(), ids=INVALID)
def test_invalid_plans(changed: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    run = {key: value for key, value in (RUN | changed).items() if value is not ...}
    with pytest.raises(PlanInvalid) as error:
        load(_write(tmp_path, run))
    message = str(error.value)
    assert sentence in message
    assert "plan.yaml: " in message
    assert "\n" not in message
    assert len(message) < 400
    assert exit_code(error.value) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "expected a mapping of keys, found nothing"),
        (b"- run: x", "expected a mapping of keys, found a list"),
        (b"run: x", "unknown key 'run'; did you mean 'runs'?"),
        (b"runs: []", "runs: tuple should have at least 1 item"),
        (b"runs: x", "runs: give a list, found 'x'"),
        (b"runs: [x]", "runs.0: give a mapping of keys, found 'x'"),
        (b"runs: [", "line 1: not valid YAML"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"x" * 300_000, "larger than 200000 bytes, not a plan"),
    ],
    ids=lambda value: str(value)[:15],
)
def test_unusable_files(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(content)
    with pytest.raises(PlanInvalid) as error:
        load(path)
    assert sentence in str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PlanInvalid, match=r"cannot read plan file .*: No such file or directory"):
        load(tmp_path / "none.yaml")
    with pytest.raises(PlanInvalid, match="it is not a file"):
        load(tmp_path)


def test_a_run_twice(tmp_path: Path) -> None:
    with pytest.raises(PlanInvalid, match="runs: run a-1 is given twice"):
        load(_write(tmp_path, RUN, RUN))


def test_a_table_says_the_same_as_yaml(tmp_path: Path) -> None:
    table = tmp_path / "plan.csv"
    table.write_text(
        "run,needed_on,compute_flop,mixture.web,mixture.code,resources.gpus,resources.hours,payload"
        "\na-1,2027-07-01,1e25,0.8,0.2,8,2.5,echo: 1\nb-1,2027-07-01,1e25,1,,,,\n"
    )
    more = {"resources": {"gpus": 8, "hours": 2.5}, "payload": "echo: 1"}
    assert load(table)[0] == load(_write(tmp_path, RUN | more))[0]
    assert load(table)[1].mixture == {"web": 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run,needed_on\na-1\n", "line 2: 1 cells under 2 columns"),
        ("run,run\na-1,a-1\n", "this column is there twice"),
        ("mixture,mixture.web\n1,1\n", "mixture has a value of its own and keys inside"),
        ("run,need_on\na-1,2027-07-01\n", "unknown key 'runs.0.need_on'"),
        ("", "runs: "),
    ],
)
def test_a_table_that_is_no_plan(tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "plan.csv"
    table.write_text(text)
    with pytest.raises(PlanInvalid) as error:
        load(table)
    assert said in str(error.value)


def test_differences_name_the_keys(tmp_path: Path) -> None:
    (before,) = load(_write(tmp_path, RUN))
    (after,) = load(_write(tmp_path, RUN | {"max_epochs": 2}))
    assert differences(before, after) == (("max_epochs", None, 2.0),)
    assert differences(before, before) == ()
