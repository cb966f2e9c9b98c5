"""Demand from one's own fit, and from the trend of one's own list of training runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from flows import command
from flows.cli import app

YEARS = np.linspace(2012, 2024.9, 30)
# log10 FLOP of records on a line with a plain zigzag about it.
LOG_COMPUTE = 19 + 0.6 * (YEARS - 2012) + 0.05 * (-1) ** np.arange(30)


def _say(root: Path, *args: str) -> Any:
    result = CliRunner().invoke(app, [*args, "--workspace", str(root), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _scenario(path: Path, demand: str) -> str:
    path.write_text(f"why: it is written by a test\nworlds: 2000\ndemand: {{path: {{{demand}}}}}")
    return str(path)


def _runs_file(folder: Path) -> Path:
    header = (
        "Model", "Publication date", "Training compute (FLOP)", "Parameters", "Organization",
        "Training dataset size (datapoints)", "Training dataset size notes", "Base model",
        "Confidence", "Domain", "Task", "Reference", "Link", "Notability criteria",
    )  # fmt: skip
    file = folder / "notable_ai_models.2025-02-24.csv"
    with file.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(header)
        for i, (year, log) in enumerate(zip(YEARS, LOG_COMPUTE, strict=True)):
            day = np.datetime64(f"{int(year)}-01-01") + int((year % 1) * 364)
            rows.writerow((f"run {i}", str(day), f"{10**log:.6g}", *([""] * (len(header) - 3))))
    return file


def test_a_stored_fit_is_drawn_from_its_cloud(tmp_path: Path) -> None:
    """The register shows the fit; demand at one budget spreads as its resamples do."""
    generator = np.random.default_rng(1)
    params, tokens = 10 ** generator.uniform(7, 10, 60), 10 ** generator.uniform(9, 11, 60)
    losses = 1.8 + 480 * params**-0.35 + 2100 * tokens**-0.37
    losses *= np.exp(0.004 * generator.standard_normal(60))
    file, root = tmp_path / "runs.csv", tmp_path / "workspace"
    np.savetxt(file, np.array([params, tokens, losses]).T, delimiter=",", header="N,D,L",
               comments="")  # fmt: skip
    columns = ("--params-column", "N", "--tokens-column", "D", "--loss-column", "L")
    _say(root, "fit", "chinchilla", "--data", str(file), *columns, "--bootstrap", "200",
         "--store", "mine")  # fmt: skip
    fixed = (
        "level: {unit: flop, value: 5.0e+28, valid_on: 2025-01-01, source: said by a test}, "
        "growth: {unit: ratio_per_year, value: 1, source: said by a test}, "
        "growth_from_runs: false, ceiling: null, ceiling_growth: null, "
        "overtraining: {unit: ratio, value: 1, source: said by a test}, "
        "laws: [{law: 'own:mine', weight: 1, draws: true}]"
    )
    forecast = _say(root, "forecast", "--scenario", _scenario(tmp_path / "own.yaml", fixed))
    kept = _say(root, "law", "optimum", "own:mine", "--compute", "5e28")
    seen = next(row for row in forecast["demand"] if row["year"] == 2030)
    assert [seen["p10"], seen["p90"]] == pytest.approx(kept["ci80"]["tokens"], rel=0.03)
    row = next(row for row in forecast["inputs"] if row["name"] == "law:own:mine")
    assert (row["publisher"], row["title"]) == ("own runs", "runs.csv")
    assert "200 resamples" in row["basis"]
    shown = _say(root, "sensitivity", "--scenario", str(tmp_path / "own.yaml"))
    assert "law:own:mine" in {share["name"] for share in shown["shares"]}


def test_level_and_growth_of_records_are_claims(tmp_path: Path) -> None:
    """Named by a scenario they are the regression line; unknown before any run is loaded."""
    root = tmp_path / "workspace"
    path = (
        "level: 'measured:record_compute_level', growth: 'measured:record_compute_growth', "
        "growth_from_runs: false, ceiling: null, ceiling_growth: null"
    )
    spec = _scenario(tmp_path / "records.yaml", path)
    refused = CliRunner().invoke(app, ["forecast", "--scenario", spec, "--workspace", str(root)])
    assert refused.exit_code == command.SCENARIO
    assert "measured:record_compute_level', which the warehouse does not know" in refused.stderr
    file = _runs_file(tmp_path)
    _say(root, "ingest", "epoch_models", "--from", str(file.parent))
    inputs = {row["name"]: row for row in _say(root, "forecast", "--scenario", spec)["inputs"]}
    level, growth = (inputs[f"measured:record_compute_{part}"] for part in ("level", "growth"))
    assert growth["value"] == pytest.approx(10**0.6, rel=0.02)
    assert level["value"] == pytest.approx(10 ** np.mean(LOG_COMPUTE), rel=0.02)
    assert level["valid_on"][:4] == "2018"
    assert level["drawn_p05"] < level["value"] < level["drawn_p95"]
    assert "larger than all before them" in level["basis"]
    assert level["url"]
