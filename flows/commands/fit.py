"""Commands that fit laws to one's own training runs: chinchilla, repetition."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import command
from flows.command import DEFAULT_WORKSPACE, JsonOption, WorkspaceOption, guarded, open_workspace
from flows.output import as_json, note, say, table

app = typer.Typer(no_args_is_help=True, help="Fit laws to your own training runs.")

Data = Annotated[Path, typer.Option(help="CSV or Parquet file, one row a run.")]
LossUnit = Annotated[str, typer.Option(help="Unit of the losses: nats or bits, per token.")]
Only = Annotated[
    list[str] | None, typer.Option(help="Rows with COLUMN=VALUE only; may be repeated.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad-rows", help="Leave unusable rows out.")]
Delta = Annotated[float, typer.Option(help="Residual of ln L beyond which a run pulls no harder.")]
Bootstrap = Annotated[int, typer.Option(help="Resamples for errors and intervals; 0 for none.")]
Seed = Annotated[int, typer.Option(help="Seed of the resamples.")]
SEED, DELTA = 42, 1e-3


@app.command("chinchilla")
@guarded
def fit_chinchilla(
    data: Data,
    params_column: Annotated[str, typer.Option(help="Column of parameters.")] = "params",
    tokens_column: Annotated[
        str | None, typer.Option(help="Column of training tokens; or give --compute-column.")
    ] = None,
    compute_column: Annotated[
        str | None, typer.Option(help="Column of training FLOP; tokens are C/6N.")
    ] = None,
    loss_column: Annotated[str, typer.Option(help="Column of losses.")] = "loss",
    loss_unit: LossUnit = "nats",
    only: Only = None,
    skip_bad_rows: SkipBad = False,
    drop_highest: Annotated[
        int, typer.Option(help="Leave out so many runs of the highest losses.")
    ] = 0,
    delta: Delta = DELTA,
    bootstrap: Bootstrap = 1000,
    seed: Seed = SEED,
    report: Annotated[Path | None, typer.Option(help="Write one HTML page about the fit.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Keep the fit and its cloud in the warehouse.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Fit L = E + A·N^-α + B·D^-β, with errors, intervals and what to mind."""
    from flows.steps import fit as step

    asked = step.Asked(
        data, params_column, tokens_column, compute_column, loss_column, None, loss_unit,
        tuple(only or ()), skip_bad_rows,
    )  # fmt: skip
    fitted = step.fit_file(asked, drop_highest, delta, bootstrap, seed)
    document = step.fit_document(fitted)
    if report is not None:
        document["report"] = str(step.write_report(fitted, report))
    if store is not None:
        place = open_workspace(workspace)
        document["stored"] = step.store(place, fitted, store, command.now())
    for row in fitted.bad:
        note(f"left out: {row}")
    for warning in document["warnings"]:
        note(f"note: {warning}")
    if json:
        say(as_json(document))
        return
    rows = [
        (n, document[n], document["se"].get(n), *document["ci95"].get(n, (None, None)))
        for n in ("A", "B", "E", "alpha", "beta")
    ]
    table(("constant", "value", "standard error", "95 % from", "to"), rows)
    proof = f"{document['agreeing_starts']} of {document['starts']} starts agree"
    say(f"objective {document['objective']:.10g} on {document['points']} runs; {proof}")
    for other in document["sensitivity"][1:]:
        constants = ", ".join(f"{n} {other[n]:.5g}" for n in ("A", "B", "E", "alpha", "beta"))
        left_out = other["dropped"]
        runs = f"without the {left_out} highest losses" if left_out else "with all runs"
        say(f"{runs}: {constants}")
    if report is not None:
        say(f"report: {document['report']}")
    if store is not None:
        say(f"{document['stored']}: datawall law optimum own:{store} --compute 1e26")


@app.command("repetition")
@guarded
def fit_repetition(
    data: Data,
    params_column: Annotated[str, typer.Option(help="Column of parameters.")] = "params",
    tokens_column: Annotated[
        str, typer.Option(help="Column of tokens read, repeats included.")
    ] = "tokens",
    unique_column: Annotated[
        str, typer.Option(help="Column of different tokens.")
    ] = "unique_tokens",
    loss_column: Annotated[str, typer.Option(help="Column of losses.")] = "loss",
    loss_unit: LossUnit = "nats",
    only: Only = None,
    skip_bad_rows: SkipBad = False,
    law: Annotated[
        str, typer.Option(help="Law whose A, B, E, alpha and beta are kept.")
    ] = "muennighoff",
    lowest: Annotated[
        bool, typer.Option("--lowest", help="Take the lowest minimum, not the law's own valley.")
    ] = False,
    free: Annotated[
        str, typer.Option(help="Then free all constants: tied (alpha = beta), all, or none.")
    ] = "tied",
    delta: Delta = DELTA,
    bootstrap: Bootstrap = 200,
    seed: Seed = SEED,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Fit R_D* and R_N* with a law's five constants kept, then with all of them free."""
    from flows.steps import fit as step

    asked = step.Asked(
        data, params_column, tokens_column, None, loss_column, unique_column, loss_unit,
        tuple(only or ()), skip_bad_rows,
    )  # fmt: skip
    place = open_workspace(workspace)
    fitted = step.fit_repetition_file(place, asked, law, free, lowest, delta, bootstrap, seed)
    document = step.repetition_document(fitted)
    for row in fitted.bad:
        note(f"left out: {row}")
    if document["rivals"]:
        rival = document["rivals"][0]
        where = f"R_D* {rival['r_d_star']:.3g}, R_N* {rival['r_n_star']:.3g}"
        note(f"note: {where} has the objective {rival['objective']:.6g}: these runs hardly tell")
    if json:
        say(as_json(document))
        return
    rows = []
    for what, found in ((f"five constants of {law}", document), (free, document["free"])):
        for name in ("r_d_star", "r_n_star") if found else ():
            ends = found["ci95"].get(name, (None, None))
            rows.append((what, name, found[name], *ends, found["objective"]))
    table(("kept or freed", "constant", "value", "95 % from", "to", "objective"), rows)
