"""The documents list every source with its group and schedule, and every key it takes."""

from __future__ import annotations

import re
from collections.abc import Callable

from flows.connectors.registry import CONNECTORS
from flows.http import CONTACT

_ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)


def test_sources_are_documented_as_they_are(document: Callable[[str], str]) -> None:
    rows = [(name, cells.split(" | ")) for name, cells in _ROW.findall(document("docs/sources.md"))]
    first, second = rows[: len(CONNECTORS)], rows[len(CONNECTORS) : 2 * len(CONNECTORS)]
    assert [name for name, _ in first] == [name for name, _ in second] == list(CONNECTORS)
    for name, (group, asked, _, key) in first:
        source = CONNECTORS[name]
        assert (group, asked.split(",")[0]) == (source.group, source.schedule), name
        assert (", bulk" in asked) == source.bulk, name
        keys = {key.variable for feed in source.feeds() for key in feed.keys}
        # The contact is sent with every request; it is a key only where nothing else is.
        own = keys - {CONTACT} or keys
        assert set(re.findall(r"`(\w+)`", key)) == own, name


def test_keys_are_documented_in_the_environment(document: Callable[[str], str]) -> None:
    text = document("docs/commands.md")
    keys = {k.variable for s in CONNECTORS.values() for feed in s.feeds() for k in feed.keys}
    assert not [variable for variable in keys if f"`{variable}`" not in text]
