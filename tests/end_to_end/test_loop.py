"""The whole loop on small data: files in, forecast, runs, verdicts, report, rendered job out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.errors import LaunchRefused
from flows.steps.decide import decide, stored_decisions
from flows.steps.forecast import Options, forecast
from flows.steps.ingest import ingest
from flows.steps.launch import launch
from flows.steps.report import report
from flows.steps.runs import import_runs, planned_runs
from flows.workspace import Workspace
from forecasts.forecast import MEASURED_GROWTH
from forecasts.plan import template
from forecasts.results import LABELS, TOTAL

DATA = Path(__file__).parents[1] / "data"
AS_OF = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WORLDS = "1000"


def _plan(folder: Path, *changes: tuple[str, str]) -> Path:
    """The template, changed; by default it is a run too large for its date."""
    text = template()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "plan.yaml"
    path.write_text(text, "utf-8")
    return path


SMALL = (("5.0e+25 ", "1.0e+23 "), ("example-2027 ", "small-2027 "))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Excerpts of both sources in one folder.

    Without the cumulative counts: they are sums over every crawl, and an excerpt lacks most.
    """
    folder = tmp_path_factory.mktemp("files")
    for path in [*(DATA / "common_crawl").iterdir(), *(DATA / "epoch").iterdir()]:
        if path.suffix in (".csv", ".json") and not path.name.startswith("cumulative"):
            shutil.copy(path, folder)
    return folder


def _ingest(workspace: Workspace, files: Path) -> dict[str, str]:
    return {r.source: r.status for r in ingest(workspace, [], files, None, NOW, lambda _: None)}


@pytest.mark.campaign
def test_loop_through_the_steps(tmp_path: Path, files: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    used = ("catalogue", "common_crawl", "epoch_models")
    for status in ("loaded", "unchanged"):
        found = _ingest(workspace, files)
        assert {found.pop(source) for source in used} == {status}
        assert set(found.values()) == {"missing"}

    options = Options(worlds=1000)
    results = forecast(workspace, ["essay", "baseline"], AS_OF, options, NOW)
    assert [result.scenario for result in results] == ["essay", "baseline"]
    assert forecast(workspace, ["baseline"], AS_OF, options, NOW) == results[1:]
    # The excerpt has too few frontier runs to measure growth on, so the catalogue's claim stands.
    named = {row.name for row in results[1].inputs}
    assert "factor:training_compute_growth" in named
    assert MEASURED_GROWTH not in named

    assert import_runs(workspace, _plan(tmp_path), NOW) == {"example-2027": "new"}
    assert import_runs(workspace, _plan(tmp_path), NOW) == {"example-2027": "unchanged"}
    assert import_runs(workspace, _plan(tmp_path, *SMALL), NOW) == {"small-2027": "new"}
    assert [run.run for run in planned_runs(workspace)] == ["example-2027", "small-2027"]

    verdicts = {d.run: d for d in decide(workspace, [], "baseline", AS_OF, NOW)}
    assert verdicts["small-2027"].verdict == "launch"
    assert {d.decision_id for d in stored_decisions(workspace)} == {
        d.decision_id for d in verdicts.values()
    }

    written = report(workspace, None, None)
    for path in (written.html, written.markdown):
        text = path.read_text("utf-8")
        assert "small-2027" in text
        assert written.forecast.forecast_id in text

    (job,) = launch(workspace, [verdicts["small-2027"].decision_id], AS_OF)
    manifest = json.loads(job.manifest_path.read_text("utf-8"))
    assert manifest["run"] == "small-2027"
    assert {row["source"] for row in manifest["data_vintages"]} >= {"common_crawl", "epoch_models"}
    assert launch(workspace, [job.decision_id], AS_OF) == [job]


def test_a_refused_run_is_not_launched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    import_runs(workspace, _plan(tmp_path, ("5.0e+25 ", "5.0e+29 ")), NOW)
    (decision,) = decide(workspace, [], "baseline", AS_OF, NOW)
    assert decision.verdict != "launch"
    with pytest.raises(LaunchRefused, match=f"is on {decision.verdict}, not launch"):
        launch(workspace, [decision.decision_id], AS_OF)
    assert not workspace.launches.exists()


class CommandLine:
    """`datawall` in a workspace of its own, as a user runs it."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *words, "--workspace", str(self.workspace)],
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )

    def json(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr.decode()
        document: dict[str, Any] = json.loads(done.stdout)
        return document


def _forecast_words(*more: str) -> tuple[str, ...]:
    return ("forecast", "--worlds", WORLDS, "--as-of", str(AS_OF), *more)


def test_loop_through_the_command_line(tmp_path: Path, files: Path) -> None:
    datawall = CommandLine(tmp_path / "w")
    sources = datawall.json("ingest", "common_crawl", "--from", str(files))
    for row in sources["sources"]:
        assert set(row) == {
            "source", "status", "vintage", "rows", "added", "closed", "quarantined", "message",
            "held",
        }  # fmt: skip
    document = datawall.json(*_forecast_words())
    _check_forecast(document)
    assert datawall.json("runs", "import", str(_plan(tmp_path, *SMALL)))["runs"] == [
        {"run": "small-2027", "status": "new"}
    ]
    (decision,) = datawall.json("decide", "--as-of", str(AS_OF))["decisions"]
    assert set(decision) >= {
        "decision_id", "run", "verdict", "reasons", "earliest_date", "expires_at",
    }  # fmt: skip
    assert decision["verdict"] == "launch"


def _check_forecast(document: dict[str, Any]) -> None:
    assert set(document) >= {
        "forecast_id", "scenario", "as_of", "worlds", "seed", "code_version", "supply", "demand",
        "walls",
    }  # fmt: skip
    assert (document["scenario"], document["as_of"]) == ("baseline", str(AS_OF))
    for row in document["supply"]:
        assert set(row) == {"domain", "stage", "year", *LABELS}
        assert row["stage"] in ("raw", "unique", "effective")
    assert TOTAL in {row["domain"] for row in document["supply"]}
    for row in document["demand"]:
        assert set(row) == {"year", *LABELS}
    for row in document["walls"]:
        assert set(row) >= {"domain", "kind", "p10", "p50", "p90", "probability_by_horizon"}
        assert row["kind"] in ("exhaustion", "penalty_0.9", "penalty_0.5")
        # A date beyond the horizon is null, never the horizon.
        assert all(row[p] is None or row[p] < 2045 for p in ("p10", "p50", "p90"))
    assert TOTAL in {row["domain"] for row in document["walls"]}


@pytest.mark.campaign
def test_one_seed_gives_one_document(tmp_path: Path) -> None:
    """Two workspaces, byte for byte."""
    words = _forecast_words("--scenario", "essay", "--json", "--seed", "5")
    first, second = (CommandLine(tmp_path / name).run(*words).stdout for name in "ab")
    assert first == second
    assert json.loads(first)["seed"] == 5


@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        ("why: a reason\nsuply: {}", "unknown key 'suply'; did you mean 'supply'?"),
        (
            "why: because it is a test\nsupply: {web: {count: {unit: pages, shape: lognormal, "
            "low: 5, high: 3, ci_prob: 0.9, source: said by a test}}}",
            "supply.web.count: low 5 is above high 3; low must be below high",
        ),
    ],
    ids=["misspelt", "reversed"],
)
def test_a_wrong_scenario_ends_with_one_sentence(
    scenario: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(scenario, "utf-8")
    done = CommandLine(tmp_path / "w").run("forecast", "--scenario", str(path))
    assert done.returncode == 5
    assert done.stdout == b""
    assert done.stderr.decode().rstrip().splitlines() == [f"datawall: {path}: {sentence}"]
