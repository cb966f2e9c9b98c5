"""Answers of publishers' interfaces: JSON documents, their numbers and the day they are of."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Any, TypeGuard

from flows.connectors import files
from flows.errors import SourceChanged
from models.records import InventoryRecord, Metric, Stage, Status

_LARGEST = 10**15
_SHOWN = 60


def pattern(*stems: str, form: str = "json") -> re.Pattern[str]:
    """File names of a connector's answers: stem, perhaps more after a dot, and the form."""
    return re.compile(rf"({'|'.join(map(re.escape, stems))})(?:\.[^/]*)?\.{form}(?:\.gz)?")


def stem_of(name: str, allowed: re.Pattern[str], source: str) -> str:
    """Which answer a file name stands for. Raises: SourceChanged for any other name."""
    file_name = PurePath(name).name
    match = allowed.fullmatch(file_name)
    if match is None:
        raise SourceChanged(f"{file_name[:100]!r} is no name of an answer of {source}")
    return match[1]


def documents(name: str, content: bytes) -> list[dict[str, Any]]:
    """The JSON objects of an answer: one, or its pages one after the other."""
    text = files.text_of(name, content, "JSON")
    decoder = json.JSONDecoder(parse_constant=_no_number)
    found: list[dict[str, Any]] = []
    place = 0
    try:
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            document, place = decoder.raw_decode(text, place)
            if not isinstance(document, dict):
                raise SourceChanged(f"{name} is no JSON object; {files.AGAIN}")
            found.append(document)
    except (ValueError, RecursionError) as error:
        raise SourceChanged(f"{files.not_of_form(name, 'JSON', text)} ({error})") from error
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def document(name: str, content: bytes) -> dict[str, Any]:
    """The one JSON object of an answer. Raises: SourceChanged"""
    found = documents(name, content)
    if len(found) != 1:
        raise SourceChanged(f"{name} holds {len(found)} JSON objects; one is expected")
    return found[0]


def at(name: str, value: Any, *path: str) -> Any:
    """What a document holds at a path. Raises: SourceChanged where a step is missing."""
    for step in path:
        if not isinstance(value, dict) or step not in value:
            keys = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
            raise SourceChanged(
                f"{name} holds no {'.'.join(path)}; seen: {keys[:200]!r}; compare with the "
                "publisher's documentation"
            )
        value = value[step]
    return value


def is_count(value: Any) -> TypeGuard[int]:
    """Whether a JSON value is a whole number ≥ 0 that a float holds exactly."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def count(name: str, value: Any, *path: str) -> float:
    """A count at a path of a document. Raises: SourceChanged"""
    found = at(name, value, *path)
    if not is_count(found):
        shown = repr(found)[:_SHOWN]
        raise SourceChanged(f"{name}: {'.'.join(path)} is {shown}; a whole number ≥ 0 is needed")
    return float(found)


def day_of(name: str, stated: object, known_at: date | None) -> date:
    """Day that an answer is of: known_at, else what it states itself, else its file's name.

    Raises: SourceChanged when none tells
    """
    if known_at is not None:
        return known_at
    if stated is not None:
        try:
            return datetime.fromisoformat(str(stated)).date()
        except ValueError as error:
            shown = str(stated)[:_SHOWN]
            raise SourceChanged(f"{name} is of {shown!r}; a date in ISO form is needed") from error
    named = files.date_in_name(PurePath(name).name)
    if named is None:
        raise SourceChanged(
            f"{name} does not tell its day; put it into the file name, as YYYY-MM-DD, or use "
            "--known-at"
        )
    return named


def figure(
    corpus: str,
    metric: Metric,
    stage: Stage,
    day: date,
    value: float,
    basis: str,
    status: Status = "published",
    unit: str = "",
) -> InventoryRecord:
    """One count; its unit is the metric's own word unless given."""
    return InventoryRecord(
        corpus_id=corpus,
        metric=metric,
        stage=stage,
        valid_on=day,
        value=value,
        unit=unit or metric.removeprefix("new_"),
        status=status,
        basis=basis,
    )


def found_in(folder: Path, source: str, allowed: re.Pattern[str]) -> list[Path]:
    """Answers of a source in its own sub-folder: names such as works.json are nobody's alone."""
    inner = folder / source
    place = inner if inner.is_dir() else folder
    if place is folder and folder.name != source:
        return []
    return files.matching(place, source, allowed)
