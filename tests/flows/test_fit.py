"""`datawall fit`: files as people have them, answers as documented, errors as one sentence."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from flows.cli import app

Run = Callable[..., Result]
COLUMNS = ("--params-column", "N", "--tokens-column", "D", "--loss-column", "L")


def _rows(n: int = 40, noise: float = 0.002) -> list[tuple[float, float, float]]:
    generator = np.random.default_rng(1)
    params, tokens = 10 ** generator.uniform(7, 10, n), 10 ** generator.uniform(9, 11, n)
    losses = 1.8 + 480 * params**-0.35 + 2100 * tokens**-0.37
    losses *= np.exp(noise * generator.standard_normal(n))
    return [tuple(map(float, row)) for row in zip(params, tokens, losses, strict=True)]  # type: ignore[misc]


def _write(path: Path, rows: Sequence[Sequence[Any]], header: Sequence[str] = "NDL") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def run(with_catalogue: Callable[[Path], object], tmp_path: Path) -> Run:
    with_catalogue(tmp_path / "workspace")

    def invoke(*args: str, command: str = "chinchilla", columns: Sequence[str] = COLUMNS) -> Result:
        place = ("--workspace", str(tmp_path / "workspace"))
        return CliRunner().invoke(app, ["fit", command, *columns, *place, *args])

    return invoke


def _one_sentence(result: Result, codes: tuple[int, ...] = (2, 5)) -> str:
    assert result.exit_code in codes, result.output
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("datawall: ")
    return line


def test_answer_has_the_contract_s_shape(run: Run, tmp_path: Path) -> None:
    file = _write(tmp_path / "runs.csv", _rows())
    answer = json.loads(run("--data", str(file), "--bootstrap", "50", "--json").stdout)
    constants = {"A", "B", "E", "alpha", "beta"}
    assert constants | {"objective", "points", "se", "ci95"} <= set(answer)
    assert set(answer["se"]) == set(answer["ci95"]) == constants
    for name in constants:
        low, high = answer["ci95"][name]
        assert low < answer[name] < high
    assert answer["points"] == 40
    assert answer["proven"]


def test_tokens_come_from_compute(run: Run, tmp_path: Path) -> None:
    rows = _rows()
    plain = _write(tmp_path / "plain.csv", rows)
    compute = _write(tmp_path / "compute.csv", [(n, 6 * n * d, y) for n, d, y in rows])
    asked = ("--params-column", "N", "--compute-column", "D", "--loss-column", "L")
    few = ("--bootstrap", "0", "--json")
    first = json.loads(run("--data", str(plain), *few).stdout)
    second = json.loads(run("--data", str(compute), *few, columns=asked).stdout)
    assert second["alpha"] == pytest.approx(first["alpha"], rel=1e-6)
    assert second["se"] == {}


def test_bits_become_nats(run: Run, tmp_path: Path) -> None:
    rows = _rows()
    nats = _write(tmp_path / "nats.csv", rows)
    bits = _write(tmp_path / "bits.csv", [(n, d, y / np.log(2)) for n, d, y in rows])
    few = ("--bootstrap", "0", "--json")
    first = json.loads(run("--data", str(nats), *few).stdout)
    second = json.loads(run("--data", str(bits), "--loss-unit", "bits", *few).stdout)
    assert second["E"] == pytest.approx(first["E"], rel=1e-6)


@pytest.mark.parametrize("kind", ["semicolons", "tabs", "mark", "parquet"])
def test_other_ways_to_write_a_table(run: Run, tmp_path: Path, kind: str) -> None:
    plain = _write(tmp_path / "runs.csv", _rows())
    text = plain.read_text("utf-8")
    other = tmp_path / f"runs.{kind}"
    if kind == "parquet":
        duckdb.read_csv(str(plain)).write_parquet(str(other))
    elif kind == "mark":
        other.write_text("\ufeff" + text, "utf-8")
    else:
        other.write_text(text.replace(",", {"semicolons": ";", "tabs": "\t"}[kind]), "utf-8")
    few = ("--bootstrap", "0", "--json")
    first, second = (json.loads(run("--data", str(f), *few).stdout) for f in (plain, other))
    assert second["objective"] == pytest.approx(first["objective"], rel=1e-9)


def test_dropped_rows_are_named_and_both_fits_shown(run: Run, tmp_path: Path) -> None:
    rows = _rows()
    rows[6] = (*rows[6][:2], 9.0)
    file = _write(tmp_path / "runs.csv", rows)
    answer = json.loads(
        run("--data", str(file), "--drop-highest", "1", "--bootstrap", "0", "--json").stdout
    )
    assert answer["dropped_rows"] == [7]
    assert [fit["dropped"] for fit in answer["sensitivity"]] == [1, 0]
    assert answer["sensitivity"][0]["objective"] < answer["sensitivity"][1]["objective"]


@pytest.mark.parametrize("cell", ["-3.1", "0", "nan", "inf", "", "three", "1,5"])
def test_an_unusable_cell_is_named(run: Run, tmp_path: Path, cell: str) -> None:
    rows: list[Sequence[Any]] = [*_rows()]
    rows[4] = (*rows[4][:2], cell)
    file = _write(tmp_path / "runs.csv", rows)
    said = _one_sentence(run("--data", str(file)))
    assert re.search(r"1 of 40 rows .*row 5: L is ", said)
    assert "--skip-bad-rows" in said
    skipped = run("--data", str(file), "--skip-bad-rows", "--bootstrap", "0", "--json")
    answer = json.loads(skipped.stdout)
    assert answer["points"] == 39
    assert [row["row"] for row in answer["bad_rows"]] == [5]
    assert "left out: row 5" in skipped.stderr


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (_rows()[:3], "3 usable runs"),
        ([(n, d, 2.5) for n, d, _ in _rows()], "have losses 2.5"),
        ([(1e9, d, y) for _, d, y in _rows()], r"have params 1e\+09"),
        ([], "0 usable runs"),
    ],
)
def test_runs_without_a_law_are_refused(
    run: Run, tmp_path: Path, rows: Sequence[Sequence[Any]], said: str
) -> None:
    file = _write(tmp_path / "runs.csv", rows)
    assert re.search(said, _one_sentence(run("--data", str(file))))


def test_rows_of_other_lengths_are_refused(run: Run, tmp_path: Path) -> None:
    file = _write(tmp_path / "runs.csv", [*_rows(), (1e9, 2e9)])
    assert "row 41 has 2 cells, its header 3" in _one_sentence(run("--data", str(file)), (2,))


def test_missing_columns_are_named(run: Run, tmp_path: Path) -> None:
    file = _write(tmp_path / "runs.csv", [row[:2] for row in _rows()], "ND")
    assert "--loss-column is 'L'" in _one_sentence(run("--data", str(file)), (2,))


@pytest.mark.parametrize(
    "args",
    [
        ("--drop-highest", "40"),
        ("--drop-highest", "-1"),
        ("--bootstrap", "1"),
        ("--bootstrap", "-5"),
        ("--seed", "-1"),
        ("--delta", "0"),
        ("--delta", "nan"),
        ("--loss-unit", "bananas"),
        ("--compute-column", "D"),
        ("--only", "N"),
        ("--store", "Not A Name"),
    ],
)
def test_meaningless_options_are_refused(run: Run, tmp_path: Path, args: tuple[str, ...]) -> None:
    file = _write(tmp_path / "runs.csv", _rows())
    few = () if "--bootstrap" in args else ("--bootstrap", "10")
    _one_sentence(run("--data", str(file), *few, *args))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PAR1 and nothing more"])
def test_files_that_are_no_table_are_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "runs.csv"
    file.write_bytes(content)
    _one_sentence(run("--data", str(file)), (2,))


def test_a_missing_file_is_named(run: Run, tmp_path: Path) -> None:
    assert "nothing.csv" in _one_sentence(run("--data", str(tmp_path / "nothing.csv")), (2,))


def test_a_kept_fit_answers_as_a_law(run: Run, tmp_path: Path) -> None:
    file = _write(tmp_path / "runs.csv", _rows())
    keep = ("--data", str(file), "--bootstrap", "30", "--store", "mine", "--json")
    first, again = (json.loads(run(*keep).stdout) for _ in range(2))
    assert (first["stored"], again["stored"]) == ("stored", "unchanged")
    place = ("--workspace", str(tmp_path / "workspace"))
    asked = ["law", "optimum", "own:mine", "--compute", "1e22", "--json", *place]
    answer = json.loads(CliRunner().invoke(app, asked).stdout)
    low, high = answer["ci80"]["tokens_per_param"]
    assert low < answer["tokens_per_param"] < high
    rows = CliRunner().invoke(
        app,
        ["sql", "SELECT count(*) AS n FROM out_law_clouds WHERE fit = 'mine'", "--json", *place],
    )
    assert json.loads(rows.stdout) == [{"n": 30}]
    unknown = CliRunner().invoke(app, ["law", "optimum", "own:other", "--compute", "1e22", *place])
    assert "kept are own:mine" in unknown.stderr


def test_another_fit_replaces_that_of_the_day(run: Run, tmp_path: Path) -> None:
    file = _write(tmp_path / "runs.csv", _rows())
    keep = ("--data", str(file), "--store", "mine", "--json")
    run(*keep, "--bootstrap", "30")
    second = run(*keep, "--bootstrap", "20", "--drop-highest", "2")
    assert json.loads(second.stdout)["stored"] == "stored"
    place = ("--workspace", str(tmp_path / "workspace"))
    rows = CliRunner().invoke(
        app, ["sql", "SELECT count(*) AS n FROM out_law_clouds", "--json", *place]
    )
    assert json.loads(rows.stdout) == [{"n": 20}]


def test_repetition_of_a_file(run: Run, tmp_path: Path) -> None:
    from models.laws.chinchilla import Chinchilla
    from models.laws.data_constrained import DataConstrained

    law = DataConstrained(Chinchilla(520.825, 1487.716, 1.8691437, 0.3526596, 0.3526596), 12, 6)
    generator = np.random.default_rng(2)
    params, unique = 10 ** generator.uniform(7, 10, 60), 10 ** generator.uniform(8, 10.5, 60)
    tokens = unique * 10 ** generator.uniform(0, 2, 60)
    losses = law.loss(params, tokens, unique)
    rows = list(zip(params, tokens, unique, losses, strict=True))
    file = _write(tmp_path / "r.csv", rows, ("params", "tokens", "unique_tokens", "loss"))
    few = ("--data", str(file), "--bootstrap", "20", "--free", "none", "--json")
    answer = json.loads(run(*few, command="repetition", columns=()).stdout)
    assert {"r_d_star", "r_n_star", "objective", "points"} <= set(answer)
    assert (answer["r_d_star"], answer["r_n_star"]) == pytest.approx((12, 6), rel=0.01)
    wrong = run(*few, "--law", "llama3", command="repetition", columns=())
    assert "muennighoff" in _one_sentence(wrong, (2,))
