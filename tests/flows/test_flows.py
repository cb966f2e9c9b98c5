"""Every flow under Prefect's own test harness: results, artifacts, faults and retries."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.errors import SourceChanged, SourceError, SourceUnavailable, UsageError
from flows.steps import ingest as ingest_step
from flows.steps import runs
from flows.workspace import Workspace
from forecasts import plan
from forecasts import scenario as scenarios
from forecasts.errors import ScenarioInvalid
from warehouse.connection import reader
from warehouse.content import content_sha256
from warehouse.errors import CheckFailed, WarehouseLocked

pytestmark = pytest.mark.server
DATA = Path(__file__).parents[1] / "data"
NO_WAIT = [0.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def server(own_prefect: None) -> Iterator[None]:
    """One server for all flow tests; the heartbeat would cost each flow a second."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    quiet = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with prefect_test_harness(server_startup_timeout=120), quiet:
        yield


@pytest.fixture(autouse=True)
def few_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What flows do is the same with few worlds."""
    whole = scenarios.base_document
    monkeypatch.setattr(scenarios, "base_document", lambda: whole() | {"worlds": 2000})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace, in a folder whose name needs quoting in a link."""
    return Workspace(tmp_path / "work space")


@pytest.fixture
def prepared(workspace: Workspace, with_catalogue: Callable[[Path], Workspace]) -> Workspace:
    """A workspace with the catalogue."""
    return with_catalogue(workspace.root)


def artifact(key: str) -> Any:
    """Newest artifact of a key."""
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, f"no artifact {key}"
    return found.data


def rows_of(key: str) -> list[dict[str, Any]]:
    """Rows of the newest table artifact of a key."""
    return list(json.loads(artifact(key)))


def facts(workspace: Workspace) -> str:
    """Hash of all facts that readers see."""
    with reader(workspace.published) as connection:
        return content_sha256(connection)


def import_template(workspace: Workspace, folder: Path) -> list[str]:
    """Plan the runs of the template; returns their names."""
    path = folder / "plan.yaml"
    path.write_text(plan.template(), "utf-8")
    return list(runs.import_runs(workspace, path, datetime.now(UTC)))


@pytest.mark.usefixtures("server")
def test_weekly_does_the_whole_loop(workspace: Workspace) -> None:
    from flows.weekly import weekly

    headline, written = weekly(str(workspace.root))

    page = Path(written.removeprefix("report: "))
    assert page.parent == workspace.reports
    assert headline in page.read_text("utf-8")
    assert page.with_suffix(".md").exists()
    assert [row["source"] for row in rows_of("ingest")] == ["catalogue"]
    assert artifact("forecast-baseline").startswith(f"# {headline}")
    assert {row["kind"] for row in rows_of("walls-baseline")} >= {"exhaustion"}
    assert rows_of("decisions-baseline") == []
    assert page.as_uri() in artifact("report-baseline")


@pytest.mark.usefixtures("server")
def test_weekly_reports_its_own_forecast_and_not_a_newer_one(
    prepared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.steps import forecast as step

    weekly = importlib.import_module("flows.weekly")
    decide = weekly.decide

    def meanwhile(*args: Any) -> list[str]:
        now = datetime.now(UTC)
        step.forecast(prepared, ["baseline"], now.date(), step.Options(worlds=500), now)
        return list(decide(*args))

    monkeypatch.setattr(weekly, "decide", meanwhile)
    headline, written = weekly.weekly(str(prepared.root))
    shown = Path(written.removeprefix("report: ")).read_text("utf-8")
    with reader(prepared.published) as connection:
        stored = connection.exec_driver_sql(
            "SELECT forecast_id, worlds FROM out_forecasts ORDER BY created_at"
        ).all()
    assert [row.worlds == 500 for row in stored] == [False, True]
    assert headline in shown
    assert stored[0].forecast_id in shown
    assert stored[1].forecast_id not in shown


@pytest.mark.usefixtures("server")
def test_ingest_loads_the_samples_and_a_rerun_changes_nothing(workspace: Workspace) -> None:
    from flows.ingest import ingest

    folder = str(DATA / "epoch")
    lines = ingest(str(workspace.root), folder)
    before = facts(workspace)
    loaded = {row["source"]: row for row in rows_of("ingest")}
    assert loaded["epoch_models"]["status"] == "loaded"
    assert loaded["epoch_models"]["rows"] > 0
    assert loaded["common_crawl"]["status"] == "missing"
    assert f"epoch_models: loaded, {loaded['epoch_models']['rows']} rows" in lines

    ingest(str(workspace.root), folder)
    assert facts(workspace) == before
    assert {row["source"]: row["status"] for row in rows_of("ingest")}["epoch_models"] == (
        "unchanged"
    )


@pytest.mark.usefixtures("server")
def test_ingest_emits_what_is_worth_telling(
    prepared: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = importlib.import_module("flows.ingest")
    told: list[tuple[str, str, Any]] = []

    def emit(event: str, resource: dict[str, str], payload: Any) -> None:
        told.append((event, resource["prefect.resource.id"], payload["added"]))

    monkeypatch.setattr(module, "emit_event", emit)
    (tmp_path / "collinfo.json").write_text("<html>")
    shutil.copy(DATA / "epoch/notable_ai_models.2024-07-16.csv", tmp_path)
    with pytest.raises(SourceError, match=r"collinfo\.json"):
        module.ingest(str(prepared.root), str(tmp_path), group="crawls")
    module.ingest(str(prepared.root), str(tmp_path), group="models")
    rows = rows_of("ingest-models")[1]["added"]
    assert told == [
        ("datawall.source.failed", "datawall.source.common_crawl", 0),
        ("datawall.source.changed", "datawall.source.epoch_models", rows),
        ("datawall.source.stale", "datawall.source.epoch_models", rows),
    ]
    with pytest.raises(UsageError, match="group 'nobody' is unknown"):
        module.ingest(str(prepared.root), group="nobody")


@pytest.mark.usefixtures("server")
def test_a_failing_source_fails_the_flow_and_leaves_the_facts(
    prepared: Workspace, tmp_path: Path
) -> None:
    from flows.ingest import ingest

    before = facts(prepared)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "notable_ai_models.csv").write_text("Model,Price\nx,1\n", "utf-8")

    with pytest.raises(SourceError, match="loaded before stays"):
        ingest(str(prepared.root), str(tmp_path / "sources"))

    assert facts(prepared) == before
    told = {row["source"]: row for row in rows_of("ingest")}
    assert told["epoch_models"]["status"] == "failed"
    assert "notable_ai_models.csv" in told["epoch_models"]["message"]


@pytest.mark.usefixtures("server")
def test_weekly_forecasts_nothing_after_a_failed_ingest(
    prepared: Workspace, tmp_path: Path
) -> None:
    from flows.weekly import weekly

    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "notable_ai_models.csv").write_text("", "utf-8")
    with pytest.raises(SourceError):
        weekly(str(prepared.root), str(tmp_path / "sources"))
    assert not prepared.reports.exists()


@pytest.mark.usefixtures("server")
def test_forecast_stores_each_scenario_once(prepared: Workspace) -> None:
    from flows.forecast import forecast

    first = forecast(str(prepared.root), ["baseline", "essay"])
    again = forecast(str(prepared.root), ["baseline", "essay"])

    assert again == first
    with reader(prepared.published) as connection:
        stored = connection.exec_driver_sql("SELECT forecast_id, scenario FROM out_forecasts").all()
    assert {row.forecast_id for row in stored} == {item.forecast_id for item in first}
    assert len(stored) == 2
    for item, name in zip(first, ("baseline", "essay"), strict=True):
        assert artifact(f"forecast-{name}").startswith(f"# {item.headline}")
        assert "total" in {row["domain"] for row in rows_of(f"walls-{name}")}


@pytest.mark.usefixtures("server")
def test_forecast_of_an_unknown_scenario_is_not_tried_twice(
    prepared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("flows.forecast")
    tries: list[object] = []
    real = module.step.forecast

    def counted(*args: object) -> object:
        tries.append(args)
        return real(*args)

    monkeypatch.setattr(module.step, "forecast", counted)
    with pytest.raises(ScenarioInvalid, match="basline"):
        module.forecast(str(prepared.root), ["basline"])
    assert len(tries) == 1


@pytest.mark.usefixtures("server")
def test_decide_gives_each_planned_run_a_verdict(prepared: Workspace, tmp_path: Path) -> None:
    from flows.decide import decide

    assert decide(str(prepared.root)) == ["no run is planned"]
    planned = import_template(prepared, tmp_path)

    lines = decide(str(prepared.root))

    told = rows_of("decisions-baseline")
    assert sorted(row["run"] for row in told) == sorted(planned)
    assert lines == [f"{row['run']}: {row['verdict']}" for row in told]
    assert all(row["verdict"] in {"launch", "hold", "reject"} and row["reasons"] for row in told)


@pytest.mark.usefixtures("server")
def test_decide_refuses_an_unknown_scenario_even_without_runs(prepared: Workspace) -> None:
    from flows.decide import decide

    with pytest.raises(ScenarioInvalid, match="basline"):
        decide(str(prepared.root), "basline")


@pytest.mark.usefixtures("server")
def test_report_writes_the_newest_forecast_and_links_it(prepared: Workspace) -> None:
    from flows.forecast import forecast
    from flows.report import report

    stored = forecast(str(prepared.root), ["essay"])[0]
    page = Path(report(str(prepared.root)))
    assert page.name.endswith("-essay.html")
    assert stored.headline in page.read_text("utf-8")
    assert page.as_uri() in artifact("report-essay")


@pytest.mark.usefixtures("server")
def test_settings_come_from_the_environment_of_the_worker(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.ingest import ingest

    monkeypatch.setenv("DATAWALL_WORKSPACE", str(workspace.root))
    monkeypatch.setenv("DATAWALL_FROM", str(DATA / "epoch"))
    ingest()
    assert workspace.published.exists()
    assert "epoch_models" in {row["source"] for row in rows_of("ingest")}


# Faults


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The ingest module with its task retried without delay, and the tries counted."""
    module: Any = importlib.import_module("flows.ingest")
    at_once = module.ingest_sources.with_options(
        retry_delay_seconds=NO_WAIT, retry_jitter_factor=None
    )
    monkeypatch.setattr(module, "ingest_sources", at_once)
    return module


def failing(monkeypatch: pytest.MonkeyPatch, times: int, error: Exception) -> list[int]:
    """Make the ingest step fail so many times; the list gets one entry a try."""
    tries: list[int] = []
    real = ingest_step.ingest

    def flaky(*args: Any) -> Any:
        tries.append(len(tries) + 1)
        if len(tries) <= times:
            raise error
        return real(*args)

    monkeypatch.setattr(ingest_step, "ingest", flaky)
    return tries


@pytest.mark.usefixtures("server")
def test_a_passing_fault_is_retried(
    workspace: Workspace,
    patient: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tries = failing(monkeypatch, 2, SourceUnavailable("the share is away"))
    assert patient.ingest(str(workspace.root)) == ["catalogue: loaded, " + _catalogue_rows()]
    assert tries == [1, 2, 3]
    assert capsys.readouterr().err.count("the share is away; trying again") == 2


def _catalogue_rows() -> str:
    return f"{rows_of('ingest')[0]['rows']} rows"


@pytest.mark.usefixtures("server")
def test_a_fault_that_stays_ends_after_three_retries(
    workspace: Workspace, patient: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = failing(monkeypatch, 99, SourceUnavailable("the share is away"))
    with pytest.raises(SourceUnavailable, match="the share is away"):
        patient.ingest(str(workspace.root))
    assert tries == [1, 2, 3, 4]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    "error", [SourceChanged("a column is gone"), CheckFailed("a negative count"), KeyError("a bug")]
)
def test_a_fault_that_cannot_pass_is_not_retried(
    workspace: Workspace, patient: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries = failing(monkeypatch, 1, error)
    with pytest.raises(type(error)):
        patient.ingest(str(workspace.root))
    assert tries == [1]


HOLD = """
import sys
from pathlib import Path
from warehouse.connection import writer
with writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer_elsewhere(prepared: Workspace) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the warehouse for writing until it is sent a line."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(prepared.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def _release(child: subprocess.Popen[str]) -> None:
    child.communicate("\n", timeout=30)


@pytest.mark.usefixtures("server")
def test_a_second_writer_is_retried_until_the_first_has_finished(
    prepared: Workspace,
    patient: Any,
    writer_elsewhere: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAWALL_LOCK_WAIT_S", "0.2")
    tries: list[int] = []
    real = ingest_step.ingest

    def watched(*args: Any) -> Any:
        tries.append(len(tries) + 1)
        if len(tries) == 3:
            _release(writer_elsewhere)
        return real(*args)

    monkeypatch.setattr(ingest_step, "ingest", watched)
    assert patient.ingest(str(prepared.root))[0].startswith("catalogue: unchanged")
    assert tries == [1, 2, 3]


@pytest.mark.usefixtures("server")
def test_a_writer_that_never_finishes_is_named(
    prepared: Workspace,
    patient: Any,
    writer_elsewhere: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAWALL_LOCK_WAIT_S", "0.1")
    with pytest.raises(WarehouseLocked, match=f"process {writer_elsewhere.pid}"):
        patient.ingest(str(prepared.root))


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (WarehouseLocked("held"), True),
        (SourceUnavailable("away"), True),
        (SourceChanged("other columns"), False),
        (ScenarioInvalid("no such scenario"), False),
        (CheckFailed("offending rows"), False),
        (UsageError("no such source"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_passing_failures_may_pass(error: Exception, passes: bool) -> None:
    from typing import cast

    from prefect.states import Failed

    from flows.ingest import may_pass

    nothing: Any = cast(Any, None)
    assert may_pass(nothing, nothing, Failed(data=error)) is passes
