"""Documents of a part of a file, one reader a format.

A reader yields the text of each document, or `Unreadable` where there should have been one. It
raises `Damaged` where the rest of a file cannot be read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

from flows.measuring.files import MAX_DOCUMENT, Part, Split
from flows.measuring.unpack import Damaged

TOO_LONG = f"longer than {MAX_DOCUMENT // 2**20} MB"
NOT_UTF8 = "not UTF-8"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A document that is there and cannot be read, with the reason to count it under."""

    reason: str


Document = str | Unreadable


def _decoded(content: bytes) -> Document:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return Unreadable(NOT_UTF8)


def _lines(stream: io.BufferedReader) -> Iterator[bytes | Unreadable]:
    """Lines without their end; one that is too long is skipped to its end."""
    while line := stream.readline(MAX_DOCUMENT + 1):
        if len(line) <= MAX_DOCUMENT:
            yield line
            continue
        while not line.endswith(b"\n") and (line := stream.readline(2**20)):
            pass
        yield Unreadable(TOO_LONG)


def _lines_of_part(stream: io.BufferedReader, part: Part) -> Iterator[bytes | Unreadable]:
    """Lines that begin in [start, end); the reader of the part before reads the one across."""
    if part.is_whole:
        yield from _lines(stream)
        return
    at = part.start
    if at:
        # From the byte before, so that a line beginning exactly at the start counts as this part's.
        stream.seek(at - 1)
        while (rest := stream.readline(2**20)) and not rest.endswith(b"\n"):
            pass
        at = stream.tell()
    for line in _lines(stream):
        if at >= part.end:
            return
        at = stream.tell() if isinstance(line, Unreadable) else at + len(line)
        yield line


def text_lines(stream: io.BufferedReader, part: Part) -> Iterator[Document]:
    """Each line that holds anything is a document."""
    for line in _lines_of_part(stream, part):
        if isinstance(line, Unreadable):
            yield line
        elif line := line.strip(b"\r\n"):
            yield _decoded(line)


def text_file(stream: io.BufferedReader) -> Iterator[Document]:
    """The whole file is one document."""
    content = stream.read(MAX_DOCUMENT + 1)
    yield Unreadable(TOO_LONG) if len(content) > MAX_DOCUMENT else _decoded(content)


def json_lines(stream: io.BufferedReader, part: Part, column: str) -> Iterator[Document]:
    """Each line is an object whose key `column` holds the text."""
    for line in _lines_of_part(stream, part):
        if isinstance(line, Unreadable):
            yield line
        elif not line.isspace():
            yield _json_text(line, column)


def _json_text(line: bytes, column: str) -> Document:
    try:
        row = json.loads(line)
    except UnicodeDecodeError:
        return Unreadable(NOT_UTF8)
    except (ValueError, RecursionError):
        return Unreadable("not JSON")
    text = row.get(column) if isinstance(row, dict) else None
    return text if isinstance(text, str) else Unreadable(f"no text under {column!r}")


def wet(stream: io.BufferedReader) -> Iterator[Document]:
    """Records of type `conversion` of a WARC file: the text that was taken from a page.

    A record that is longer or shorter than it says costs the next one, which is then unreadable.
    Source: ISO 28500 (WARC 1.0 and 1.1), sections 4 to 6
    """
    lost = False
    while (line := stream.readline(2**20)) != b"":
        if not line.startswith(b"WARC/1."):
            if line.strip() and not lost:
                lost = True
                yield Unreadable("not a WARC record where one should begin")
            continue
        lost = False
        kind, size = _warc_header(stream)
        if size > MAX_DOCUMENT:
            _skip(stream, size)
            if kind == "conversion":
                yield Unreadable(TOO_LONG)
            continue
        content = stream.read(size)
        if len(content) < size:
            raise Damaged("ends inside a record")
        if kind == "conversion":
            yield _decoded(content)


def _warc_header(stream: io.BufferedReader) -> tuple[str, int]:
    fields: dict[bytes, bytes] = {}
    for _ in range(100):
        line = stream.readline(2**16)
        if not line.strip():
            break
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    size = fields.get(b"content-length", b"")
    if not size.isdigit() or len(size) > 15:
        raise Damaged("a WARC record without its length")
    return fields.get(b"warc-type", b"").decode("ascii", "replace").lower(), int(size)


def _skip(stream: io.BufferedReader, size: int) -> None:
    while size > 0:
        block = stream.read(min(size, 2**20))
        if not block:
            raise Damaged("ends inside a record")
        size -= len(block)


def documents(
    stream: io.BufferedReader, part: Part, column: str, split: Split
) -> Iterator[Document]:
    """Documents of a part of any format but Parquet."""
    if part.file.kind == "wet":
        return wet(stream)
    if part.file.kind == "jsonl":
        return json_lines(stream, part, column)
    return text_lines(stream, part) if split == "line" else text_file(stream)
