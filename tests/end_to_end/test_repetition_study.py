"""A repetition study on generated text: nine real trainings, then R_D* or its refusal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from flows import cli, probe
from flows.errors import UsageError
from flows.probing.manifest import read_settings
from flows.steps.forecast import Options, forecast, know
from flows.steps.probe_import import import_probes
from flows.steps.probe_study import fit_study
from flows.steps.report import report
from flows.steps.runs import import_runs, planned_runs
from flows.workspace import Workspace
from warehouse.errors import NotFound

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = date(2027, 1, 1)
SAMPLE = Path(__file__).parents[1] / "data/probe/repeat-02"
SYMBOLS, LENGTH = 24, 300
SET = ("context=16", "batch=8", "learning_rate=0.02", "held_out_share=0.2", "log_every=200",
       "checkpoint_every=100000", "depth=1")  # fmt: skip


def _transitions() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(99).dirichlet(np.full(SYMBOLS, 0.3), SYMBOLS)


def _entropy() -> float:
    """Nats per symbol of the chain: no network can have a lower loss."""
    chain = _transitions()
    share = np.linalg.matrix_power(chain, 200)[0]
    return float(-(share[:, None] * chain * np.log(np.maximum(chain, 1e-300))).sum())


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first-order chain on 24 symbols: its 576 transitions are all there is to learn.

    What a text of U tokens says of them is exhausted by reading it often; more text says more.
    """
    chance, steps = np.random.default_rng(1), _transitions().cumsum(axis=1)
    documents, symbol = [], 0
    for _ in range(500):
        row = []
        for u in chance.random(LENGTH):
            symbol = min(int(np.searchsorted(steps[symbol], u)), SYMBOLS - 1)
            row.append(chr(ord("a") + symbol))
        documents.append("".join(row))
    path = tmp_path_factory.mktemp("chain") / "chain.txt"
    path.write_text("\n\n".join(documents))
    return path


def _plan(text: Path, folder: Path, unique_tokens: int, width: int) -> Path:
    settings = (*SET, f"width={width}")
    words = [word for setting in settings for word in ("--set", setting)]
    done = CliRunner().invoke(
        cli.app,
        [
            "probe", "plan", "repetition", "--corpus", str(text),
            "--unique-tokens", str(unique_tokens), "--study", "chain", *words,
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    path = folder / "plan.yaml"
    path.write_text(done.stdout)
    return path


def _train(plan: Path, folder: Path) -> None:
    """Run every payload of a plan as its launcher would, here."""
    for run in yaml.safe_load(plan.read_text())["runs"]:
        out = ["--out", str(folder / run["run"])]
        assert probe.main([*out, f"run={run['run']}", *run["payload"][3:]]) == 0


def test_a_plan_expands_to_nine_runs_that_can_be_imported(text: Path, tmp_path: Path) -> None:
    plan = _plan(text, tmp_path, 12_288, 16)
    workspace = Workspace(tmp_path / "w")
    outcome = import_runs(workspace, plan, NOW)
    assert set(outcome.values()) == {"new"}
    assert len(outcome) == 9
    runs = {run.run: run for run in planned_runs(workspace)}
    assert {run.max_epochs for run in runs.values()} == {1, 2, 4, 8, 16, 32}
    for run in runs.values():
        settings, _ = read_settings(None, [f"run={run.run}", *run.payload[3:]])
        assert settings.corpus == (str(text),)
        assert (settings.shape().params, settings.order().tokens) == (run.params, run.tokens)
    assert runs["chain-epochs-08"].tokens == runs["chain-fresh-08"].tokens


# Held-out losses of this study as trained on a CPU with torch 2.13.0: unique tokens, epochs, nats.
RECORDED = (
    (12_288, 1, 2.6166), (12_288, 2, 2.4317), (12_288, 4, 2.3530), (12_288, 8, 2.3331),
    (12_288, 16, 2.3276), (12_288, 32, 2.3366), (24_576, 1, 2.4261), (49_152, 1, 2.3538),
    (98_304, 1, 2.3185),
)  # fmt: skip
HARMED = (
    (4096, 1, 2.8163), (4096, 2, 2.5983), (4096, 4, 2.4545), (4096, 8, 2.3896),
    (4096, 16, 2.3978), (4096, 32, 2.9061), (8192, 1, 2.5939), (16_384, 1, 2.4775),
    (32_768, 1, 2.3552),
)  # fmt: skip


def _write(folder: Path, runs: Sequence[tuple[int, int, float]], **changes: Any) -> Path:
    """Results with these losses, otherwise those of the sample."""
    sample = json.loads((SAMPLE / "result.json").read_text())
    for unique, epochs, loss in runs:
        name = f"chain-{unique}-{epochs}"
        place = folder / name
        place.mkdir(parents=True)
        shutil.copy(SAMPLE / "loss.jsonl", place)
        result = sample | {
            "run": name, "study": "chain", "unique_tokens": unique, "tokens": unique * epochs,
            "epochs": epochs, "loss_nats": loss, "loss_se": 0.0058,
        } | changes  # fmt: skip
        (place / "result.json").write_text(json.dumps(result))
    return folder


@pytest.mark.campaign
def test_a_study_becomes_a_claim_that_a_scenario_draws_from(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    import_probes(workspace, [_write(tmp_path / "runs", RECORDED)], NOW)
    fitted = fit_study(workspace, "chain", None, NOW)
    assert fitted.claim == "probe:chain.r_d_star"
    assert 1 < fitted.fit.low < fitted.fit.r_d_star < fitted.fit.high < 60
    generation = workspace.published.stat().st_mtime_ns
    place = ["--workspace", str(workspace.root), "--json"]
    again = json.loads(CliRunner().invoke(cli.app, ["probe", "fit", "chain", *place]).stdout)
    assert again["r_d_star"] == fitted.fit.r_d_star
    page = (SAMPLE.parents[3] / "docs/commands.md").read_text("utf-8")
    shown = page.partition("### datawall probe fit")[2].partition("```json\n")[2]
    assert json.loads(shown.partition("```")[0]).keys() == again.keys()
    assert workspace.published.stat().st_mtime_ns == generation
    claim = know(workspace, LATER).claims[fitted.claim]
    assert (claim.value, claim.low, claim.high) == (
        fitted.fit.r_d_star, fitted.fit.low, fitted.fit.high,
    )  # fmt: skip
    scenario = tmp_path / "measured.yaml"
    scenario.write_text(
        "why: R* as our own probes measured it.\nworlds: 200\n"
        "repetition: {form: law, r_star: 'probe:chain.r_d_star', epochs: 'factor:epoch_cap'}\n"
    )
    (result,) = forecast(workspace, [str(scenario)], LATER, Options(), NOW)
    (row,) = [row for row in result.inputs if row.name == fitted.claim]
    assert (row.value, row.publisher) == (fitted.fit.r_d_star, "own probe runs")
    written = report(workspace, None, None)
    for path in (written.markdown, written.html):
        page = path.read_text("utf-8")
        assert "Measured by probes" in page
        assert "chain-12288-32" in page
    table = written.markdown.read_text("utf-8").partition("## Measured by probes")[2]
    drawn = {line.split(" | ")[0].strip("| "): line.split(" | ")[4] for line in table.splitlines()
             if line.startswith("| probe:")}  # fmt: skip
    assert drawn["probe:chain.r_d_star"] == "yes"
    assert drawn["probe:chain-12288-32.loss_nats"] == "no"


def test_a_harmful_study_leaves_no_claim(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    import_probes(workspace, [_write(tmp_path / "runs", HARMED)], NOW)
    place = ["--workspace", str(workspace.root)]
    done = CliRunner().invoke(cli.app, ["probe", "fit", "chain", *place])
    assert done.exit_code == 0
    assert "rejected: the most repeated run is 0.516 nats worse" in done.stdout
    assert not [name for name in know(workspace, LATER).claims if name.endswith("r_d_star")]


def test_runs_of_different_networks_are_not_fitted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(NotFound, match="no imported run is of study 'chain'; there are: none yet"):
        fit_study(workspace, "chain", None, NOW)
    _write(tmp_path / "runs", RECORDED[1:])
    _write(tmp_path / "runs", RECORDED[:1], weight_decay=1.0)
    import_probes(workspace, [tmp_path / "runs"], NOW)
    with pytest.raises(UsageError, match="differ in weight_decay"):
        fit_study(workspace, "chain", None, NOW)


@pytest.mark.campaign
@pytest.mark.release
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("unique_tokens", "width"), [(12_288, 16), (4096, 32)])
def test_nine_trainings_measure_repetition(
    unique_tokens: int, width: int, text: Path, tmp_path: Path,
    record_property: Callable[..., None],
) -> None:  # fmt: skip
    pytest.importorskip("torch", reason="torch is an optional extra: make probe")
    _train(_plan(text, tmp_path, unique_tokens, width), tmp_path / "runs")
    workspace = Workspace(tmp_path / "w")
    imported = import_probes(workspace, [tmp_path / "runs"], NOW)
    losses = {item.result.run.removeprefix("chain-"): item.result.loss_nats for item in imported}
    record_property("losses", losses)
    entropy = _entropy()
    assert all(loss > entropy for loss in losses.values())
    fresh = [losses[name] for name in ("epochs-01", "fresh-02", "fresh-04", "fresh-08")]
    assert fresh == sorted(fresh, reverse=True)
    fitted = fit_study(workspace, "chain", None, NOW)
    fit = fitted.fit
    record_property("R_D* and its interval", [float(x) for x in (fit.low, fit.r_d_star, fit.high)])
    if width == 32:
        # A wide network learns a short text by heart.
        assert "repetition harms here" in fitted.fit.rejected
        assert fitted.claim == ""
    else:
        assert fitted.fit.rejected == ""
        # A few readings exhaust what the text says, and more text would say more.
        assert 0 < fitted.fit.low < fitted.fit.r_d_star < fitted.fit.high
        assert fitted.fit.low < 16
        assert losses["fresh-08"] < losses["epochs-08"] < losses["epochs-04"]
