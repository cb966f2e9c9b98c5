"""The command line: a thin layer over the steps; docs/commands.md is its contract.

Heavy packages load inside the command that needs them, so that --help answers at once.
"""

from __future__ import annotations

import atexit
import gc
from typing import Annotated

import typer

from flows.commands import (
    assess,
    decide,
    fit,
    forecast,
    ingest,
    launches,
    law,
    measure,
    probe,
    query,
    runs,
    scenario,
    sensitivity,
    system,
)
from flows.group import OneSentence
from flows.output import say

# Looking for cycles among modules that stay takes a tenth of a command's time, and as much at exit.
gc.set_threshold(100_000, 20, 100)
atexit.register(gc.freeze)

app = typer.Typer(
    name="datawall",
    cls=OneSentence,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# In this order they stand in --help: those without a name of their own are top-level commands.
for group in (ingest, measure, query, forecast, sensitivity, assess, decide, launches, system):
    app.add_typer(group.app)
app.add_typer(scenario.app, name="scenario")
app.add_typer(law.app, name="law")
app.add_typer(fit.app, name="fit")
app.add_typer(runs.app, name="runs")
app.add_typer(probe.app, name="probe")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(version("datawall"))
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """When does training data run out, for which domain, and which runs does it support?"""


if __name__ == "__main__":
    app()
