"""Commands on scaling laws: list, show, loss, optimum, penalty, demand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    guarded,
    open_workspace,
)
from flows.output import as_json, note, say, table

app = typer.Typer(no_args_is_help=True, help="Scaling laws: look one up and compute with it.")

Name = Annotated[str, typer.Argument(help="Name of a law; see: datawall law list.")]
Unique = Annotated[
    float | None,
    typer.Option(
        help="Unique tokens there are; unlimited if none.",
        # Infinity is how a program says "unlimited", and JSON has no number for it.
        callback=lambda given: None if given == float("inf") else given,
    ),
]
Extrapolate = Annotated[
    bool, typer.Option("--extrapolate", help="Beyond the fitted range: say nothing about it.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Beyond the fitted range: refuse.")]


def _answer(document: dict[str, Any], json: bool, extrapolate: bool) -> None:
    """Print an answer; an extrapolated one is marked in it and noted on standard error."""
    if document.get("extrapolated") and not extrapolate:
        from models.laws.law import range_words

        known = document["range_flop"]
        spent = document["compute_flop"]
        size = "unlimited compute" if spent is None else f"{spent:g} FLOP"
        fitted = range_words(None if known is None else (known[0], known[1]))
        note(f"note: {size} extrapolates law {document['law']}, fitted on {fitted}")
    if json:
        say(as_json(document))
        return
    rows = [(key, value) for key, value in document.items() if value is not None]
    width = max(len(key) for key, _ in rows)
    for key, value in rows:
        say(f"{key.ljust(width)}  {f'{value:.6g}' if isinstance(value, float) else value}")


def _check(extrapolate: bool, strict: bool) -> None:
    from flows.errors import UsageError

    if extrapolate and strict:
        raise UsageError("--extrapolate and --strict exclude each other; give one")


@app.command("list")
@guarded
def law_list(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False) -> None:
    """Every law, whether its constants are verified, and what it answers."""
    from flows.steps.law_list import listing

    laws = listing(open_workspace(workspace))
    if json:
        say(as_json({"laws": laws}))
        return
    table(
        ("law", "status", "answers", "title"),
        [(law["name"], law["status"], " ".join(law["answers"]), law["title"]) for law in laws],
    )


@app.command("show")
@guarded
def law_show(
    name: Name, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: JsonOption = False
) -> None:
    """One law: equation, symbols, range, source, and its coefficients with their uncertainty."""
    from flows.steps.law_list import show

    law = show(open_workspace(workspace), name)
    if json:
        say(as_json(law))
        return
    say(f"{law['name']}: {law['title']} ({law['status']})")
    if law["refusal"]:
        say(f"computes nothing: {law['refusal']}")
    say(f"\n{law['description']}\n")
    for fit in law["fits"]:
        say(f"{fit['fit']} ({fit['status']}, known since {fit['known_at']}): {fit['basis']}")
        for symbol, value in fit["coefficients"].items():
            error, ends = fit["standard_errors"].get(symbol), fit["intervals"].get(symbol)
            more = "" if error is None else f" ± {error:g}"
            more += "" if ends is None else f"  [{ends[0]:g}, {ends[1]:g}] at {ends[2]:.0%}"
            say(f"  {symbol} = {f'{value:.7g}' if isinstance(value, float) else value}{more}")
        say(f"  {fit['source']}, {fit['url']}")


@app.command("loss")
@guarded
def law_loss(
    name: Name,
    params: Annotated[float, typer.Option(help="Parameters.")],
    tokens: Annotated[float, typer.Option(help="Tokens read, repeats included.")],
    unique: Unique = None,
    extrapolate: Extrapolate = False,
    strict: Strict = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Loss of a model after reading so many tokens."""
    from flows.steps.laws import loss

    _check(extrapolate, strict)
    document = loss(open_workspace(workspace), name, params, tokens, unique, strict)
    _answer(document, json, extrapolate)


@app.command("optimum")
@guarded
def law_optimum(
    name: Name,
    compute: Annotated[float | None, typer.Option(help="Training compute, FLOP.")] = None,
    loss: Annotated[
        float | None, typer.Option(help="Loss to reach at the least compute, nats per token.")
    ] = None,
    unique: Unique = None,
    inference_tokens: Annotated[
        float | None, typer.Option(help="Tokens of later use to count: a smaller model, same loss.")
    ] = None,
    extrapolate: Extrapolate = False,
    strict: Strict = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Best parameters and tokens of a budget."""
    from flows.steps.laws import optimum

    _check(extrapolate, strict)
    place = open_workspace(workspace)
    document = optimum(place, name, compute, unique, loss, inference_tokens, strict)
    if document["clamped"]:
        note("note: the shortage is beyond what the law orders; only the loss means anything")
    _answer(document, json, extrapolate)


@app.command("penalty")
@guarded
def law_penalty(
    name: Name,
    params: Annotated[float | None, typer.Option(help="Parameters, with --tokens.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Tokens read, with --params.")] = None,
    overtraining: Annotated[
        float | None, typer.Option(help="Tokens per parameter over the best ones.")
    ] = None,
    compute: Annotated[
        float | None, typer.Option(help="FLOP, with --unique or --overtraining.")
    ] = None,
    unique: Unique = None,
    extrapolate: Extrapolate = False,
    strict: Strict = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """What a model, overtraining, or a limit on unique tokens costs, in compute and loss."""
    from flows.steps.laws import penalty

    _check(extrapolate, strict)
    place = open_workspace(workspace)
    document = penalty(place, name, params, tokens, overtraining, compute, unique, strict)
    _answer(document, json, extrapolate)


@app.command("demand")
@guarded
def law_demand(
    name: Name,
    compute: Annotated[float, typer.Option(help="Training compute, FLOP.")],
    sparsity: Annotated[
        float, typer.Option(help="Share of parameters a token does not use.")
    ] = 0.0,
    overtraining: Annotated[
        float, typer.Option(help="Tokens per parameter over the best ones.")
    ] = 1.0,
    unique: Unique = None,
    extrapolate: Extrapolate = False,
    strict: Strict = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Tokens and parameters that a run of this compute asks for."""
    from flows.steps.laws import demand

    _check(extrapolate, strict)
    place = open_workspace(workspace)
    document = demand(place, name, compute, sparsity, overtraining, unique, strict)
    _answer(document, json, extrapolate)
