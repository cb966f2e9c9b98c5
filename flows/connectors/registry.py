"""The sources that can be ingested, and the one shape that all of them have."""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Protocol

from flows.connectors import common_crawl, epoch_models, own_inventory
from flows.errors import UsageError
from models.records import Parsed


class Connector(Protocol):
    """What a source gives. A module with these names is one."""

    name: str
    publisher: str
    url: str
    licence: str
    schedule_hint: str

    def find(self, folder: Path) -> list[Path]:
        """Files of this source in the folder or its sub-folder of conventional name."""
        ...

    def unread(self, folder: Path) -> list[Path]:
        """Files there that are this source's and that this version does not read."""
        ...

    def parse(self, name: str, content: bytes, known_at: date | None) -> Parsed:
        """Records in a file's raw bytes. Depends on its arguments alone.

        name: file name as published (it may carry the vintage). known_at: replaces the vintage.
        Raises: SourceChanged
        """
        ...


CONNECTORS: dict[str, Connector] = {
    common_crawl.name: common_crawl,
    epoch_models.name: epoch_models,
    own_inventory.name: own_inventory,
}


def connector(name: str) -> Connector:
    """The source of that name, or `UsageError` with the names there are."""
    if name in CONNECTORS:
        return CONNECTORS[name]
    close = difflib.get_close_matches(name, CONNECTORS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UsageError(f"source {name!r} is unknown; allowed: {', '.join(CONNECTORS)}{hint}")
