"""A public view as a file: CSV, Parquet, XLSX or JSON, whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.errors import UsageError, WorkspaceUnusable
from flows.output import finite, plain, write_csv
from flows.steps.prepare import ensure_ready
from flows.workspace import Workspace
from warehouse.read import view, view_to_parquet

# Limits of the XLSX format itself.
XLSX_ROWS = 1_048_576
XLSX_CELL = 32_767
_LARGEST_WHOLE = 2**53

Columns = Sequence[str]
Rows = Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Export:
    """What was written."""

    view: str
    file: Path
    format: str
    rows: int


def export(workspace: Workspace, name: str, file: Path, known_at: date | None) -> Export:
    """Write a public view to a file; its ending says the format. An old file is replaced at once.

    Raises: UsageError for another ending or what the format cannot hold, NotFound for no such
    view, WorkspaceUnusable when the file cannot be written.
    """
    form = file.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UsageError(
            f"cannot export to {file.name!r}: the ending says the format, one of "
            f"{', '.join(f'.{ending}' for ending in FORMATS)}"
        )
    ensure_ready(workspace)
    with _replacing(file) as temporary:
        if form == "parquet":
            count = view_to_parquet(workspace.published, name, known_at, temporary)
        else:
            with view(workspace.published, name, known_at) as (columns, rows):
                counted = _Counted(rows)
                _WRITERS[form](temporary, columns, counted)
                count = counted.count
    return Export(name, file.resolve(), form, count)


class _Counted:
    """Rows, counted as they pass."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A temporary file beside a file, which it replaces when the block ends well."""
    if not file.parent.is_dir():
        raise WorkspaceUnusable(f"cannot write {file}: there is no folder {file.parent}; make it")
    temporary = file.with_name(f".{file.name}.{os.getpid()}.writing")
    try:
        try:
            yield temporary
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceUnusable(
            f"cannot write {file}: {error.strerror or error}; check that its folder exists, its "
            "permissions and free space"
        ) from error


def _csv(file: Path, columns: Columns, rows: Rows) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        write_csv(out, columns, rows)


def _json(file: Path, columns: Columns, rows: Rows) -> None:
    """A list of objects, one a line."""
    with file.open("w", encoding="utf-8") as out:
        out.write("[")
        separator = "\n"
        for row in rows:
            record = dict(zip(columns, map(finite, row), strict=True))
            out.write(separator + json.dumps(record, default=plain, ensure_ascii=False))
            separator = ",\n"
        out.write("\n]\n")


def _xlsx(file: Path, columns: Columns, rows: Rows) -> None:
    """One sheet. Text is written as text and marked so: none of it is ever a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("view")
    sheet.freeze_panes = "A2"

    def cell(column: str, value: Any) -> Any:
        value = _xlsx_value(column, value)
        if not isinstance(value, str):
            return value
        written = WriteOnlyCell(sheet)
        # Set past the library's own reading of a string, which takes "=…" for a formula.
        written._value = value
        written.data_type = "s"
        written.quotePrefix = True
        return written

    try:
        sheet.append([cell("header", column) for column in columns])
        for number, row in enumerate(rows, start=2):
            if number > XLSX_ROWS:
                raise UsageError(
                    f"the view has more than {XLSX_ROWS - 1:,} rows, the most an .xlsx sheet "
                    "holds; export it as .parquet or .csv"
                )
            sheet.append([cell(name, value) for name, value in zip(columns, row, strict=True)])
    except BaseException:
        sheet.close()  # or its own temporary file stays open
        raise
    book.save(file)


def _xlsx_value(column: str, value: Any) -> Any:
    """A value as a sheet can hold it; times lose their zone, which is UTC in every view."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return value
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            return None
        # A sheet's numbers are doubles: a longer one is kept as text rather than rounded.
        return value if abs(value) <= _LARGEST_WHOLE or isinstance(value, float) else str(value)
    text = value if isinstance(value, str) else json.dumps(value, default=plain)
    if len(text) > XLSX_CELL:
        raise UsageError(
            f"{column} holds a text of {len(text):,} characters, an .xlsx cell at most "
            f"{XLSX_CELL:,}; export as .parquet, .csv or .json"
        )
    # Control characters have no place in XML; so the format itself marks what cannot be shown.
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)


_WRITERS: dict[str, Callable[[Path, Columns, Rows], None]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "json": _json,
}
FORMATS = (*_WRITERS, "parquet")
