"""`datawall assess`: one question at a time, and one sentence for what cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from flows import cli, command


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("assess") / "workspace"
    result = CliRunner().invoke(cli.app, ["ingest", "--offline", "--workspace", str(root)])
    assert result.exit_code == 0, result.output
    return root


def _ask(workspace: Path, *args: str) -> Result:
    return CliRunner().invoke(cli.app, ["assess", *args, "--workspace", str(workspace)])


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--compute", "1e25"), command.USAGE, "give --unique"),
        (("--shortage", "2", "--unique", "1e13"), command.USAGE, "different questions"),
        (("a-run", "--corpus", "fineweb"), command.USAGE, "different questions"),
        (("--unique", "-5"), command.USAGE, "finite number above 0"),
        (("--unique", "nan"), command.USAGE, "finite number above 0"),
        (("--unique", "1e13", "--epochs", "0"), command.SCENARIO, "epochs"),
        (("--shortage", "-1"), command.SCENARIO, "above 0"),
        (("--shortage", "2", "--law", "besiroglu"), command.SCENARIO, "no repetition"),
        (("--shortage", "2", "--law", "muenighoff"), command.USAGE, "did you mean muennighoff"),
        (("--corpus", "nosuch"), command.USAGE, "no count of 'nosuch'"),
        ((), command.USAGE, "no run is planned"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_asked(workspace: Path, args: tuple[str, ...], code: int, said: str) -> None:
    result = _ask(workspace, *args)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_corpus_supports_a_model_with_an_interval_and_a_source(workspace: Path) -> None:
    result = _ask(workspace, "--corpus", "fineweb", "--json")
    found = json.loads(result.stdout)
    assert found["gpu_hours"]["p05"] < found["gpu_hours"]["p50"] < found["gpu_hours"]["p95"]
    size = found["params"]["p50"] * found["tokens"]["p50"] * 6
    assert size == pytest.approx(found["compute_flop"]["p50"], rel=1e-5)
    assert found["tokens"]["p50"] == pytest.approx(4 * found["unique_tokens"]["p50"], rel=1e-5)
    assert all(used["basis"] for used in found["inputs"])


def test_a_given_price_is_used(workspace: Path) -> None:
    args = ("--unique", "1e13", "--usd-per-gpu-hour", "2", "--json")
    found = json.loads(_ask(workspace, *args).stdout)
    assert found["usd"]["p50"] == pytest.approx(2 * found["gpu_hours"]["p50"], rel=1e-5)
