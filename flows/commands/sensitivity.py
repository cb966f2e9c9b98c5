"""Commands on what a forecast hangs on: sensitivity."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

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

app = typer.Typer()
# Inputs below this share of the variance are left out of the table, never out of the JSON.
SHOWN = 0.005


@app.command()
@guarded
def sensitivity(
    scenario: Annotated[str, typer.Option(help="Name or .yaml file.")] = "baseline",
    domain: Annotated[str, typer.Option(help="Domain, or total.")] = "total",
    year: Annotated[
        int | None, typer.Option(help="Year of the variance shares; the median wall's if none.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Use what was known on this date.")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Which inputs move the wall, by how much, and whether laws or data decide."""
    from flows.steps.sensitivity import sensitivity as run

    found = run(open_workspace(workspace), scenario, domain, year, as_of_day(as_of))
    if json:
        say(as_json(found))
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    say(
        f"{found['domain']} under {found['scenario']}: variance of ln(demand/supply) in "
        f"{found['year']}, and median wall where an input is in its lowest and highest tenth"
    )
    bars = {bar["name"]: bar for bar in found["tornado"]}
    table(
        ("input", "share", "shapley", "low", "high"),
        [
            (
                row["name"], f"{row['first_order']:.1%}", f"{row['shapley']:.1%}",
                *(_date(bars[row["name"]][end]) for end in ("low", "high")),
            )
            for row in found["shares"] if row["first_order"] >= SHOWN
        ],
    )  # fmt: skip
    if not found["laws"]:
        return
    say("where laws decide: share of the variance caused by each, laws equally likely")
    table(
        ("year", "compute", "laws", "compute path", "supply", "most/least tokens"),
        [
            (
                row["year"], f"{row['compute_flop']:.2g}", f"{row['laws_share']:.0%}",
                f"{row['compute_share']:.0%}", f"{row['supply_share']:.0%}", f"{row['spread']:.1f}",
            )
            for row in found["laws"]
        ],
    )  # fmt: skip


def _date(year: float | None) -> str:
    return "beyond" if year is None else f"{year:.1f}"
