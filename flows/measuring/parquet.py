"""Documents of a Parquet file: the texts of one column."""

from __future__ import annotations

from collections.abc import Iterator

from flows.measuring.readers import Document, Unreadable
from flows.measuring.unpack import Damaged
from warehouse import parquet


def documents(path: str, column: str) -> Iterator[Document]:
    """Texts of the column; a value that is no text is unreadable."""
    try:
        for value in parquet.column(path, column):
            yield value if isinstance(value, str) else Unreadable(f"no text under {column!r}")
    except parquet.ParquetUnreadable as error:
        raise Damaged(str(error)) from error
