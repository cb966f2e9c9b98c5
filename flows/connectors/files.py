"""Files that a user has from a publisher: finding, bounded reading, and strict CSV.

Everything that depends on content alone raises `SourceChanged`, so that bytes kept in a snapshot
can be parsed again with the same result. Only `matching` and `read_file` touch the disk.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import stat
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.errors import SourceChanged, SourceUnavailable
from models.records import RejectedRow

MEGABYTE = 1_000_000
READ_LIMIT = 256 * MEGABYTE
GUNZIP_LIMIT = 200 * MEGABYTE
RAW_LIMIT = 2_000
_ISO_IN_NAME = re.compile(r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
_DAY_FIRST_IN_NAME = re.compile(r"(?<![0-9])([0-9]{2})_([0-9]{2})_([0-9]{4})(?![0-9])")
_CHUNK = 1 << 20
AGAIN = "get the file again from its publisher"
# First characters of pages, archives and documents that often arrive under a CSV file's name.
_OTHER_FORMATS = ("<", "{", "[", "PK\x03", "%PDF")


class Unreadable(ValueError):
    """Why one row cannot be read. Connectors turn it into a `RejectedRow`; it never leaves them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a CSV file: its first line, its text (cut), and the cells of used columns."""

    line: int
    raw: str
    cells: dict[str, str]

    def first(self, names: Sequence[str]) -> str:
        """Cell of the first of these columns that the file has, blank if it has none."""
        return next((self.cells[column] for column in names if column in self.cells), "")

    def rejected(self, reason: object) -> RejectedRow:
        """This row for the quarantine."""
        return RejectedRow(self.line, str(reason), self.raw)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a CSV file, and those whose shape is not the header's."""

    rows: tuple[Row, ...]
    rejected: tuple[RejectedRow, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    raw: str
    cells: list[str]
    problem: str = ""


def matching(folder: Path, subfolder: str, pattern: re.Pattern[str]) -> list[Path]:
    """Files in the folder, and in its sub-folder of that name, whose whole name matches.

    Sorted by name. A broken link is listed too, so that reading it says that it is broken.
    """
    found = _entries(folder)
    inner = folder / subfolder
    if inner.is_dir():
        found += _entries(inner)
    chosen = (path for path in found if pattern.fullmatch(path.name) and not path.is_dir())
    return sorted(chosen, key=lambda path: (path.name, str(path)))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except NotADirectoryError as error:
        raise SourceUnavailable(f"{folder} is a file; give the folder that holds it") from error
    except FileNotFoundError as error:
        raise SourceUnavailable(f"folder {folder} does not exist; give an existing one") from error
    except OSError as error:
        raise SourceUnavailable(
            f"folder {folder} cannot be listed ({error.strerror}); check its permissions"
        ) from error


def check_file(path: Path) -> None:
    """Refuse what is no regular file (links are followed). Raises: SourceUnavailable"""
    try:
        # Asked before opening: to open a pipe would wait for a writer that never comes.
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceUnavailable(f"{path} is no regular file; give a file of the publisher")
    except FileNotFoundError as error:
        raise SourceUnavailable(f"file {path} does not exist; check the name or link") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> SourceUnavailable:
    return SourceUnavailable(
        f"file {path} cannot be read ({error.strerror}); check its permissions"
    )


def read_file(path: Path, limit: int = READ_LIMIT) -> bytes:
    """All bytes of a regular file (links are followed), at most `limit` of them."""
    check_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > limit:
        raise SourceChanged(f"{path} holds more than {limit / MEGABYTE:g} MB, the most allowed")
    return content


def gunzip(name: str, content: bytes, limit: int = GUNZIP_LIMIT) -> bytes:
    """Content as it is, or unpacked if it is gzip; unpacking stops once past the limit."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    pieces: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            while piece := packed.read(_CHUNK):
                size += len(piece)
                if size > limit:
                    raise SourceChanged(
                        f"{name} unpacks to more than {limit / MEGABYTE:g} MB, the most allowed"
                    )
                pieces.append(piece)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceChanged(f"{name} is damaged or truncated gzip ({error}); {AGAIN}") from error
    return b"".join(pieces)


def date_in_name(file_name: str) -> date | None:
    """Date in a file name, as 2025-02-24 or 24_02_2025; None if there is none."""
    iso, day_first = _ISO_IN_NAME.search(file_name), _DAY_FIRST_IN_NAME.search(file_name)
    parts = iso.groups() if iso else day_first.groups()[::-1] if day_first else None
    if parts is None:
        return None
    try:
        year, month, day = map(int, parts)
        return date(year, month, day)
    except ValueError as error:
        raise SourceChanged(
            f"{file_name} is named for {'-'.join(parts)}, which is no date; rename the file"
        ) from error


def text_of(name: str, content: bytes, form: str) -> str:
    """Text of a UTF-8 file, unpacked if needed, without byte-order mark; `form` is its format."""
    plain = gunzip(name, content)
    if b"\x00" in plain:
        raise SourceChanged(not_of_form(name, form, plain))
    try:
        text = plain.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceChanged(
            f"{not_of_form(name, form, plain)} (byte {error.start} is not UTF-8)"
        ) from error
    if not text.strip():
        raise SourceChanged(f"{name} is empty; {AGAIN}")
    return text


def not_of_form(name: str, form: str, content: bytes | str) -> str:
    """Message that the content is of another format."""
    return f"{name} is not a {form} file: starts with {content[:40]!r}; {AGAIN}"


def read_table(
    name: str, content: bytes, required: Sequence[Sequence[str]], used: Collection[str]
) -> Table:
    """Rows of a CSV file that has a header with at least the required columns.

    required: for each column the names it goes by, of which one must be there
    used:     the columns whose cells are kept
    A row of another width is rejected, unless it is the last: then the file is cut off.
    Raises: SourceChanged
    """
    text = text_of(name, content, "CSV")
    if text.lstrip().startswith(_OTHER_FORMATS):
        raise SourceChanged(not_of_form(name, "CSV", text.lstrip()))
    head, *body = (record for record in _records(text) if record.cells or record.problem)
    _check_header(name, head, required, used)
    _check_end(name, text, head.cells, body, used)
    places = {column: place for place, column in enumerate(head.cells) if column in used}
    rows: list[Row] = []
    rejected: list[RejectedRow] = []
    for record in body:
        if problem := _problem(record, head):
            rejected.append(RejectedRow(record.line, problem, record.raw))
        else:
            cells = {column: record.cells[place] for column, place in places.items()}
            rows.append(Row(record.line, record.raw, cells))
    return Table(tuple(rows), tuple(rejected))


def require_readable(name: str, read: int, rejected: Sequence[RejectedRow]) -> None:
    """Raise `SourceChanged` if more rows were rejected than read: the file, not a row, is wrong."""
    if len(rejected) > read:
        raise SourceChanged(
            f"{name}: {len(rejected)} of {read + len(rejected)} rows cannot be read, at most half "
            f"may be; the first is line {rejected[0].line}: {rejected[0].reason}"
        )


def _records(text: str) -> Iterator[_Record]:
    seen: list[str] = []

    def lines() -> Iterator[str]:
        # newline="" keeps line breaks inside cells as the publisher wrote them.
        for line in io.StringIO(text, newline=""):
            seen.append(line)
            yield line

    reader = csv.reader(lines(), strict=True)
    while True:
        seen.clear()
        line = reader.line_num + 1
        try:
            cells, problem = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            # The reader goes on with the next line, so that one bad row costs one row.
            cells, problem = [], f"not CSV: {error}"
        yield _Record(line, "".join(seen).rstrip("\r\n")[:RAW_LIMIT], cells, problem)


def _problem(record: _Record, head: _Record) -> str:
    if record.problem:
        return record.problem
    if len(record.cells) != len(head.cells):
        return f"{len(record.cells)} cells; the header has {len(head.cells)}"
    return ""


def _check_header(
    name: str, head: _Record, required: Sequence[Sequence[str]], used: Collection[str]
) -> None:
    if head.problem:
        raise SourceChanged(not_of_form(name, "CSV", head.raw))
    missing = [" or ".join(names) for names in required if not {*names} & {*head.cells}]
    if missing:
        seen = ", ".join(head.cells)[:300]
        raise SourceChanged(
            f"{name}: columns missing: {', '.join(missing)}; columns seen: {seen!r}; "
            "compare with the publisher's current file"
        )
    twice = [column for column in used if head.cells.count(column) > 1]
    if twice:
        raise SourceChanged(f"{name}: column {twice[0]!r} occurs more than once; {AGAIN}")


def _check_end(
    name: str, text: str, columns: list[str], body: list[_Record], used: Collection[str]
) -> None:
    """Refuse a file cut off inside its last row.

    Without a line break at the end, the last cell may lack digits. Some publishers leave it out,
    so it is demanded only where that cell is one we read.
    """
    if not body:
        raise SourceChanged(f"{name} has a header and no rows; {AGAIN}")
    last = body[-1]
    whole = text.endswith(("\n", "\r")) or columns[-1] not in used
    if last.problem or len(last.cells) != len(columns) or not whole:
        raise SourceChanged(
            f"{name} is truncated: its last row, line {last.line}, has {len(last.cells)} of "
            f"{len(columns)} cells or no line end; {AGAIN}"
        )
