"""The group of all commands: what cannot be understood is refused in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from flows.output import note


class OneSentence(TyperGroup):
    """Typer's group with this project's way of refusing, for usage as for everything else."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run a command line; always ends the process."""
        options["standalone_mode"] = False
        try:
            done = super().main(args, *rest, **options)
        except typer.TyperException as error:
            # A group called without a command has shown its help, and has no more to say.
            if error.format_message():
                note(_sentence(error, sys.argv[1:] if args is None else args))
            sys.exit(error.exit_code)
        sys.exit(done if isinstance(done, int) else 0)


def _sentence(error: typer.TyperException, args: Sequence[str]) -> str:
    message = error.format_message().rstrip(".").replace(": Value error, ", ": ")
    seen = _given(getattr(error, "param", None), args)
    if seen is not None:
        message = message.replace("Invalid value for", f"Invalid value {seen!r} for", 1)
    context = getattr(error, "ctx", None)
    path = "datawall" if context is None else context.command_path
    joint = " See" if message.endswith("?") else "; see"
    return f"datawall: {message[0].lower()}{message[1:]}{joint} `{path} --help`"


def _given(param: Any, args: Sequence[str]) -> str | None:
    """The text given for an option, if any; of several, the last one counts."""
    found = None
    for name in getattr(param, "opts", ()):
        for at, arg in enumerate(args):
            if arg == name and at + 1 < len(args):
                found = args[at + 1]
            elif name.startswith("--") and arg.startswith(f"{name}="):
                found = arg.partition("=")[2]
    return found
