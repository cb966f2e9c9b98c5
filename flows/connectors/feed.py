"""What a connector asks of the network: addresses, forms and keys, but no connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["csv", "json", "atom", "dump"]
# How often a publisher gives a new state, which is how often it is asked.
Schedule = Literal["daily", "weekly", "monthly"]
PERIOD_DAYS: dict[Schedule, int] = {"daily": 1, "weekly": 7, "monthly": 31}
MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """A secret or contact in the environment, and where a request carries it.

    parameter, header: exactly one is set. template: the header's value, `{}` being the key.
    """

    variable: str
    parameter: str = ""
    header: str = ""
    template: str = "{}"


@dataclass(frozen=True, slots=True)
class Feed:
    """One artefact to fetch.

    series:  the series its content will be (a connector's `parse` says the same)
    file:    file name under which the content is parsed; with `dated`, the day of the answer is
             put before its suffix, because the content does not tell it
    url:     https address without any key; the origin of what is read
    keys:    added when they are in the environment
    limit:   most bytes, unpacked; time_s: seconds that the whole answer may take
    pause_s: least seconds between two requests to this host
    next_page: address of the page after one, or None; pages are kept one after the other
    follow:  the feed that an answer leads to, such as the newest file of a list
    """

    series: str
    file: str
    url: str
    form: Form
    dated: bool = False
    keys: tuple[Key, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: int = 64 * MEGABYTE
    time_s: float = 120.0
    pause_s: float = 1.0
    next_page: Callable[[bytes], str | None] | None = None
    follow: Callable[[bytes], Feed | None] | None = None

    def name_on(self, day: str) -> str:
        """File name for an answer of a day."""
        if not self.dated:
            return self.file
        stem, dot, suffix = self.file.rpartition(".")
        return f"{stem}.{day}{dot}{suffix}"
