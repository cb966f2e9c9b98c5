"""Commands on probe runs: plan, run, import, fit."""

from __future__ import annotations

import math
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import command
from flows.command import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, guarded, open_workspace
from flows.output import as_json, note, say, table

app = typer.Typer(no_args_is_help=True, help="Probe runs: small real trainings that measure.")


@app.command("plan")
@guarded
def probe_plan(
    kind: Annotated[str, typer.Argument(help="Kind of study: repetition.")],
    corpus: Annotated[list[Path], typer.Option(help="Text: .txt, .jsonl or folders of them.")],
    unique_tokens: Annotated[int, typer.Option(min=1, help="Tokens that are repeated.")],
    params: Annotated[
        float | None, typer.Option(min=1, help="Parameters of the network; or --set width, depth.")
    ] = None,
    study: Annotated[str, typer.Option(help="Name of the study.")] = "repetition",
    epochs: Annotated[int, typer.Option(help="Epochs of the over-repeated run.")] = 32,
    domain: Annotated[str, typer.Option(help="Domain of the text.")] = "web",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Another setting of a probe, key=value.")
    ] = None,
    needed_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Default: in thirty days.")
    ] = None,
    gpus: Annotated[int, typer.Option(min=0, help="Accelerators of each run.")] = 0,
    gpu_type: Annotated[str, typer.Option(help="Accelerator model.")] = "",
    hours: Annotated[float, typer.Option(help="Most hours a run may take.")] = 1.0,
    price: Annotated[float, typer.Option(min=0, help="USD an hour of the machine.")] = 0.0,
    budget: Annotated[float, typer.Option(help="Most USD a run may cost.")] = 10.0,
    python: Annotated[str, typer.Option(help="Interpreter where the job runs.")] = sys.executable,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """A plan file of the nine runs of a repetition study, for `runs import`."""
    del workspace
    from flows.errors import UsageError
    from flows.probing.manifest import words_of
    from flows.steps.probe_study import Job, plan_repetition

    if kind != "repetition":
        raise UsageError(f"no study is named {kind!r}; allowed: repetition")
    shared: dict[str, Any] = {
        "study": study, "corpus": [str(path) for path in corpus], "domain": domain,
        "unique_tokens": unique_tokens, "params": params, "price_per_hour_usd": price,
    }  # fmt: skip
    day = needed_on or command.now() + timedelta(days=30)
    job = Job(python, day.date(), gpus, gpu_type, hours, budget)
    say(plan_repetition(shared | words_of(settings or []), epochs, job).rstrip())


@app.command("run")
@guarded
def probe_run(
    manifest: Annotated[Path, typer.Argument(help="Probe file, YAML or JSON.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; default: in the workspace.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Train one probe here and now, or go on with one that was stopped."""
    from flows.probe import load_step, report
    from flows.probing.manifest import read_settings

    settings, approved = read_settings(manifest, [])
    folder = out or open_workspace(workspace).probes / settings.run
    result = load_step()(settings, folder, note, decision_id=str(approved.get("decision_id", "")))
    if json:
        say(as_json(result.model_dump(mode="json")))
    else:
        report(result, folder)


@app.command("import")
@guarded
def probe_import(
    folders: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Store measured results, and their claims for scenarios; a rerun changes nothing."""
    from flows.steps.probe_import import import_probes

    imported = import_probes(open_workspace(workspace), folders, command.now())
    rows = [
        {"run": item.result.run, "status": item.status, "loss_nats": item.result.loss_nats,
         "loss_se": item.result.loss_se, "claim": item.claim}
        for item in imported
    ]  # fmt: skip
    if json:
        say(as_json({"results": rows}))
        return
    table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    say("next: datawall forecast")


@app.command("fit")
@guarded
def probe_fit(
    study: Annotated[str, typer.Argument(help="Study whose runs were imported.")],
    noise: Annotated[
        float | None,
        typer.Option(min=1e-9, help="Deviation of a loss between seeds, nats, if measured."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """What repetition is worth by a study's runs, with interval, or why the form fails."""
    from dataclasses import asdict

    from flows.steps.probe_study import fit_study

    fitted = fit_study(open_workspace(workspace), study, noise, command.now())
    fit = fitted.fit
    if json:
        numbers = asdict(fit) | {"high": fit.high if math.isfinite(fit.high) else None}
        say(as_json({"study": study} | numbers | {"claim": fitted.claim, "why": fitted.why}))
        return
    say(
        f"{study}: R_D* {fit.r_d_star:.3g} epochs, {fit.ci_prob:.0%} interval {fit.low:.3g} to "
        f"{fit.high:.3g}, {fit.runs} runs, residuals {fit.rms_nats:.2g} nats"
    )
    say(f"  additive penalty instead: residuals {fit.penalty_rms_nats:.2g} nats")
    if fitted.claim:
        say(f"  stored as {fitted.claim}; next: datawall forecast with a scenario that names it")
    else:
        say(f"  {'rejected' if fit.rejected else 'no claim'}: {fitted.why}")
