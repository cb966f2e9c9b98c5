"""The command line: a thin layer over the steps; docs/commands.md is its contract.

Heavy packages load inside the command that needs them, so that --help answers at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from flows.output import as_json, note, say, table
from models.errors import DatawallError

if TYPE_CHECKING:
    from flows.workspace import Workspace
    from forecasts.results import Decision, Forecast

P = ParamSpec("P")
T = TypeVar("T")

USAGE, SOURCE, CHECK, SCENARIO, LAUNCH, WORKSPACE = 2, 3, 4, 5, 6, 7
# By class name, so that no command pays for importing errors it cannot meet. Bases come last.
_EXIT_CODES = {
    "UsageError": USAGE,
    "NotFound": USAGE,
    "QueryFailed": USAGE,
    "PlanInvalid": USAGE,
    "SourceError": SOURCE,
    "VintageConflict": SOURCE,
    "CheckFailed": CHECK,
    "ScenarioInvalid": SCENARIO,
    "ModelError": SCENARIO,
    "LaunchRefused": LAUNCH,
    "WorkspaceUnusable": WORKSPACE,
    "WarehouseError": WORKSPACE,
}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="When does training data run out, for which domain, and which runs does it support?",
)
scenario_app = typer.Typer(no_args_is_help=True, help="List, show, compare and check scenarios.")
runs_app = typer.Typer(no_args_is_help=True, help="Planned runs: template, import, list, show.")
app.add_typer(scenario_app, name="scenario")
app.add_typer(runs_app, name="runs")

WorkspaceOption = Annotated[
    Path,
    typer.Option("--workspace", envvar="DATAWALL_WORKSPACE", help="Folder that holds everything."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
KnownAt = Annotated[
    datetime | None,
    typer.Option("--known-at", formats=["%Y-%m-%d"], help="Show what was known on this date."),
]
DEFAULT_WORKSPACE = Path("workspace")


def exit_code(error: DatawallError) -> int:
    """Exit code of an error: that of the nearest class with one."""
    return next(
        (_EXIT_CODES[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _EXIT_CODES), 1
    )


def _guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn an error of ours into one sentence and its exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except DatawallError as error:
            note(f"datawall: {error}")
            raise typer.Exit(exit_code(error)) from error
        except BrokenPipeError:
            # The reader (head, less) has gone; there is nobody to tell.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(0) from None

    return run


def _workspace(path: Path) -> Workspace:
    from flows.workspace import Workspace

    return Workspace(path.absolute())


def _now() -> datetime:
    return datetime.now(UTC)


def _day(value: datetime | None) -> date | None:
    return None if value is None else value.date()


def _as_of(value: datetime | None) -> date:
    from flows.steps.forecast import default_as_of

    return default_as_of(_now()) if value is None else value.date()


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        say(installed("datawall"))
        raise typer.Exit


@app.command()
@_guarded
def ingest(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources; all if none.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of the publishers' own files.")
    ] = None,
    known_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Vintage of the files, if they do not tell."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never use the network; files and catalogue only.")
    ] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Load the catalogue and publishers' files; a rerun changes nothing."""
    from flows.documents import ingest_document
    from flows.steps.ingest import failure
    from flows.steps.ingest import ingest as load

    del offline  # every source is read from files, so there is no network to forbid
    named = sources or []
    results = load(_workspace(workspace), named, folder, _day(known_at), _now(), note)
    if json:
        say(as_json(ingest_document(results)))
    else:
        table(
            ("source", "status", "vintage", "rows", "added", "closed", "quarantined", "message"),
            [
                (r.source, r.status, r.vintage, r.rows, r.added, r.closed, r.quarantined, r.message)
                for r in results
            ],
        )
        say("next: datawall forecast")
    problem = failure(results, named)
    if problem is not None:
        raise problem


@app.command()
@_guarded
def sources(
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """The registry: publisher, feed, licence, last vintage, age, status."""
    from flows.steps.sources import source_list

    listed = source_list(_workspace(workspace), _as_of(known_at))
    if json:
        say(as_json(listed))
        return
    columns = ("source", "publisher", "licence", "last_vintage", "age_days", "rows", "status")
    table(columns, [tuple(row[c] for c in columns) for row in listed["sources"]])
    say(f"content {listed['content_sha256'][:16]}")


@app.command()
@_guarded
def sql(
    query: Annotated[str, typer.Argument(help='One statement, such as "FROM out_data_wall".')],
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    known_at: KnownAt = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Ask the published copy; it is read-only and reaches no other file."""
    import sys

    from flows.errors import UsageError
    from flows.output import finite, write_csv
    from flows.steps.prepare import ensure_ready
    from warehouse.read import run

    if csv and json:
        raise UsageError("--csv and --json exclude each other; give one")
    place = _workspace(workspace)
    ensure_ready(place)
    answer = run(place.published, query, _day(known_at))
    if json:
        rows = (map(finite, row) for row in answer.rows)
        say(as_json([dict(zip(answer.columns, row, strict=True)) for row in rows]))
    elif csv:
        write_csv(sys.stdout, answer.columns, answer.rows)
    else:
        table(answer.columns, answer.rows)


@app.command()
@_guarded
def forecast(
    scenario: Annotated[
        list[str] | None, typer.Option(help="Name or .yaml file; may be repeated.")
    ] = None,
    worlds: Annotated[
        int | None, typer.Option(min=100, max=10_000_000, help="Joint draws.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the named draws.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Use what was known on this date.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=2001, max=2150, help="Last year.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Project supply and demand, find the walls, store the result."""
    from flows.documents import forecast_document
    from flows.steps.forecast import Options
    from flows.steps.forecast import forecast as run
    from forecasts.reports.words import headline

    specs = scenario or ["baseline"]
    options = Options(worlds, seed, horizon)
    results = run(_workspace(workspace), specs, _as_of(as_of), options, _now())
    if json:
        documents = [forecast_document(result, headline(result)) for result in results]
        say(as_json(documents[0] if len(documents) == 1 else {"forecasts": documents}))
        return
    for result in results:
        _print_forecast(result, headline(result))
    say("next: datawall report")


def _print_forecast(forecast: Forecast, sentence: str) -> None:
    say(sentence)
    table(
        ("domain", "wall p10", "p50", "p90", f"by {forecast.horizon}", "already"),
        [
            (
                row.domain,
                *(None if year is None else f"{year:.1f}" for year in (row.p10, row.p50, row.p90)),
                f"{row.probability_by_horizon:.0%}",
                f"{row.probability_before_start:.0%}",
            )
            for row in forecast.walls
        ],
    )
    say(f"forecast {forecast.forecast_id}")


@app.command()
@_guarded
def report(
    forecast: Annotated[
        str | None, typer.Argument(help="Forecast id or scenario; the newest if none.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write to.")] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Write a stored forecast as one HTML page and one Markdown file."""
    from flows.steps.report import report as write

    written = write(_workspace(workspace), forecast, to)
    if json:
        say(
            as_json(
                {
                    "forecast_id": written.forecast.forecast_id,
                    "html": str(written.html),
                    "markdown": str(written.markdown),
                }
            )
        )
        return
    say(f"report: {written.html}")
    say(f"        {written.markdown}")


@scenario_app.command("list")
@_guarded
def scenario_list(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Scenarios that come with the package."""
    del workspace  # the same in every workspace; every command takes the option
    from forecasts import scenario as scenarios

    found = [scenarios.load(name) for name in scenarios.names()]
    if json:
        listed = [{"name": s.name, "title": s.title, "answers": s.answers} for s in found]
        say(as_json({"scenarios": listed}))
        return
    table(("scenario", "answers"), [(s.name, s.answers) for s in found])


@scenario_app.command("show")
@_guarded
def scenario_show(
    name: str, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """One scenario, complete, as it is run."""
    del workspace
    import yaml

    from forecasts import scenario as scenarios

    document = scenarios.load(name).model_dump(mode="json", exclude_none=True)
    if json:
        say(as_json(document))
    else:
        say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


@scenario_app.command("diff")
@_guarded
def scenario_diff(
    first: str,
    second: str,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Keys in which two scenarios differ."""
    del workspace
    from forecasts import scenario as scenarios

    changes = scenarios.difference(scenarios.load(first), scenarios.load(second))
    if json:
        say(as_json({"differences": [{"key": k, first: a, second: b} for k, a, b in changes]}))
    elif changes:
        table(("key", first, second), changes)
    else:
        say("no difference")


@scenario_app.command("validate")
@_guarded
def scenario_validate(
    file: str,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Claims known on this date.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Check a scenario and that the warehouse knows every claim it names."""
    from flows.steps.forecast import know
    from forecasts import scenario as scenarios

    loaded = scenarios.load(file)
    placed = scenarios.resolve(loaded, know(_workspace(workspace), _as_of(as_of)).claims)
    if json:
        say(as_json({"scenario": loaded.name, "valid": True, "quantities": len(placed)}))
    else:
        say(f"scenario {loaded.name} is valid: {len(placed)} quantities resolved")


@runs_app.command("template")
@_guarded
def runs_template(workspace: WorkspaceOption = DEFAULT_WORKSPACE) -> None:
    """A complete, commented plan file that `runs import` accepts unchanged."""
    del workspace
    from forecasts.plan import template

    say(template().rstrip())


@runs_app.command("import")
@_guarded
def runs_import(
    file: Path, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """Check a plan file and store its runs; a changed run becomes a new version."""
    from flows.steps.runs import import_runs

    outcome = import_runs(_workspace(workspace), file, _now())
    if json:
        say(as_json({"runs": [{"run": run, "status": state} for run, state in outcome.items()]}))
        return
    table(("run", "status"), list(outcome.items()))
    say("next: datawall decide")


@runs_app.command("list")
@_guarded
def runs_list(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Planned runs."""
    from flows.steps.runs import planned_runs

    runs = planned_runs(_workspace(workspace))
    if json:
        say(as_json({"runs": [run.model_dump(mode="json") for run in runs]}))
    elif runs:
        columns = ("run", "needed_on", "compute_flop", "params", "tokens", "required_probability")
        table(columns, [tuple(getattr(run, c) for c in columns) for run in runs])
    else:
        say("no run is planned; write one with: datawall runs template > plan.yaml")


@runs_app.command("show")
@_guarded
def runs_show(
    run: str, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """One planned run, complete."""
    import yaml

    from flows.steps.runs import planned_runs

    document = planned_runs(_workspace(workspace), [run])[0].model_dump(mode="json")
    if json:
        say(as_json(document))
    else:
        say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


@app.command()
@_guarded
def decide(
    runs: Annotated[list[str] | None, typer.Argument(help="Planned runs; all if none.")] = None,
    scenario: Annotated[str, typer.Option(help="Name or .yaml file.")] = "baseline",
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Use what was known on this date.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Launch, hold or reject: one verdict per planned run, with reasons."""
    from flows.documents import decisions_document
    from flows.steps.decide import decide as run_decide

    decisions = run_decide(_workspace(workspace), runs or [], scenario, _as_of(as_of), _now())
    if json:
        say(as_json(decisions_document(decisions)))
        return
    for decision in decisions:
        _print_decision(decision)


def _print_decision(decision: Decision) -> None:
    say(f"{decision.run}: {decision.verdict}  (decision {decision.decision_id})")
    for reason in decision.reasons:
        say(f"  {reason}")
    if decision.verdict == "launch":
        say(f"  valid until {decision.expires_at}; next: datawall launch {decision.decision_id}")


@app.command()
@_guarded
def launch(
    decisions: Annotated[
        list[str] | None, typer.Argument(help="Decisions; all that say launch if none.")
    ] = None,
    launcher: Annotated[str, typer.Option(help="dry_run renders the job and starts nothing.")] = (
        "dry_run"
    ),
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Render the exact job of a decision that says launch."""
    from flows.errors import UsageError
    from flows.steps.launch import LAUNCHERS
    from flows.steps.launch import launch as run_launch

    if launcher not in LAUNCHERS:
        raise UsageError(f"no launcher is named {launcher!r}; allowed: {', '.join(LAUNCHERS)}")
    launches = run_launch(_workspace(workspace), decisions or [], _now().date())
    if json:
        say(as_json({"launches": [_launch_document(item) for item in launches]}))
        return
    for item in launches:
        say(f"launch {item.launch_id}: {item.state}, nothing started")
        say(f"  manifest {item.manifest_path}")


def _launch_document(item: Any) -> dict[str, Any]:
    return {
        "launch_id": item.launch_id,
        "decision_id": item.decision_id,
        "state": item.state,
        "external_id": item.external_id,
        "manifest_sha256": item.manifest_sha256,
        "manifest_path": str(item.manifest_path),
    }


@app.command("run")
@_guarded
def run_flow(
    flow: Annotated[str, typer.Argument(help="ingest, forecast, decide, report or weekly.")],
    folder: Annotated[
        Path | None, typer.Option("--from", help="Folder of the publishers' own files.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="Name or .yaml file.")] = "baseline",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Run a Prefect flow in this process."""
    from flows.local import run

    lines = run(flow, _workspace(workspace), folder, scenario)
    if json:
        say(as_json({"flow": flow, "result": lines}))
        return
    for line in lines:
        say(line)


@app.command()
@_guarded
def doctor(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Environment, warehouse, sources and disk: one line each, ok or what to do."""
    from flows.steps.doctor import examine

    findings = examine(_workspace(workspace), _now().date())
    if json:
        say(as_json({"findings": [finding.document() for finding in findings]}))
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else '!! '} {finding.what}: {finding.seen}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(CHECK)


if __name__ == "__main__":
    app()
