"""Fetching a source's feeds into snapshots; nothing is parsed or loaded here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flows.connectors.feed import Feed
from flows.connectors.registry import Connector
from flows.errors import SourceError
from flows.http import Answer, Fetcher, Validators
from warehouse import snapshots
from warehouse.feeds import FeedAnswer, FeedState

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Got:
    """A feed's answer in a snapshot, the name to parse it under, and what the server said of it."""

    name: str
    kept: snapshots.Kept
    answer: FeedAnswer


@dataclass(slots=True)
class Fetched:
    """What came of a source's feeds; a feed with a problem does not stop the others."""

    got: list[Got] = field(default_factory=list)
    unchanged: int = 0
    problems: list[SourceError] = field(default_factory=list)


def fetch_source(
    source: Connector, state: FeedState, folder: Path, http: Fetcher, progress: Progress
) -> Fetched:
    """Ask for every feed of a source, one after the other."""
    fetched = Fetched()
    for feed in source.feeds():
        try:
            _fetch(feed, state, folder, http, progress, fetched)
        except SourceError as error:
            progress(f"  {error}")
            fetched.problems.append(error)
    return fetched


def _fetch(
    feed: Feed,
    state: FeedState,
    folder: Path,
    http: Fetcher,
    progress: Progress,
    fetched: Fetched,
) -> None:
    if feed.dated and (feed.series, http.today()) in state.loaded:
        # A figure of the day is taken once a day: a second one could not be told from the first.
        fetched.unchanged += 1
        return
    # A list is asked for whole: what it leads to may not have come the last time.
    asked = feed.follow is None
    known = Validators(*state.validators.get(feed.file, ("", ""))) if asked else Validators()
    kept: list[snapshots.Kept] = []

    def keep(chunks: Iterator[bytes]) -> None:
        kept.append(snapshots.keep_stream(folder, chunks))

    answer = http.fetch(feed, known, keep)
    if answer is None:
        fetched.unchanged += 1
        return
    progress(f"  {feed.file}: {kept[-1].size:,} bytes")
    fetched.got.append(Got(_name(feed, answer), kept[-1], _said(feed, answer)))
    if feed.follow is not None:
        content = snapshots.read(folder, str(kept[-1].path))
        further = feed.follow(content)
        if further is not None:
            _fetch(further, state, folder, http, progress, fetched)


def _name(feed: Feed, answer: Answer) -> str:
    return answer.file if feed.form == "dump" else feed.name_on(answer.day.isoformat())


def _said(feed: Feed, answer: Answer) -> FeedAnswer:
    return FeedAnswer(feed.file, answer.validators.etag, answer.validators.last_modified)
