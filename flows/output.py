"""Printing: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

# A cell that a spreadsheet would run as a formula gets a leading apostrophe.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def say(text: str) -> None:
    """One line of answer on standard output."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """One line of progress on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def plain(value: Any) -> Any:
    """A value that JSON has no form for: ISO times, numbers as numbers, else its text."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def finite(value: Any) -> Any:
    """A query's number as JSON can hold it: infinity and not-a-number become null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(document: Any) -> str:
    """One JSON document; not-a-number and infinity have no place in it and are an error."""
    return json.dumps(document, default=plain, allow_nan=False, ensure_ascii=False)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def write_csv(file: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """RFC 4180 with LF line ends; text that looks like a formula is defused."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).replace("\n", " ")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Aligned table on standard output; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [
        max(len(column), *(len(row[i]) for row in cells)) if cells else len(column)
        for i, column in enumerate(columns)
    ]
    right = [
        any(isinstance(row[i], int | float) for row in rows) and not isinstance(rows[0][i], bool)
        for i in range(len(columns))
    ]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.rjust(width) if flush else value.ljust(width)
            for value, width, flush in zip(values, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    say(line(columns))
    say("  ".join("─" * width for width in widths))
    for row in cells:
        say(line(row))
