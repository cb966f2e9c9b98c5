"""Published and derived figures of severity, through `datawall assess`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import cli

CHECKS = Path(__file__).parents[3] / "shared/facts/law_checks.csv"
LAWS = {
    "law 6 self-consistent": "muennighoff",
    "law 6": "muennighoff",
    "law 3 coefficients with R_D*, R_N*": "muennighoff_hybrid",
    "law 3 coefficients with R_D* only": "muennighoff_data_only",
}
ANSWERS = {
    "excess loss (nats)": "loss_gap_nats",
    "compute-equivalent fraction Ceq/C": "compute_equivalent_ratio",
    "Ceq/C when unconstrained demand is s times the unique supply": "compute_equivalent_ratio",
    "optimal epochs": "epochs",
    "optimal epochs at shortage s": "epochs",
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    root = tmp_path_factory.mktemp("assess") / "workspace"

    @cache
    def run(*args: str) -> dict[str, Any]:
        line = ["assess", *args, "--workspace", str(root), "--json"]
        result = CliRunner().invoke(cli.app, line)
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    return run


def _split(quantity: str) -> tuple[str, str] | None:
    """The answer and the law a row asks for; None where it is another question."""
    for name, answer in ANSWERS.items():
        for words, law in LAWS.items():
            if quantity in (f"{name}, {words}", f"{name} ({words})"):
                return answer, law
    return None


def _rows() -> list[dict[str, str]]:
    with CHECKS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["law"].startswith("severity")]


def test_severity_and_optimum_rows(
    ask: Callable[..., dict[str, Any]], record_property: Callable[[str, object], None]
) -> None:
    if not CHECKS.exists():
        pytest.skip("the table of figures to reproduce is not beside this checkout")
    rows = _rows()
    for row in rows:
        wanted = _split(row["quantity"])
        inputs = json.loads(row["inputs"])
        assert wanted is not None, f"no question is known for {row['quantity']!r}"
        answer, law = wanted
        keys = {"C": "--compute", "U": "--unique", "s": "--shortage"}
        args = [word for key, value in inputs.items() for word in (keys[key], repr(float(value)))]
        found = ask(*args, "--law", law)
        tolerance = float(row["tolerance_relative"])
        assert found[answer] == pytest.approx(float(row["expected"]), rel=tolerance), row
    record_property("rows_passed", len(rows))
    assert rows


@pytest.mark.parametrize(
    ("compute", "unique", "law", "ratio"),
    [
        (1e27, 1e13, "muennighoff", 0.653),
        (2e29, 1e14, "muennighoff", 0.517),
        (1e30, 1e14, "muennighoff_hybrid", 0.261),
        (1e30, 1e14, "muennighoff_data_only", 0.714),
    ],
)
def test_cost_of_a_limit(
    ask: Callable[..., dict[str, Any]], compute: float, unique: float, law: str, ratio: float
) -> None:
    """Derived with two solvers from arXiv:2305.16264 and arXiv:2404.10102."""
    found = ask("--compute", str(compute), "--unique", str(unique), "--law", law)
    assert found["compute_equivalent_ratio"] == pytest.approx(ratio, abs=1e-3)


def test_the_run_of_25_billion_tokens(ask: Callable[..., dict[str, Any]]) -> None:
    """9.26e21 FLOP on 25B unique tokens; derived from the law of arXiv:2305.16264."""
    found = ask("--compute", "9.26e21", "--unique", "25e9")
    assert found["epochs"] == pytest.approx(9.07, abs=0.01)
    assert found["loss_nats"] == pytest.approx(2.22527, abs=1e-5)
