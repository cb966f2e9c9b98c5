"""Commands on what supply means for a run: assess."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    as_of_day,
    guarded,
    open_workspace,
)
from flows.output import as_json, say, table

if TYPE_CHECKING:
    from forecasts.results import Assessment

app = typer.Typer()


@app.command()
@guarded
def assess(
    runs: Annotated[list[str] | None, typer.Argument(help="Planned runs; all if none.")] = None,
    scenario: Annotated[str, typer.Option(help="Name or .yaml file.")] = "baseline",
    law: Annotated[
        str, typer.Option(help="Law that counts the cost; it must know repetition.")
    ] = "muennighoff",
    compute: Annotated[
        float | None, typer.Option(help="Cost of one budget in FLOP; goes with --unique.")
    ] = None,
    unique: Annotated[
        float | None,
        typer.Option(help="Unique tokens there are; alone: what they support."),
    ] = None,
    shortage: Annotated[
        float | None, typer.Option(help="Cost of demand so many times the unique supply.")
    ] = None,
    corpus: Annotated[str | None, typer.Option(help="What this corpus supports.")] = None,
    epochs: Annotated[float, typer.Option(help="Most epochs, where a corpus is asked.")] = 4.0,
    usd_per_gpu_hour: Annotated[
        float | None, typer.Option(help="Price; the catalogue's band if none.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Use what was known on this date.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """What planned runs lack and what it costs them; or one shortage; or what a corpus supports."""
    from flows.errors import UsageError
    from flows.steps import assess as step

    place, day = open_workspace(workspace), as_of_day(as_of)
    asked = [name for name, given in (
        ("RUNS", bool(runs)), ("--shortage", shortage is not None),
        ("--corpus", corpus is not None), ("--unique", unique is not None),
    ) if given]  # fmt: skip
    if len(asked) > 1:
        raise UsageError(
            f"{' and '.join(asked)} ask different questions; give planned runs, --shortage, "
            "--corpus, or --unique (with --compute or alone), one of them"
        )
    if compute is not None and unique is None:
        raise UsageError("--compute is the budget of a shortage; give --unique TOKENS with it")
    if shortage is not None:
        _answer(step.by_shortage(place, law, shortage, day), json)
    elif compute is not None and unique is not None:
        _answer(step.shortage(place, law, compute, unique, day), json)
    elif asked and asked[0] in ("--unique", "--corpus"):
        found = step.support(place, law, unique, corpus, epochs, usd_per_gpu_hour, day)
        _answer(found, json)
    else:
        _runs(step.assess(place, runs or [], scenario, law, day), json)


def _answer(document: dict[str, Any], json: bool) -> None:
    if json:
        say(as_json(document))
        return
    width = max(len(key) for key in document)
    for key, value in document.items():
        if key != "inputs":
            say(f"{key.ljust(width)}  {_words(value)}")
    for used in document.get("inputs", ()):
        say(f"  from {used['name']} ({used['unit']}, {used['status']}): {used['basis']}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        middle, low, high = (value[key] for key in ("p50", "p05", "p95"))
        if low == high:
            return _words(middle)
        return f"{_words(middle)} [{_words(low)} to {_words(high)}]"
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _runs(found: list[Assessment], json: bool) -> None:
    from dataclasses import asdict

    if json:
        say(as_json({"assessments": [asdict(assessment) for assessment in found]}))
        return
    for assessment in found:
        _print(assessment)
    say("medians [90 % credible interval over worlds]; next: datawall decide")


def _print(found: Assessment) -> None:
    from dataclasses import asdict

    say(f"{found.run} under {found.scenario}, needed on {found.needed_on}")
    odds = f"{found.probability:.1%}, {found.required_probability:.0%} required"
    free = found.probability_remixed
    say(f"  covered in {odds}" + (f"; {free:.1%} remixed" if free > found.probability else ""))
    if found.uncounted:
        say(f"  not counted by the scenario: {', '.join(found.uncounted)}")
    if found.binding:
        shares = (f"{stock} {share:.0%}" for stock, share in found.binding.items() if share > 0.005)
        say(f"  short of: {', '.join(shares)} (of the worlds that are short)")
    rows = (
        ("tokens asked", "demand_tokens"), ("unique tokens for it", "unique_tokens"),
        ("epochs needed", "epochs_needed"), ("synthetic share needed", "synthetic_share_needed"),
        ("best params", "best_params"), ("best tokens", "best_tokens"),
        ("best epochs", "best_epochs"), ("loss gap, nats", "loss_gap_nats"),
        ("C_eq/C", "compute_ratio"), ("delay, months", "delay_months"),
    )  # fmt: skip
    spans = asdict(found)
    table(("", "median [90 %]"), [(label, _words(spans[key])) for label, key in rows])
    say(f"  earliest date: {found.earliest_date or 'none before the horizon'}")
    if found.mixture_found is not None and found.mixture_found != found.mixture:
        parts = (f"{domain} {share:.0%}" for domain, share in found.mixture_found.items())
        say(f"  nearest mixture that fits median stocks: {', '.join(parts)}")
