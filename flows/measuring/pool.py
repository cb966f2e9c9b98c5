"""Measuring parts on several cores: processes, progress, and a stop that leaves nothing behind."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import Any

from flows.errors import SourceError
from flows.measuring.files import CorpusFile, Part, open_file
from flows.measuring.measure import Measurer, Options, PartResult
from flows.measuring.unpack import BLOCK

Seen = Callable[[int], None]
_POLL_S = 0.2


class Stopped(Exception):
    """The user stopped; a worker leaves its part."""


class _Worker:
    """What a process has: its measurer, the counter of bytes all share, and the sign to stop."""

    measurer: Measurer
    counter: Any
    stop: Any

    @classmethod
    def seen(cls, count: int) -> None:
        if cls.stop.is_set():
            raise Stopped
        with cls.counter.get_lock():
            cls.counter.value += count


def _start(options: Options, counter: Any, stop: Any) -> None:
    # The parent alone answers Ctrl-C, by setting `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _Worker.counter, _Worker.stop = counter, stop
    _Worker.measurer = Measurer(options)


def _leave_with_parent() -> None:
    """End this process when the parent is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _measure(part: Part) -> PartResult:
    return _Worker.measurer.part(part, _Worker.seen)


def _checksum(file: CorpusFile) -> tuple[str, str]:
    return file.path, checksum(file, _unless_stopped)


def _unless_stopped(_: int) -> None:
    if _Worker.stop.is_set():
        raise Stopped


def checksum(file: CorpusFile, seen: Seen) -> str:
    """SHA-256 of a whole file that was measured in ranges."""
    digest = hashlib.sha256()
    with open_file(file) as stream:
        while block := stream.read(BLOCK):
            seen(len(block))
            digest.update(block)
    return digest.hexdigest()


def measured(
    parts: Sequence[Part], options: Options, workers: int, progress: Seen
) -> Iterator[PartResult | tuple[str, str]]:
    """Results of all parts as they come, and path and checksum of each file read in ranges.

    progress is told how many bytes have been read in all.
    Raises: SourceError when a worker process is killed from outside
    """
    ranged = sorted({p.file for p in parts if not p.is_whole}, key=lambda file: file.path)
    if workers == 1:
        yield from _alone(parts, ranged, options, progress)
    else:
        yield from _together(parts, ranged, options, workers, progress)


def _alone(
    parts: Sequence[Part], ranged: Sequence[CorpusFile], options: Options, progress: Seen
) -> Iterator[PartResult | tuple[str, str]]:
    measurer, total = Measurer(options), 0

    def seen(count: int) -> None:
        nonlocal total
        total += count
        progress(total)

    for part in parts:
        yield measurer.part(part, seen)
    for file in ranged:
        yield file.path, checksum(file, lambda _: None)


def _together(
    parts: Sequence[Part],
    ranged: Sequence[CorpusFile],
    options: Options,
    workers: int,
    progress: Seen,
) -> Iterator[PartResult | tuple[str, str]]:
    # Spawned: a forked child would share the parent's locks and open files.
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(workers, context, _start, (options, counter, stop))
    try:
        waiting = {pool.submit(_measure, part) for part in parts}
        waiting |= {pool.submit(_checksum, file) for file in ranged}  # type: ignore[arg-type]
        while waiting:
            done, waiting = wait(waiting, _POLL_S, FIRST_COMPLETED)
            progress(counter.value)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise SourceError(
            "a worker process was killed from outside (out of memory?), nothing was stored; "
            "try again with fewer --workers"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def bar(total: int, what: str) -> Iterator[Seen]:
    """A progress bar on standard error; a line at the end where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    columns: Iterable[Any] = (
        "{task.description}", BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as shown:
        task = shown.add_task(what, total=total)
        yield lambda seen: shown.update(task, completed=seen)
