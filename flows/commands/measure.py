"""Command on the user's own files: measure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import command
from flows.command import (
    DEFAULT_WORKSPACE,
    JsonOption,
    WorkspaceOption,
    guarded,
    open_workspace,
)
from flows.output import as_json, note, say, table

if TYPE_CHECKING:
    from flows.steps.measure import Result

app = typer.Typer()


@app.command()
@guarded
def measure(
    paths: Annotated[list[str], typer.Argument(help="Files, folders, patterns or URLs.")],
    corpus: Annotated[
        str | None, typer.Option(help="Name of the corpus; default that of the first path.")
    ] = None,
    domain: Annotated[str, typer.Option(help="Domain of the corpus.")] = "mixed",
    store: Annotated[bool, typer.Option("--store", help="Keep the result as claims.")] = False,
    sample: Annotated[
        float, typer.Option(help="Share of different documents that are tokenized.")
    ] = 1.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default one a core.")] = (
        None
    ),
    tokenizer: Annotated[str, typer.Option(help="o200k_base or cl100k_base.")] = "o200k_base",
    column: Annotated[str, typer.Option(help="Key or column of the text.")] = "text",
    split: Annotated[
        str, typer.Option(help="In text files, a document is a file or a line.")
    ] = "file",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Count a corpus: tokens, duplicates, languages, with intervals."""
    from flows.measuring.measure import Options
    from flows.steps import measure as step

    place = open_workspace(workspace)
    name = corpus or _name_of(paths[0])
    options = Options(tokenizer, column, split, sample)  # type: ignore[arg-type]
    step.check(place, name, domain, options, store)
    now = command.now()
    count = workers or step.default_workers()
    result = step.measure(paths, name, domain, options, count, now.date())
    stored = step.store(place, result, now) if store else None
    status = "not stored" if stored is None else stored.status
    if stored is not None and stored.held:
        note(stored.message)
    if json:
        say(as_json(result.document() | {"stored": status}))
        return
    _print(result)
    if not store:
        say("not stored; to keep it as claims, repeat with --store")
        return
    say(f"{status}; next: datawall sql \"FROM out_claims WHERE reference LIKE '%:{name}.%'\"")


def _name_of(path: str) -> str:
    last = path.rstrip("/").rpartition("/")[2].partition(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:64] or "corpus"


def _print(result: Result) -> None:
    table(("what", "value", "low", "high", "unit", "basis"), [_cells(e) for e in result.estimates])
    table(
        ("language", "share", "low", "high"),
        [(e.name, e.value, e.low, e.high) for e in result.languages],
    )
    for reason, count, first in result.unreadable:
        note(f"unreadable: {count} document(s), {reason}; first in {first}")


def _cells(estimate: Any) -> tuple[Any, ...]:
    e = estimate
    return (e.name, e.value, e.low, e.high, e.unit, e.basis)
