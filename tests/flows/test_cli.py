"""The command line: exit codes, one clear sentence, JSON shapes, quick start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows import cli, command
from models.errors import DatawallError

DATA = Path(__file__).parents[1] / "data"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the catalogue, made once."""
    root = tmp_path_factory.mktemp("cli") / "workspace"
    result = CliRunner().invoke(cli.app, ["ingest", "--offline", "--workspace", str(root)])
    assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def run(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the prepared workspace."""
    monkeypatch.setenv("DATAWALL_WORKSPACE", str(prepared))

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli.app, args)

    return invoke


def refused(result: Result, code: int, *said: str) -> None:
    """The command failed with this code and one sentence that says these things."""
    assert result.exit_code == code, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("datawall: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    for words in said:
        assert words in lines[0]


def content(run: Run) -> str:
    """Hash of all facts in the workspace."""
    return str(json.loads(run("sources", "--json").stdout)["content_sha256"])


WRONG: dict[tuple[str, ...], tuple[str, ...]] = {
    ("forecast", "--wrlds", "3"): (
        "no such option: --wrlds",
        "--worlds",
        "`datawall forecast --help`",
    ),
    ("measure",): ("missing argument 'paths'", "`datawall measure --help`"),
    ("forecast", "--worlds", "abc"): ("invalid value 'abc' for '--worlds'", "integer"),
    ("forecast", "--worlds", "100", "--worlds=abc"): (
        "invalid value 'abc' for '--worlds'",
        "integer",
    ),
    ("forecast", "--as-of", "2026-13-01"): ("'2026-13-01' for '--as-of'", "%Y-%m-%d"),
    ("decide", "--scenario"): ("option '--scenario' requires an argument",),
    ("forcast",): ("no such command 'forcast'", "'forecast'", "`datawall --help`"),
    ("runs", "imprt"): ("no such command 'imprt'", "'import'", "`datawall runs --help`"),
}


@pytest.mark.parametrize("args", WRONG, ids=" ".join)
def test_wrong_usage_is_refused_in_one_sentence(args: tuple[str, ...], run: Run) -> None:
    result = run(*args)
    refused(result, command.USAGE, *WRONG[args])
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_group_alone_shows_its_commands(run: Run) -> None:
    for args in ((), ("runs",)):
        result = run(*args)
        assert result.exit_code == command.USAGE
        assert "import" in result.output
        assert "datawall:" not in result.output


def test_version(run: Run) -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"{metadata.version('datawall')}\n")


def test_help_loads_no_heavy_package() -> None:
    heavy = ("prefect", "pandas", "scipy", "duckdb", "sqlalchemy", "numpy", "pydantic")
    probe = f"import sys, flows.cli; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_forecast_loads_neither_prefect_nor_pandas(tmp_path: Path) -> None:
    """Even where it makes the workspace first."""
    args = ["forecast", "--worlds", "200", "--workspace", str(tmp_path / "new")]
    probe = (
        "import sys; from typer.testing import CliRunner; from flows.cli import app; "
        f"r = CliRunner().invoke(app, {args!r}); "
        "print(r.exit_code, [m for m in ('prefect', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []"


@pytest.mark.parametrize("cls", ["SourceChanged", "WarehouseLocked", "OutsideValidRange"])
def test_derived_errors_have_the_code_of_their_base(cls: str) -> None:
    from flows.errors import SourceChanged
    from models.errors import OutsideValidRange
    from warehouse.errors import WarehouseLocked

    codes = {SourceChanged: 3, WarehouseLocked: 7, OutsideValidRange: 5}
    error = next(e for e in codes if e.__name__ == cls)
    assert command.exit_code(error("x")) == codes[error]


def test_every_error_of_ours_has_an_exit_code() -> None:
    import flows.errors
    import forecasts.errors
    import models.errors
    import warehouse.errors

    for module in (flows.errors, forecasts.errors, models.errors, warehouse.errors):
        for error in vars(module).values():
            if not isinstance(error, type) or not issubclass(error, DatawallError):
                continue
            if error.__subclasses__() == []:
                assert command.exit_code(error("x")) in range(2, 8), error


def test_ingest_json(run: Run) -> None:
    document = json.loads(run("ingest", "--offline", "--json").stdout)
    source = document["sources"][0]
    assert list(source) == [
        "source", "status", "vintage", "rows", "added", "closed", "quarantined", "held",
        "message",
    ]  # fmt: skip
    assert (source["source"], source["status"]) == ("catalogue", "unchanged")


def test_forecast_json_follows_the_contract(run: Run) -> None:
    result = run("forecast", "--scenario", "essay", "--worlds", "500", "--seed", "3", "--json")
    document = json.loads(result.stdout)
    assert {"forecast_id", "scenario", "as_of", "worlds", "seed", "code_version"} <= set(document)
    assert (document["worlds"], document["seed"]) == (500, 3)
    labels = ["p02_5", "p05", "p10", "p25", "p50", "p75", "p90", "p95", "p97_5"]
    assert list(document["supply"][0]) == ["domain", "stage", "year", *labels]
    assert {row["stage"] for row in document["supply"]} == {"raw", "unique", "effective"}
    assert "total" in {row["domain"] for row in document["supply"]}
    assert list(document["demand"][0]) == ["year", *labels]
    years = [row["year"] for row in document["demand"]]
    assert years == sorted(set(years))
    wall = next(row for row in document["walls"] if row["domain"] == "total")
    assert {"domain", "kind", "p10", "p50", "p90", "probability_by_horizon"} <= set(wall)


def test_forecast_is_byte_identical_for_one_seed(run: Run) -> None:
    first, second = (run("forecast", "--worlds", "300", "--json").stdout for _ in range(2))
    assert first == second
    assert run("forecast", "--worlds", "300", "--seed", "9", "--json").stdout != first


def test_several_scenarios_in_one_document(run: Run) -> None:
    args = ("--scenario", "essay", "--scenario", "baseline", "--worlds", "200", "--json")
    document = json.loads(run("forecast", *args).stdout)
    assert [f["scenario"] for f in document["forecasts"]] == ["essay", "baseline"]


BAD_SCENARIOS = {
    "misspelt key": ("suply: {}", ["suply", "supply"]),
    "misspelt inner key": ("supply: {web: {usable_fracton: factor:web_quality}}", ["usable_frac"]),
    "unknown domain": ("supply: {webb: {why: none at all}}", ["webb", "web"]),
    "negative interval": (
        "supply: {web: {usable_fraction: {unit: share, shape: uniform, low: -0.1, high: 0.4, "
        "ci_prob: 0.9, source: a made-up number}}}",
        ["low is -0.1", "negative"],
    ),
    "low above high": (
        "supply: {web: {usable_fraction: {unit: share, shape: uniform, low: 0.5, high: 0.4, "
        "ci_prob: 0.9, source: a made-up number}}}",
        ["low 0.5 is above high 0.4"],
    ),
    "unknown claim": (
        "supply: {web: {usable_fraction: factor:web_qality}}",
        ["factor:web_quality"],
    ),
}


@pytest.mark.parametrize("name", BAD_SCENARIOS)
def test_bad_scenario_is_one_sentence_and_changes_nothing(
    run: Run, tmp_path: Path, name: str
) -> None:
    text, said = BAD_SCENARIOS[name]
    file = tmp_path / "bad.yaml"
    file.write_text(f"name: bad\nwhy: to be refused\n{text}\n")
    before = run("sql", "SELECT count(*) FROM out_forecasts", "--csv").stdout
    refused(run("forecast", "--scenario", str(file)), command.SCENARIO, *said)
    assert run("sql", "SELECT count(*) FROM out_forecasts", "--csv").stdout == before


def test_misspelt_names_get_a_suggestion(run: Run) -> None:
    refused(run("forecast", "--scenario", "basline"), command.SCENARIO, "did you mean 'baseline'")
    refused(run("ingest", "comon_crawl", "--from", "."), command.USAGE, "common_crawl")
    refused(run("run", "weakly"), command.USAGE, "did you mean weekly")


BAD_FILES = {
    "empty": (b"", "empty"),
    "truncated": (b"crawl,digest estim.,page,url\nCC-MAIN-2024-51,1,2", "truncated"),
    "not a csv": (b"<html>moved</html>\n", "not a CSV"),
    "binary": (bytes(range(256)), "not a CSV"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_fails_the_source_and_keeps_the_facts(run: Run, tmp_path: Path, name: str) -> None:
    body, said = BAD_FILES[name]
    (tmp_path / "monthly.csv").write_bytes(body)
    before = content(run)
    refused(run("ingest", "common_crawl", "--from", str(tmp_path)), command.SOURCE, said)
    assert content(run) == before


def test_missing_folder_and_missing_files(run: Run, tmp_path: Path) -> None:
    refused(run("ingest", "--from", str(tmp_path / "none")), command.SOURCE, "no folder")
    refused(run("ingest", "epoch_models", "--from", str(tmp_path)), command.SOURCE, "no file")
    refused(run("ingest", "epoch_models", "--offline"), command.USAGE, "--from")


def test_good_sources_load_beside_a_bad_one(tmp_path: Path) -> None:
    folder, root = tmp_path / "files", tmp_path / "workspace"
    folder.mkdir()
    (folder / "monthly.csv").write_bytes(b"")
    sample = next((DATA / "epoch").glob("notable*"))
    (folder / sample.name).write_bytes(sample.read_bytes())
    result = CliRunner().invoke(
        cli.app, ["ingest", "--from", str(folder), "--workspace", str(root), "--json"]
    )
    assert result.exit_code == command.SOURCE
    status = {row["source"]: row["status"] for row in json.loads(result.stdout)["sources"]}
    present = {name: told for name, told in status.items() if told != "missing"}
    assert present == {"catalogue": "loaded", "common_crawl": "failed", "epoch_models": "loaded"}


def test_unusable_workspaces(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "below"):
        refused(
            CliRunner().invoke(cli.app, ["ingest", "--offline", "--workspace", str(place)]),
            command.WORKSPACE,
        )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_workspace(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    result = CliRunner().invoke(cli.app, ["ingest", "--offline", "--workspace", str(tmp_path)])
    refused(result, command.WORKSPACE, "cannot be written")


def test_damaged_warehouse(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(b"no database at all" * 1000)
    result = CliRunner().invoke(cli.app, ["ingest", "--offline", "--workspace", str(tmp_path)])
    refused(result, command.WORKSPACE, "warehouse.duckdb")


def test_locked_workspace(
    run: Run, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAWALL_LOCK_WAIT_S", "0.2")
    ready = tmp_path / "ready"
    holder = (
        "import sys, time, pathlib\nfrom warehouse.connection import writer\n"
        f"with writer(pathlib.Path({str(prepared / 'warehouse.duckdb')!r})):\n"
        f"    pathlib.Path({str(ready)!r}).touch()\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", holder])
    try:
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        refused(run("ingest", "--offline"), command.WORKSPACE, str(process.pid))
        assert run("sql", "SELECT 1", "--csv").exit_code == 0  # readers are not locked out
    finally:
        process.kill()
        process.wait()


def test_sql_output_and_refusals(run: Run) -> None:
    assert json.loads(run("sql", "SELECT 1 AS a, NULL AS b", "--json").stdout) == [
        {"a": 1, "b": None}
    ]
    assert run("sql", "SELECT '=1+1' AS f", "--csv").stdout == "f\n'=1+1\n"
    refused(run("sql", "DROP TABLE inventory"), command.USAGE, "read-only")
    refused(run("sql", "SELECT * FROM read_csv('/etc/passwd')"), command.USAGE, "disabled")
    refused(run("sql", "COPY (SELECT 1) TO '/tmp/leak.csv'"), command.USAGE)
    refused(run("sql", "SELEC 1"), command.USAGE, "syntax")
    refused(run("sql", "SELECT 1", "--csv", "--json"), command.USAGE, "exclude")


def test_known_at_hides_what_was_learned_later(run: Run) -> None:
    count = "SELECT count(*) FROM out_inventory"
    now = int(run("sql", count, "--csv").stdout.split()[1])
    then = int(run("sql", count, "--csv", "--known-at", "2021-01-01").stdout.split()[1])
    assert 0 < then < now


def test_scenario_commands(run: Run) -> None:
    listed = json.loads(run("scenario", "list", "--json").stdout)["scenarios"]
    assert {row["name"] for row in listed} >= {"baseline", "essay", "epoch-2024-historical"}
    assert json.loads(run("scenario", "show", "essay", "--json").stdout)["multiplier_cap"] == 25
    differences = json.loads(run("scenario", "diff", "baseline", "essay", "--json").stdout)
    assert "multiplier_cap" in {row["key"] for row in differences["differences"]}
    assert run("scenario", "diff", "essay", "essay").stdout == "no difference\n"
    assert json.loads(run("scenario", "validate", "essay", "--json").stdout)["valid"] is True


def test_plan_decide_launch(run: Run, tmp_path: Path, prepared: Path) -> None:
    refused(run("launch"), command.LAUNCH, "no current decision")
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "runs:\n"
        "  - {run: small, needed_on: 2027-06-01, params: 1.0e+9, tokens: 2.0e+10,"
        " mixture: {web: 1.0}}\n"
        "  - {run: giant, needed_on: 2027-06-01, params: 1.0e+13, tokens: 1.0e+18,"
        " mixture: {books: 1.0}}\n"
    )
    assert json.loads(run("runs", "import", str(plan), "--json").stdout)["runs"] == [
        {"run": "small", "status": "new"}, {"run": "giant", "status": "new"},
    ]  # fmt: skip
    assert "unchanged" in run("runs", "import", str(plan)).stdout
    shown = json.loads(run("runs", "show", "small", "--json").stdout)
    assert shown["tokens"] == 2e10
    refused(run("runs", "show", "smal"), command.USAGE, "small")
    decisions = json.loads(run("decide", "--json").stdout)["decisions"]
    verdicts = {d["run"]: d for d in decisions}
    assert verdicts["small"]["verdict"] == "launch"
    assert verdicts["giant"]["verdict"] == "reject"
    assert {"decision_id", "reasons", "earliest_date", "expires_at"} <= set(decisions[0])
    refused(run("launch", verdicts["giant"]["decision_id"]), command.LAUNCH, "giant is on reject")
    first, second = (run("launch", "--json").stdout for _ in range(2))
    assert first == second
    launch = json.loads(first)["launches"][0]
    assert (launch["state"], launch["external_id"]) == ("rendered", None)
    manifest = json.loads((prepared / "launches" / f"{launch['launch_id']}.json").read_text())
    assert (manifest["run"], manifest["tokens_by_domain"]) == ("small", {"web": 2e10})
    refused(run("launch", "--launcher", "slrum"), command.USAGE, "dry_run")
    refused(run("launch", "--launcher", "local"), command.LAUNCH, "small", "budget_usd")


def test_template_is_accepted_unchanged(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(run("runs", "template").stdout)
    assert run("runs", "import", str(file)).exit_code == 0


def test_a_report_names_the_runs_not_yet_decided(run: Run, tmp_path: Path) -> None:
    def undecided() -> str:
        report = Path(json.loads(run("report", "baseline", "--json").stdout)["markdown"])
        return report.read_text().partition("not decided under this forecast: ")[2].splitlines()[0]

    run("forecast")
    file = tmp_path / "plan.yaml"
    file.write_text(run("runs", "template").stdout.replace("example-2027", "not-yet"))
    run("runs", "import", str(file))
    names, _, command_line = undecided().partition(".")
    assert "not-yet" in names
    assert "`datawall decide --scenario baseline --as-of" in command_line
    # A newer forecast of other worlds has no verdicts; what `decide` names has.
    run("forecast", "--worlds", "200")
    named = run("decide", "not-yet").stdout.splitlines()[-1]
    assert named.startswith("next: datawall report ")
    written = run("report", named.split()[-1], "--json").stdout
    report = Path(json.loads(written)["markdown"]).read_text()
    assert "| not-yet |" in report
    assert "not-yet" not in report.partition("not decided under this forecast: ")[2].split(".")[0]


def test_report_and_doctor(run: Run, tmp_path: Path) -> None:
    run("forecast", "--worlds", "200")
    written = json.loads(run("report", "--to", str(tmp_path / "out"), "--json").stdout)
    assert Path(written["html"]).read_text().startswith("<!doctype html>")
    assert Path(written["markdown"]).stat().st_size > 1000
    refused(run("report", "nosuch"), command.USAGE, "nosuch")
    findings = json.loads(run("doctor", "--json").stdout)["findings"]
    assert {"python", "disk", "warehouse"} <= {f["what"] for f in findings}
    assert all(set(f) == {"what", "ok", "seen"} for f in findings)


def test_usage_errors_exit_2(run: Run) -> None:
    for args in (["nosuch"], ["forecast", "--worlds", "5"], ["forecast", "--as-of", "2-1-1"]):
        assert run(*args).exit_code == command.USAGE


def test_data_that_breaks_a_check_is_a_failed_check(tmp_path: Path) -> None:
    head = "crawl,digest estim.,page,url{}\n"
    (tmp_path / "monthly.csv").write_text(head.format("") + "CC-MAIN-2024-51,1,10,9\n")
    (tmp_path / "cumulative.csv").write_text(head.format(" estim.") + "CC-MAIN-2024-51,1,11,9\n")
    arguments = ["ingest", "--from", str(tmp_path), "--workspace", str(tmp_path / "workspace")]
    result = CliRunner().invoke(cli.app, arguments)
    refused(result, command.CHECK, "cumulative_pages_are_running_sum")


def test_a_damaged_published_copy_is_made_again(prepared: Path, run: Run) -> None:
    (prepared / "published.duckdb").write_bytes(b"no database at all" * 1000)
    assert run("sql", "SELECT 1 AS one", "--csv").stdout == "one\n1\n"


def test_a_clock_behind_the_catalogue_still_gives_a_forecast(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "now", lambda: datetime(2024, 3, 1, tzinfo=UTC))
    document = json.loads(run("forecast", "--worlds", "200", "--json").stdout)
    assert document["as_of"] == "2026-11-21"


def test_numbers_that_json_lacks_become_null(run: Run) -> None:
    query = "SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b, 1.5::DOUBLE AS c"
    assert json.loads(run("sql", query, "--json").stdout) == [{"a": None, "b": None, "c": 1.5}]


def test_a_decision_that_fails_stores_nothing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "runs: [{run: by-compute, needed_on: 2027-06-01, compute_flop: 1.0e+25,"
        " mixture: {web: 1.0}}]\n"
    )
    assert run("runs", "import", str(file)).exit_code == 0
    count = ("sql", "SELECT count(*) FROM out_forecasts", "--csv")
    before = run(*count).stdout
    result = run("decide", "by-compute", "--scenario", "epoch-2024-historical")
    refused(result, command.SCENARIO, "no allocation law")
    assert run(*count).stdout == before
