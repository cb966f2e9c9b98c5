"""What every command shares: options, exit codes, and an error as one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

from flows.output import note
from models.errors import DatawallError

if TYPE_CHECKING:
    from flows.workspace import Workspace

P = ParamSpec("P")
T = TypeVar("T")

USAGE, SOURCE, CHECK, SCENARIO, LAUNCH, WORKSPACE = 2, 3, 4, 5, 6, 7
# By class name, so that no command pays for importing errors it cannot meet. Bases come last.
EXIT_CODES = {
    "UsageError": USAGE,
    "NotFound": USAGE,
    "QueryFailed": USAGE,
    "PlanInvalid": USAGE,
    "LawUnknown": USAGE,
    "SourceError": SOURCE,
    "VintageConflict": SOURCE,
    "CheckFailed": CHECK,
    "ScenarioInvalid": SCENARIO,
    "ModelError": SCENARIO,
    "LaunchRefused": LAUNCH,
    "NotPermitted": LAUNCH,
    "WorkspaceUnusable": WORKSPACE,
    "WarehouseError": WORKSPACE,
}

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
        (EXIT_CODES[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in EXIT_CODES), 1
    )


def guarded(command: Callable[P, T]) -> Callable[P, T]:
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


def open_workspace(path: Path) -> Workspace:
    from flows.workspace import Workspace

    return Workspace(path.absolute())


def now() -> datetime:
    return datetime.now(UTC)


def day(value: datetime | None) -> date | None:
    return None if value is None else value.date()


def as_of_day(value: datetime | None) -> date:
    from flows.steps.forecast import default_as_of

    return default_as_of(now()) if value is None else value.date()
