"""Dumps that do not fit into memory: one line after the other, packed or not, within limits."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from flows.connectors import files
from flows.connectors.feed import GIGABYTE, MEGABYTE
from flows.errors import SourceChanged
from models.records import RejectedRow

LINE_LIMIT = 16 * MEGABYTE
UNPACKED_LIMIT = 200 * GIGABYTE
# Rows kept aside are held in memory; a dump with more of them has changed its form.
REJECTED_LIMIT = 10_000


def lines(name: str, file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Number and text of each line of a dump, in UTF-8, read once from its start.

    Raises: SourceChanged for one that is cut off or not text, or has a line or total beyond limits
    """
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    source = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
    size = number = 0
    line = b"\n"
    try:
        while chunk := source.readline(LINE_LIMIT + 1):
            line = chunk
            number += 1
            size += len(line)
            if len(line) > LINE_LIMIT or size > UNPACKED_LIMIT:
                raise SourceChanged(
                    f"{name}, line {number}: a line beyond {LINE_LIMIT / 1e6:g} MB or a dump "
                    f"beyond {UNPACKED_LIMIT / 1e9:g} GB is not read"
                )
            yield number, line.decode("utf-8").rstrip("\r\n")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceChanged(
            f"{name} is damaged or cut-off gzip ({error}); {files.AGAIN}"
        ) from error
    except UnicodeDecodeError as error:
        raise SourceChanged(f"{name}, line {number}, is not UTF-8; {files.AGAIN}") from error
    if not number:
        raise SourceChanged(f"{name} is empty; {files.AGAIN}")
    if not line.endswith(b"\n"):
        raise SourceChanged(f"{name} is truncated: line {number} has no end; {files.AGAIN}")


def reject(name: str, rejected: list[RejectedRow], line: int, reason: str, text: str) -> None:
    """Keep a row aside. Raises: SourceChanged when too many were"""
    if len(rejected) == REJECTED_LIMIT:
        raise SourceChanged(
            f"{name}: more than {REJECTED_LIMIT:,} rows cannot be read; the first is line "
            f"{rejected[0].line}: {rejected[0].reason}"
        )
    rejected.append(RejectedRow(line, reason, text[: files.RAW_LIMIT]))
