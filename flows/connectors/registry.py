"""The sources that can be ingested, and the one shape that all of them have."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from flows.connectors import (
    arxiv,
    common_crawl,
    crossref,
    datacite,
    epoch_models,
    gutenberg,
    hathitrust,
    hugging_face,
    internet_archive,
    open_library,
    openalex,
    own_inventory,
    semantic_scholar,
    software_heritage,
    wikimedia,
)
from flows.connectors.feed import Feed, Schedule
from flows.errors import UsageError
from models.records import Parsed


class Connector(Protocol):
    """What a source gives. A module with these names is one.

    group: which deployment fetches it. bulk: gigabytes, so it is fetched only when named.
    """

    name: str
    publisher: str
    url: str
    licence: str
    schedule: Schedule
    group: str
    bulk: bool

    def feeds(self) -> Sequence[Feed]:
        """What to ask of the network, one artefact each."""
        ...

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


@runtime_checkable
class Streaming(Protocol):
    """A connector whose files may not fit into memory: it reads them piece by piece."""

    def parse_stream(self, name: str, file: BinaryIO, known_at: date | None) -> Parsed:
        """Records of a file, read once from its start, as `parse` would give them."""
        ...


_MODULES: tuple[Connector, ...] = (
    common_crawl,
    hugging_face,
    openalex,
    crossref,
    datacite,
    arxiv,
    semantic_scholar,
    internet_archive,
    gutenberg,
    hathitrust,
    open_library,
    wikimedia,
    software_heritage,
    epoch_models,
    own_inventory,
)
CONNECTORS: dict[str, Connector] = {module.name: module for module in _MODULES}


def connector(name: str) -> Connector:
    """The source of that name, or `UsageError` with the names there are."""
    if name in CONNECTORS:
        return CONNECTORS[name]
    close = difflib.get_close_matches(name, CONNECTORS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UsageError(f"source {name!r} is unknown; allowed: {', '.join(CONNECTORS)}{hint}")


def in_group(group: str) -> list[str]:
    """Sources of a group, or `UsageError` with the groups there are."""
    found = [name for name, module in CONNECTORS.items() if module.group == group]
    if not found:
        known = ", ".join(sorted({module.group for module in CONNECTORS.values()}))
        raise UsageError(f"group {group!r} is unknown; allowed: {known}")
    return found
