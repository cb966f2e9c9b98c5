"""Launches by the command line: what is refused says why with code 6; tampering is code 4."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows import cli, command

Run = Callable[..., Result]
PLAN: dict[str, Any] = {
    "run": "small", "needed_on": "2027-07-01", "params": 1e6, "tokens": 1e8,
    "mixture": {"web": 1.0}, "budget_usd": 5, "payload": "echo ran", "requested_by": "ann",
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAWALL_WORKSPACE", str(tmp_path / "ws"))
    monkeypatch.delenv("DATAWALL_LEDGER_URL", raising=False)
    return tmp_path / "ws"


@pytest.fixture
def run(place: Path) -> Run:
    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli.app, args)

    return invoke


def _plan(run: Run, place: Path, **changes: Any) -> None:
    file = place.parent / "plan.yaml"
    file.write_text(json.dumps({"runs": [PLAN | changes]}))
    assert run("runs", "import", str(file)).exit_code == 0


@pytest.fixture(scope="module")
def decided(
    with_catalogue: Callable[[Path], object], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A folder with a workspace in which a decision of few worlds says launch; the decision."""
    folder = tmp_path_factory.mktemp("decided")
    with_catalogue(folder / "ws")
    environment = {"DATAWALL_WORKSPACE": str(folder / "ws"), "DATAWALL_LEDGER_URL": None}

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli.app, args, env=environment)

    _plan(invoke, folder / "ws")
    few = folder / "few.yaml"
    few.write_text("{name: few, why: Few worlds for speed., worlds: 100}\n")
    done = invoke("decide", "--scenario", str(few), "--json")
    return folder, str(json.loads(done.stdout)["decisions"][0]["decision_id"])


@pytest.fixture
def decision(place: Path, decided: tuple[Path, str]) -> str:
    """A decision of few worlds that says launch, in a workspace of the test's own."""
    folder, made = decided
    shutil.copytree(folder, place.parent, dirs_exist_ok=True)
    return made


@pytest.fixture
def refused(run: Run, decision: str, place: Path) -> Callable[[], str]:
    """Call it for the reason why the decision is not launched; nothing is started."""

    def reason() -> str:
        done = run("launch", decision, "--launcher", "local", "--json")
        assert done.exit_code == command.LAUNCH, done.output
        assert done.stdout in ("", '{"launches": []}\n')
        assert not (place / "jobs").exists()
        (line,) = [text for text in done.stderr.splitlines() if text.startswith("datawall: ")]
        return line

    return reason


def _later(monkeypatch: pytest.MonkeyPatch, **gone: float) -> None:
    moment = datetime.now(UTC) + timedelta(**gone)
    monkeypatch.setattr(command, "now", lambda: moment)


def test_approvals(
    run: Run, decision: str, refused: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nobody has approved" in refused()
    own = run("approve", decision, "--by", "Ann")
    assert own.exit_code == command.LAUNCH
    assert "Ann asked for this run" in own.stderr
    assert run("approve", decision, "--by", "bob", "--days", "0.5").exit_code == 0
    _later(monkeypatch, hours=13)
    assert "expired" in refused()


def test_a_manifest_that_changed(
    run: Run, decision: str, refused: Callable[[], str], place: Path
) -> None:
    run("approve", decision, "--by", "bob")
    _plan(run, place, payload="echo something else")
    assert "changed after this decision" in refused()


def test_paused_and_exhausted(
    run: Run, decision: str, refused: Callable[[], str], place: Path
) -> None:
    run("approve", decision, "--by", "bob")
    run("pause", "--reason", "audit")
    assert "launches are paused" in refused()
    assert "(audit)" in refused()
    run("resume")
    (place / "policy.yaml").write_text("month_budget_usd: 4.99\n")
    assert "has 4.99 USD left of 4.99 USD" in refused()
    (place / "policy.yaml").write_text("month_budget: 4.99\n")
    assert run("launch", decision, "--launcher", "local").exit_code == command.USAGE


def test_a_month_that_others_have_exhausted(run: Run, decision: str, place: Path) -> None:
    file = place.parent / "two.yaml"
    file.write_text(json.dumps({"runs": [PLAN | {"run": name} for name in ("one", "two")]}))
    assert run("runs", "import", str(file)).exit_code == 0
    few = str(place.parent / "few.yaml")
    decided = json.loads(run("decide", "one", "two", "--scenario", few, "--json").stdout)
    first, second = (item["decision_id"] for item in decided["decisions"])
    for name in (first, second):
        assert run("approve", name, "--by", "bob").exit_code == 0
    (place / "policy.yaml").write_text("month_budget_usd: 9\n")
    assert run("launch", first, "--launcher", "local").exit_code == 0
    done = run("launch", second, "--launcher", "local")
    assert done.exit_code == command.LAUNCH
    assert "two may cost 5.00 USD, and month" in done.stderr
    assert "has 4.00 USD left of 9.00 USD" in done.stderr
    ((launched, state),) = (
        (row["decision_id"], row["state"])
        for row in json.loads(run("launches", "--json").stdout)["launches"]
    )
    assert (launched, state) == (first, "launched")


@pytest.mark.usefixtures("decision")
def test_another_attempt_is_another_manifest_to_approve(run: Run, place: Path) -> None:
    (place / "policy.yaml").write_text("cooldown_hours: 0\n")
    _plan(run, place, payload="""echo '{"cost_usd": 1.25}' > $DATAWALL_COST; exit 3""")
    few = str(place.parent / "few.yaml")
    made = json.loads(run("decide", "--scenario", few, "--json").stdout)["decisions"][0]
    decision = made["decision_id"]
    run("approve", decision, "--by", "bob")
    assert run("launch", decision, "--launcher", "local").exit_code == 0
    deadline, ended = time.monotonic() + 30, ""
    while ended != "failed":
        assert time.monotonic() < deadline
        changed = json.loads(run("reconcile", "--json").stdout)["launches"]
        ended = changed[0]["state"] if changed else ""
    again = run("launch", decision, "--launcher", "local")
    assert again.exit_code == command.LAUNCH
    assert "attempt 1 at small ended failed: exit code 3; see " in again.stderr
    assert f"to start another: datawall launch {decision} --retry" in again.stderr
    done = run("launch", decision, "--launcher", "local", "--retry")
    assert done.exit_code == command.LAUNCH
    assert "changed since bob approved it" in done.stderr
    (launch,) = json.loads(run("launches", "--json").stdout)["launches"]
    assert (launch["reserved_usd"], launch["spent_usd"]) == (5.0, 1.25)
    assert launch["detail"].endswith("; cost as the job reported it")


def test_a_ledger_that_was_tampered_with_launches_nothing(
    run: Run, decision: str, refused: Callable[[], str], place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """An approval that was made to last longer is found before it is used."""
    run("approve", decision, "--by", "bob", "--days", "0.5")
    _later(monkeypatch, hours=13)
    with sqlite3.connect(place / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE approval SET expires_at = '2999-01-01 00:00:00.000000'")
    ledger.close()
    said = refused()
    assert "the launch ledger was tampered with: approval " in said
    assert "expires_at differs from what was recorded" in said
    checked = run("launches", "--verify")
    assert checked.exit_code == command.CHECK
    assert "expires_at differs from what was recorded" in checked.stderr


def test_a_forecast_that_is_old(
    run: Run, decision: str, refused: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("approve", decision, "--by", "bob")
    _later(monkeypatch, days=8)
    assert "forecast fresh" in refused()


def test_a_licence_that_ends_too_early(
    run: Run, decision: str, refused: Callable[[], str], place: Path
) -> None:
    corpus = {"corpus": "c", "domain": "web", "licence": "l", "valid_until": "2027-06-30"}
    _plan(run, place, corpora=[corpus])
    few = str(place.parent / "few.yaml")
    new = json.loads(run("decide", "--scenario", few, "--json").stdout)["decisions"][0]
    run("approve", new["decision_id"], "--by", "bob")
    done = run("launch", new["decision_id"], "--launcher", "local")
    assert done.exit_code == command.LAUNCH
    assert "c: l ends on 2027-06-30, before 2027-07-01" in done.stderr


def test_a_launch_to_its_end_and_tampering(run: Run, decision: str, place: Path) -> None:
    run("approve", decision, "--by", "bob")
    first, second = (
        json.loads(run("launch", decision, "--launcher", "local", "--json").stdout)["launches"][0]
        for _ in range(2)
    )
    assert first == second
    assert first["state"] == "launched"
    log = place / "jobs" / f"datawall-{first['launch_id']}" / "output.log"
    deadline = time.monotonic() + 30
    while not (log.with_name("result.json")).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert log.read_text() == "ran\n"
    assert json.loads(run("reconcile", "--json").stdout)["launches"][0]["state"] == "succeeded"
    shown = json.loads(run("sql", "FROM out_launches", "--json").stdout)[0]
    assert (shown["state"], shown["approver"], shown["requester"]) == ("succeeded", "bob", "ann")
    spend = json.loads(run("sql", "FROM out_spend", "--json").stdout)[0]
    assert (spend["run"], spend["counted_usd"]) == ("small", 5.0)
    assert run("launches", "--verify").exit_code == 0
    with sqlite3.connect(place / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE intent SET reserved_cents = 1")
    ledger.close()
    done = run("launches", "--verify")
    assert done.exit_code == command.CHECK
    assert f"intent {first['launch_id']}: reserved_cents differs" in done.stderr


def test_a_plan_for_a_launcher_is_held_by_its_gates(run: Run, place: Path) -> None:
    _plan(run, place, launcher="local", budget_usd=500, corpora=[])
    decided = json.loads(run("decide", "--json").stdout)["decisions"][0]
    assert decided["verdict"] == "hold"
    assert decided["reasons"] == [
        "licences: no corpus with its licence is named for web",
        "evaluation: the plan names no evaluation",
    ]
    rows = run("sql", "FROM out_gate_evidence WHERE NOT passed ORDER BY position", "--json")
    assert [row["gate"] for row in json.loads(rows.stdout)] == ["licences", "evaluation"]


def test_import_shows_what_changed_and_decide_writes_a_card(run: Run, place: Path) -> None:
    _plan(run, place, budget_usd=500)
    file = place.parent / "plan.yaml"
    file.write_text(json.dumps({"runs": [PLAN]}))
    done = json.loads(run("runs", "import", str(file), "--json").stdout)["runs"]
    assert done == [
        {
            "run": "small",
            "status": "changed",
            "changes": [{"key": "budget_usd", "before": 500.0, "after": 5.0}],
        }
    ]
    file.write_text(json.dumps({"runs": [PLAN | {"budget_usd": 5000}]}))
    assert "small: budget_usd 5.0 → 5000.0" in run("runs", "import", str(file)).stdout
    assert "cards/small.md" in run("decide").stdout
    card = (place / "cards" / "small.md").read_text()
    assert card.startswith("# small: launch\n")
    assert "## Before it may start\n\n- budget: the plan says 5,000.00 USD" in card
    assert "| supply of web | passed |" in card
