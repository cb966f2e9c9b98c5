"""The planner's own inventory: figures of corpora that no publisher counts.

Files:   own_inventory[.LABEL][.YYYY-MM-DD].csv, .yaml, .yml, .xlsx or .parquet
Series:  the label, else `inventory`: files of one label replace each other, vintage by vintage
Schema:  models.own_inventory; `datawall ingest --template` prints it
Vintage: the date in the file's name; of all but Parquet else the newest valid_on
A formula in a cell is refused, never computed; macros and links to other files refuse the workbook.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Any, cast

from flows.connectors import files
from flows.connectors.feed import Feed, Schedule
from flows.connectors.files import Unreadable
from flows.errors import SourceChanged
from models.errors import RecordInvalid
from models.own_inventory import NAMES, OWN_COLUMNS, REQUIRED
from models.records import CorpusRecord, InventoryRecord, Parsed, RejectedRow

name = "own_inventory"
publisher = "this workspace's planner"
url = "docs/own-inventory.md"
licence = "the planner's own"
# A plan is looked at monthly: one untouched for five months is stale.
schedule: Schedule = "monthly"
group = "own"
bulk = False

_READ = re.compile(
    r"own_inventory(?:\.(?P<label>[A-Za-z][\w-]*))?(?:\.(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}))?"
    r"\.(?P<form>csv|ya?ml|xlsx|parquet)"
)
_ADVICE = "put the vintage into the file name, as YYYY-MM-DD, or use --known-at"
# A row through Python costs some microseconds and a kilobyte; Parquet has no such limit.
MOST_ROWS = 200_000
UNZIP_LIMIT = 200 * files.MEGABYTE
MOST_PARTS = 1_000
# A part of a workbook that could run something or fetch something from elsewhere.
_ACTIVE = re.compile(
    r"vbaProject|externalLinks?/|/embeddings/|/activeX/|/ctrlProps/|connections\.xml|/queryTables/"
    r"|/webextensions/",
    re.IGNORECASE,
)

RawRow = tuple[int, Mapping[str, Any]]


def feeds() -> list[Feed]:
    """Nothing: it is read from a folder alone."""
    return []


def find(folder: Path) -> list[Path]:
    """Own inventories in the folder or its sub-folder own_inventory, by name."""
    return files.matching(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this source that this version does not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Figures of one file; its ending says the format."""
    file_name = PurePath(name).name
    match = _READ.fullmatch(file_name)
    if match is None:
        raise SourceChanged(
            f"{file_name} is no name of an own inventory; allowed: own_inventory, a label, a date "
            "and .csv, .yaml, .xlsx or .parquet, such as own_inventory.team.2026-06-30.csv"
        )
    series = match["label"] or "inventory"
    vintage = known_at or _day_in_name(file_name, match["day"])
    if match["form"] == "parquet":
        return _parquet(file_name, content, series, vintage)
    rows, rejected = _rows(file_name, content, match["form"])
    corpora: dict[str, CorpusRecord] = {}
    figures: list[InventoryRecord] = []
    seen: set[tuple[str, str, str, date]] = set()
    for line, row in rows:
        try:
            corpus, figure = _read(row)
            if corpora.get(corpus.corpus_id, corpus) != corpus:
                raise Unreadable(
                    f"corpus {corpus.corpus_id} is described differently in an earlier row; give "
                    "all its rows the same name, domain, parent, access and origin"
                )
            key = (figure.corpus_id, figure.metric, figure.stage, figure.valid_on)
            if key in seen:
                raise Unreadable(f"{', '.join(map(str, key))} was stated in an earlier row")
        except Unreadable as reason:
            rejected.append(RejectedRow(line, str(reason), _raw(row)))
            continue
        seen.add(key)
        corpora[corpus.corpus_id] = corpus
        figures.append(figure)
    rejected.sort(key=lambda row: row.line)
    files.require_readable(file_name, len(figures), rejected)
    if not figures:
        raise SourceChanged(f"{file_name} holds no figure; add rows")
    vintage = vintage or max(figure.valid_on for figure in figures)
    return Parsed(
        series, vintage, tuple(corpora.values()), tuple(figures), rejected=tuple(rejected)
    )


def _day_in_name(file_name: str, day: str | None) -> date | None:
    try:
        return None if day is None else date.fromisoformat(day)
    except ValueError as error:
        raise SourceChanged(
            f"{file_name} is named for {day}, which is no date; rename the file"
        ) from error


def _parquet(file_name: str, content: bytes, series: str, vintage: date | None) -> Parsed:
    if not (content.startswith(b"PAR1") and content.endswith(b"PAR1")):
        raise SourceChanged(files.not_of_form(file_name, "Parquet", content))
    if vintage is None:
        raise SourceChanged(f"{file_name} does not say its vintage; {_ADVICE}")
    return Parsed(series, vintage, parquet=True)


def _rows(file_name: str, content: bytes, form: str) -> tuple[list[RawRow], list[RejectedRow]]:
    if form == "csv":
        table = files.read_table(file_name, content, [(column,) for column in REQUIRED], set(NAMES))
        return [(row.line, row.cells) for row in table.rows], list(table.rejected)
    rows = list(_sheet(file_name, content) if form == "xlsx" else _entries(file_name, content))
    if len(rows) > MOST_ROWS:
        raise SourceChanged(
            f"{file_name} has more than {MOST_ROWS:,} rows; save it as .parquet, which has no limit"
        )
    return rows, []


def _entries(file_name: str, content: bytes) -> Iterator[RawRow]:
    import yaml

    text = files.text_of(file_name, content, "YAML")
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceChanged(f"{file_name} is not YAML: {reason}") from error
    figures = document.get("figures") if isinstance(document, dict) else None
    if not isinstance(figures, list):
        raise SourceChanged(f"{file_name} has no list `figures`; see datawall ingest --template")
    for place, entry in enumerate(figures, start=1):
        yield place, entry if isinstance(entry, dict) else {"entry": entry}


def _sheet(file_name: str, content: bytes) -> Iterator[RawRow]:
    """Rows of the first sheet below its header; values as stored, formulas as their text."""
    import openpyxl

    _require_tame(file_name, content)
    try:
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=False, keep_links=False
        )
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its own size may be wrong
        limit = MOST_ROWS + 2
        rows = sheet.iter_rows(max_row=limit, max_col=4 * len(NAMES))
        header = [str(cell.value or "").strip() for cell in next(rows, ())]
        _check_header(file_name, header)
        for number, cells in enumerate(rows, start=2):
            row = {
                column: _Formula(str(cell.value)) if cell.data_type == "f" else cell.value
                for column, cell in zip(header, cells, strict=False)
                if column in NAMES and cell.value is not None
            }
            if row:
                yield number, row
    except SourceChanged:
        raise
    # A damaged workbook surfaces as whatever the library stumbles over.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceChanged(
            f"{file_name} is a damaged workbook ({type(error).__name__}: {reason}); save it again"
        ) from error


class _Formula(str):
    """The text of a formula, which is no value."""

    __slots__ = ()


def _check_header(file_name: str, header: list[str]) -> None:
    missing = [column for column in REQUIRED if column not in header]
    twice = [column for column in NAMES if header.count(column) > 1]
    if missing or twice:
        what = f"columns missing: {', '.join(missing)}" if missing else f"{twice[0]} occurs twice"
        raise SourceChanged(f"{file_name}: {what}; the first sheet's first row names the columns")


def _require_tame(file_name: str, content: bytes) -> None:
    """Refuse a workbook that unpacks to too much, or that could run or fetch something."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNZIP_LIMIT:
                raise SourceChanged(
                    f"{file_name} unpacks to more than {UNZIP_LIMIT / files.MEGABYTE:g} MB or "
                    f"{MOST_PARTS} parts, the most allowed"
                )
            active = [part.filename for part in parts if _ACTIVE.search(part.filename)]
            if active:
                raise SourceChanged(
                    f"{file_name} holds {active[0]}: macros, embedded objects and links to other "
                    "files are refused; save the plain values as .xlsx"
                )
            for part in parts:
                if _declares(archive, part):
                    raise SourceChanged(f"{file_name}: {part.filename} declares entities; refused")
    # RuntimeError: an encrypted part, or one of an unknown compression.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise SourceChanged(files.not_of_form(file_name, "XLSX", content)) from error


def _declares(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether a part opens with a document type, which no spreadsheet writes."""
    if not part.filename.endswith((".xml", ".rels")):
        return False
    with archive.open(part) as opened:
        return b"<!DOCTYPE" in opened.read(4096).upper().replace(b"\x00", b"")


def _read(row: Mapping[str, Any]) -> tuple[CorpusRecord, InventoryRecord]:
    """Corpus and figure of one row; blanks take the schema's defaults."""
    for column, value in row.items():
        if isinstance(value, _Formula):
            raise Unreadable(f"{column} is a formula; paste its value instead")
    unknown = [str(column) for column in row if column not in NAMES]
    if unknown:
        raise Unreadable(f"{unknown[0][:60]!r} is no column; allowed: {', '.join(NAMES)}")
    text = {schema.name: _text(row, schema.name) for schema in OWN_COLUMNS}
    for schema in OWN_COLUMNS:
        cell = text[schema.name]
        if schema.required and not cell:
            raise Unreadable(f"{schema.name} is blank; {schema.meaning} is needed")
        if cell and schema.allowed and cell not in schema.allowed:
            raise Unreadable(
                f"{schema.name} is {cell[:60]!r}; allowed: {', '.join(schema.allowed)}"
            )
    value, low, high, ci_prob = (_number(row, c) for c in ("value", "low", "high", "ci_prob"))
    if value is None:
        raise Unreadable("value is blank; a number ≥ 0 is needed")
    _check_interval(value, low, high, ci_prob)
    try:
        corpus = CorpusRecord(
            corpus_id=text["corpus_id"],
            name=text["name"] or text["corpus_id"],
            domain=cast(Any, text["domain"]),
            access_class=cast(Any, text["access_class"] or "unknown"),
            information_origin=cast(Any, text["information_origin"] or "human"),
            parent_corpus=text["parent_corpus"],
        )
        figure = InventoryRecord(
            corpus_id=text["corpus_id"],
            metric=cast(Any, text["metric"]),
            stage=cast(Any, text["stage"]),
            valid_on=_date(row),
            value=value,
            unit=text["unit"] or text["metric"],
            low=low,
            high=high,
            ci_prob=ci_prob,
            status=cast(Any, text["status"] or "estimate"),
            basis=text["basis"],
        )
    except RecordInvalid as error:
        raise Unreadable(str(error)) from error
    return corpus, figure


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _number(row: Mapping[str, Any], column: str) -> float | None:
    cell = row.get(column)
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        # A truth value is no number, and Python's own digit separator is nobody's.
        number = math.nan if isinstance(cell, bool) or "_" in str(cell) else float(cell)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise Unreadable(f"{column} is {str(cell)[:60]!r}; a number ≥ 0 such as 2.1e9 is needed")
    return number


def _check_interval(
    value: float, low: float | None, high: float | None, ci_prob: float | None
) -> None:
    if low is None and high is None and ci_prob is None:
        return
    if low is None or high is None or ci_prob is None:
        raise Unreadable("low, high and ci_prob go together; give all three or none")
    if not (low <= value <= high and 0 < ci_prob < 1):
        raise Unreadable(
            f"value {value:g} in [{low:g}, {high:g}] with probability {ci_prob:g}; low ≤ value ≤ "
            "high and 0 < ci_prob < 1 are needed"
        )


def _date(row: Mapping[str, Any]) -> date:
    cell = row.get("valid_on")
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    written = _text(row, "valid_on")
    try:
        return date.fromisoformat(written if re.fullmatch(r"\d{4}-\d{2}-\d{2}", written) else "")
    except ValueError as error:
        raise Unreadable(f"valid_on is {written[:60]!r}; a date as YYYY-MM-DD is needed") from error


def _raw(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in row.items())[: files.RAW_LIMIT]
