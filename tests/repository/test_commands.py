"""docs/commands.md lists exactly the commands, options, exit codes and JSON keys there are."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from flows import cli, command
from forecasts.plan import template

# These two have options of their own paragraph, not a row in each table.
COMMON = {"--workspace", "--json"}


def _walk(command: Any, path: str = "datawall") -> Iterator[tuple[str, Any]]:
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            yield from _walk(inner, f"{path} {name}")
            if inner.invoke_without_command:
                yield f"{path} {name}", inner
        else:
            yield f"{path} {name}", inner


COMMANDS = dict(_walk(get_command(cli.app)))


def _names(command: Any) -> set[str]:
    """Options by their long name, arguments in capitals, as the document writes them."""
    return {
        param.opts[0] if param.param_type_name == "option" else param.name.upper()
        for param in command.params
    }


# They start a server or a training, or need nine, which is for the tests of flows and of the loop.
SERVED = {"datawall run", "datawall probe run", "datawall probe fit"}


@pytest.fixture(scope="module")
def sections(document: Callable[[str], str]) -> dict[str, str]:
    """Text below each command's heading."""
    parts = re.split(r"^##+ (.+)$", document("docs/commands.md"), flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {heading: text for heading, text in pairs if heading.startswith("datawall ")}


def test_every_command_has_a_section_and_no_other(sections: dict[str, str]) -> None:
    assert set(sections) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_those_of_the_command(name: str, sections: dict[str, str]) -> None:
    written = set(re.findall(r"^\| `(--[a-z-]+|[A-Z]+)", sections[name], re.MULTILINE))
    assert written == _names(COMMANDS[name]) - COMMON


@pytest.mark.parametrize("option", sorted(COMMON))
def test_commands_without_a_common_option_are_named(
    option: str, document: Callable[[str], str]
) -> None:
    found = re.search(
        rf"^- `{option}.*?(?=^- |^JSON)", document("docs/commands.md"), re.MULTILINE | re.DOTALL
    )
    assert found
    without = {n.removeprefix("datawall ") for n, c in COMMANDS.items() if option not in _names(c)}
    written = set(re.findall(r"`([a-z]+(?: [a-z]+)?)`", found[0]))
    assert written == without


def test_exit_codes_are_listed(document: Callable[[str], str]) -> None:
    real = {0, 1, *command.EXIT_CODES.values()}
    listed = re.findall(r"^\| (\d) \|", document("docs/commands.md"), re.MULTILINE)
    in_readme = re.search(r"## Exit codes\n\n(.+?)\n\n", document("README.md"), re.DOTALL)
    assert {int(code) for code in listed} == real
    assert in_readme
    assert {int(code) for code in re.findall(r"\b\d\b", in_readme[1])} == real


def test_environment_variables_are_listed(texts: dict[str, str]) -> None:
    code = [text for path, text in texts.items() if path.endswith(".py") and "tests/" not in path]
    read = {name for text in code for name in re.findall(r"\bDATAWALL_[A-Z_]+\b", text)}
    listed = re.findall(r"^\| `(DATAWALL_\w+)`", texts["docs/commands.md"], re.MULTILINE)
    assert set(listed) == read


def test_commands_in_examples_exist(texts: dict[str, str]) -> None:
    written = [
        (path, line)
        for path, text in texts.items()
        if path.endswith(".md")
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith("datawall ")
    ]
    assert written
    for path, line in written:
        known = [name for name in COMMANDS if f"{line} ".startswith(f"{name} ")]
        assert known, f"{path}: {line}"
        options = set(re.findall(r"(?<= )--[a-z-]+", line))
        assert options <= _names(COMMANDS[known[-1]]), f"{path}: {line}"


def _shape(value: Any) -> Any:
    """Keys at every depth; of a list, those of its first entry."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shape(inner) for inner in value[:1] if isinstance(inner, dict)]
    return None


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each command prints with --json in one loop through a fresh workspace."""
    folder = tmp_path_factory.mktemp("commands")
    plan = folder / "plan.yaml"
    plan.write_text(template())
    wet = Path(__file__).parents[1] / "data/wet"
    few = folder / "few.yaml"
    few.write_text(
        "{name: few-worlds, why: The shape of an answer needs few worlds., worlds: 100}\n"
    )
    loop: dict[str, list[str]] = {
        "ingest": ["--offline"],
        "sources": [],
        "measure": [str(wet), "--corpus", "sample", "--domain", "web", "--store", "--workers", "1"],
        "sources ack": ["common_crawl", "--by", "A. Planner"],
        "sources band": ["common_crawl", "--fall", "0.1", "--rise", "0.5", "--by", "A. Planner"],
        "derived": [],
        "export": ["out_inventory", "--to", str(folder / "inventory.csv")],
        "forecast": ["--scenario", str(few)],
        "sql": ["SELECT domain, p50 FROM out_data_wall"],
        "report": [],
        "scenario list": [],
        "scenario diff": ["baseline", "essay"],
        "scenario validate": ["baseline"],
        "law list": [],
        "law show": ["besiroglu"],
        "law loss": ["besiroglu", "--params", "405e9", "--tokens", "15.6e12"],
        "law optimum": ["besiroglu", "--compute", "5e28"],
        "law penalty": ["muennighoff", "--compute", "2e29", "--unique", "100e12"],
        "law demand": ["llama3", "--compute", "5e28", "--sparsity", "0.97"],
        "fit chinchilla": [
            *_fitted(folder),
            "--tokens-column",
            "tokens",
            "--bootstrap",
            "20",
            "--drop-highest",
            "1",
        ],
        "fit repetition": [*_fitted(folder), "--bootstrap", "10"],
        "runs import": [str(plan)],
        "runs list": [],
        "runs show": ["example-2027"],
        "assess": ["--scenario", str(few)],
        "sensitivity": [],
        "decide": ["--scenario", str(few)],
        "launch": [],
        "probe import": [str(Path(__file__).parents[1] / "data/probe")],
        "doctor": [],
        "pause": ["--reason", "audit"],
        "resume": [],
    }
    found = {f"datawall {name}": _answer(name, rest, folder) for name, rest in loop.items()}
    return found | _launched(found["datawall decide"], folder)


def _fitted(folder: Path) -> list[str]:
    """Runs of a law that repeats data, one of them unusable, and the options to fit them."""
    generator = np.random.default_rng(0)
    params, unique = 10 ** generator.uniform(7, 10, 40), 10 ** generator.uniform(8, 10, 40)
    tokens = unique * 10 ** generator.uniform(0, 2, 40)
    losses = 1.87 + 520 * params**-0.35 + 1490 * tokens**-0.35
    losses *= np.exp(0.01 * generator.standard_normal(40))
    rows = [f"{a},{b},{c},{d}" for a, b, c, d in zip(params, tokens, unique, losses, strict=True)]
    text = ["params,tokens,unique_tokens,loss", *rows, "1e9,1e10,1e10,0"]
    file = folder / "training_runs.csv"
    file.write_text("\n".join(text))
    return ["--data", str(file), "--skip-bad-rows"]


def _launched(decided: Any, folder: Path) -> dict[str, Any]:
    """A job that is started, looked at and cancelled."""
    (folder / "ws" / "policy.yaml").write_text(
        "{small_run_usd: 1.0e+9, run_budget_usd: 1.0e+9, month_budget_usd: 1.0e+9,"
        " compute_notices: {}}\n"
    )
    found: dict[str, Any] = {}

    def ask(name: str, *rest: str) -> Any:
        found[f"datawall {name}"] = _answer(name, list(rest), folder)
        return found[f"datawall {name}"]

    decision = decided["decisions"][0]["decision_id"]
    ask("approve", decision, "--by", "bob")
    job = _answer("launch", [decision, "--launcher", "local"], folder)["launches"][0]
    # The template's payload is no program here, so its job ends by itself.
    job_folder = folder / "ws" / "jobs" / f"datawall-{job['launch_id']}"
    for _ in range(200):
        if (job_folder / "result.json").exists():
            break
        time.sleep(0.05)
    ask("reconcile")
    ask("launches", "--verify")
    decided_again = _answer("approve", [decision, "--by", "bob"], folder)
    assert decided_again["decision_id"] == decision
    (folder / "ws" / "policy.yaml").write_text(
        "{small_run_usd: 1.0e+9, run_budget_usd: 1.0e+9, month_budget_usd: 1.0e+9,"
        " compute_notices: {}, cooldown_hours: 0}\n"
    )
    second = _answer("launch", [decision, "--launcher", "local", "--retry"], folder)
    ask("cancel", second["launches"][0]["launch_id"])
    return found


def _answer(name: str, rest: list[str], folder: Path) -> Any:
    place = (
        ["--workspace", str(folder / "ws")]
        if "--workspace" in _names(COMMANDS[f"datawall {name}"])
        else []
    )
    result = CliRunner().invoke(cli.app, [*name.split(), *rest, *place, "--json"])
    # doctor answers in full even where this machine has something to do.
    assert result.exit_code == 0 or name == "doctor", result.output
    return json.loads(result.stdout)


def test_json_shapes_are_those_printed(sections: dict[str, str], answers: dict[str, Any]) -> None:
    shown = {
        name: json.loads(found[1])
        for name, text in sections.items()
        if (found := re.search(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    }
    assert set(shown) - SERVED == set(answers)
    for name, value in ((name, shown[name]) for name in answers):
        assert _shape(value) == _shape(answers[name]), name


def test_every_json_command_shows_its_shape(answers: dict[str, Any]) -> None:
    printing = {name for name, command in COMMANDS.items() if "--json" in _names(command)}
    # The keys of a scenario are the field reference of docs/scenarios.md.
    assert printing - set(answers) - SERVED == {"datawall scenario show"}
