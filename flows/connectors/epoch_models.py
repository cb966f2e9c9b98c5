"""Epoch AI's lists of trained models: the history of demand.

Series:  notable  the filtered list
         all      the whole database. Never mixed with notable in one history.
Units:   params and datapoints as plain counts (for language models, tokens or words), compute in
         FLOP, dates ISO. A stated 0 stays 0 (FunSearch: 0 datapoints); blank and NaN are unstated.
Vintage: the date in the file's name, else the newest publication date in the file
Source:  epoch.ai/data, CC BY 4.0, credit "Epoch AI"
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path, PurePath

from flows.connectors import files
from flows.connectors.feed import Feed, Schedule
from flows.connectors.files import Row, Unreadable
from flows.errors import SourceChanged
from models.records import Parsed, TrainingRunRecord

name = "epoch_models"
publisher = "Epoch AI"
url = "https://epoch.ai/data"
licence = "CC BY 4.0"
schedule: Schedule = "weekly"
group = "models"
bulk = False

_FOLDER = "epoch"
_READ = re.compile(
    r"(?:(notable_ai_models)|all_ml_systems|All ML Systems - full view)(?:[ ._-].*)?\.csv(?:\.gz)?"
)
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?")

# Each quantity under the names it had: the first present is read. "Training dataset size" alone is
# another column, in which the 2024-10-16 vintage holds model names.
_NAME = ("Model", "System")
_PARAMS = ("Parameters",)
_TOKENS = (
    "Training dataset size (datapoints)",
    "Training dataset size (total)",
    "Training dataset size (gradients)",
)
_COMPUTE = ("Training compute (FLOP)",)
_PUBLISHED = ("Publication date",)
_REQUIRED = (_NAME, _PARAMS, _TOKENS, _COMPUTE, _PUBLISHED)
_EPOCHS = ("Epochs",)
_ORGANIZATION = ("Organization",)
_DOMAIN = ("Domain",)
_CONFIDENCE = ("Confidence",)
_NOTABILITY = ("Notability criteria",)
_ACCESSIBILITY = ("Model accessibility",)
_BASE_MODEL = ("Base model",)
_OPTIONAL = (
    _EPOCHS,
    _ORGANIZATION,
    _DOMAIN,
    _CONFIDENCE,
    _NOTABILITY,
    _ACCESSIBILITY,
    _BASE_MODEL,
)
_USED = {column for names in (*_REQUIRED, *_OPTIONAL) for column in names}

# A list of this length grows weekly: a newest date a year after the second newest is a slip
# (2029-09-13 in the list of February 2024), and no vintage.
_LONG_LIST = 50
_LARGEST_GAP = timedelta(days=365)


def feeds() -> list[Feed]:
    """The list of notable models; Epoch AI documents this address for scripts."""
    return [
        Feed(
            "notable",
            "notable_ai_models.csv",
            "https://epoch.ai/data/notable_ai_models.csv",
            "csv",
            dated=True,
        )
    ]


def find(folder: Path) -> list[Path]:
    """Model lists in the folder or its sub-folder epoch, by name."""
    return files.matching(folder, _FOLDER, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that this version knows and does not read: none so far."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """Models of one file; its name says which list it is, and may say its date."""
    file_name = PurePath(name).name
    match = _READ.fullmatch(file_name)
    if match is None:
        raise SourceChanged(
            f"{file_name} is no name of an Epoch AI list; allowed: notable_ai_models, "
            "all_ml_systems, All ML Systems - full view (.csv, .csv.gz), with or without a date"
        )
    table = files.read_table(file_name, content, _REQUIRED, _USED)
    models: list[TrainingRunRecord] = []
    rejected = list(table.rejected)
    for row in table.rows:
        try:
            models.append(_model(row))
        except Unreadable as reason:
            rejected.append(row.rejected(reason))
    rejected.sort(key=lambda row: row.line)
    files.require_readable(file_name, len(models), rejected)
    return Parsed(
        series="notable" if match[1] else "all",
        vintage=known_at or files.date_in_name(file_name) or _newest(file_name, models),
        training_runs=tuple(_numbered(models)),
        rejected=tuple(rejected),
    )


def _model(row: Row) -> TrainingRunRecord:
    model = row.first(_NAME).strip()
    if not model:
        raise Unreadable("the model's name is blank; a name is needed")
    return TrainingRunRecord(
        model=model,
        published_on=_date(row),
        organization=row.first(_ORGANIZATION).strip(),
        domain=row.first(_DOMAIN).strip(),
        params=_number(row, _PARAMS),
        tokens=_number(row, _TOKENS),
        compute_flop=_number(row, _COMPUTE),
        epochs=_number(row, _EPOCHS),
        confidence=row.first(_CONFIDENCE).strip(),
        notability=row.first(_NOTABILITY).strip(),
        accessibility=row.first(_ACCESSIBILITY).strip(),
        base_model=row.first(_BASE_MODEL).strip(),
    )


def _number(row: Row, names: tuple[str, ...]) -> float | None:
    cell = row.first(names).strip()
    if cell in ("", "NaN"):
        return None
    number = float(cell.replace(",", "")) if _NUMBER.fullmatch(cell) else math.inf
    if math.isinf(number):
        raise Unreadable(f"{names[0]} is {cell[:60]!r}; a number ≥ 0 such as 2.1e+25 is needed")
    return number


def _date(row: Row) -> date | None:
    cell = row.first(_PUBLISHED).strip()
    if not cell:
        return None
    try:
        # The pattern first: fromisoformat also takes 20240516 and 2024-W20-4.
        return date.fromisoformat(cell if _ISO_DATE.fullmatch(cell) else "")
    except ValueError as error:
        raise Unreadable(
            f"{_PUBLISHED[0]} is {cell[:60]!r}; a date such as 2024-05-16 is needed"
        ) from error


def _numbered(models: list[TrainingRunRecord]) -> Iterator[TrainingRunRecord]:
    """The models by name, those that share one numbered by content: file order plays no part."""
    ordered = sorted(models, key=lambda model: (model.model, repr(model)))
    for _, namesakes in groupby(ordered, key=lambda model: model.model):
        for ordinal, model in enumerate(namesakes):
            yield replace(model, ordinal=ordinal)


def _newest(file_name: str, models: list[TrainingRunRecord]) -> date:
    days = sorted(model.published_on for model in models if model.published_on)
    advice = "put the list's date into the file name, as YYYY-MM-DD, or use --known-at"
    if not days:
        raise SourceChanged(f"{file_name} holds no publication date; {advice}")
    if len(days) >= _LONG_LIST and days[-1] - days[-2] > _LARGEST_GAP:
        raise SourceChanged(
            f"{file_name}: the newest publication date, {days[-1]}, is more than a year after the "
            f"next, {days[-2]}, so it cannot date the list; {advice}"
        )
    return days[-1]
