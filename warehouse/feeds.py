"""What is known of a source's feeds: the vintages loaded, and what their servers said of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from warehouse.insert import insert_rows
from warehouse.statements import ask


@dataclass(frozen=True, slots=True)
class FeedState:
    """loaded: checksum by series and vintage. validators: ETag and Last-Modified by file."""

    loaded: dict[tuple[str, date], str]
    validators: dict[str, tuple[str, str]]

    def newest(self, series: str) -> str | None:
        """Checksum of a series' newest vintage, None if it has none."""
        vintages = [day for name, day in self.loaded if name == series]
        return self.loaded[series, max(vintages)] if vintages else None


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What a server said of one file, once its content is loaded."""

    file: str
    etag: str
    last_modified: str


def feed_state(connection: Connection, source: str) -> FeedState:
    """What is known of a source's feeds."""
    loaded = ask(connection, "loaded_vintages", {"source": source})
    said = ask(connection, "feed_state", {"source": source})
    return FeedState(
        {(str(row.series), row.known_at): str(row.sha256) for row in loaded},
        {str(row.file): (str(row.etag), str(row.last_modified)) for row in said},
    )


def remember(
    connection: Connection, source: str, answers: Iterable[FeedAnswer], now: datetime
) -> None:
    """Note what servers said of content that is loaded; committed at once.

    Done after the load: a crash between the two only costs one download.
    """
    with connection.begin():
        for answer in answers:
            place = {"source": source, "file": answer.file}
            ask(connection, "forget_feed", place)
            said = {"etag": answer.etag, "last_modified": answer.last_modified}
            insert_rows(connection, "feed", [place | said | {"checked_at": now}])
