"""Fetching: one polite, bounded and suspicious client for all sources.

Conditional requests; retries with jitter and Retry-After; limits on time, size and unpacking; https
and public addresses only, after DNS and after every redirect; keys in the request and nowhere else.
httpcore, the engine of httpx, is used directly: it lets the connection be made to the very address
that was checked, and it logs no address, which would show a key.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import version
from typing import cast

import httpcore
import httpx
import tenacity

from flows import reach
from flows.connectors.feed import Feed, Form
from flows.errors import SourceChanged, SourceUnavailable

ATTEMPTS = 4
LONGEST_WAIT_S = 60.0
CONNECT_S, READ_S = 10.0, 30.0
REDIRECTS = 5
PAGES = 1_000
CONTACT = "DATAWALL_CONTACT"
_CHUNK = 1 << 16
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_DENIED = frozenset({401, 402, 403, 407, 451})
_TYPES: dict[Form, re.Pattern[str]] = {
    "csv": re.compile(
        r"text/(csv|plain|tab-.*)|application/(csv|octet-stream|(x-)?gzip)|binary/.*"
    ),
    "json": re.compile(r"(text|application)/(json|plain|javascript|x-javascript|.*\+json)"),
    "atom": re.compile(r"(text|application)/(xml|atom\+xml)"),
    "dump": re.compile(r"text/plain|application/.*|binary/.*"),
}


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said about an answer, to ask later whether it changed."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer: when it was made, how to ask again, and its final file name."""

    day: date
    validators: Validators
    file: str


class _Passing(SourceUnavailable):
    """A failure that may pass. wait_s: what the server asked to wait, if it did."""

    def __init__(self, message: str, wait_s: float | None = None, reached: bool = True) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.reached = reached


class Fetcher:
    """A client for many feeds; not for two threads at once.

    environment: where keys and the contact come from
    replay:      address of a server on this machine that stands in for every host, for tests: the
                 address https://host/path is asked of it as /host/path
    resolve, sleep, clock: replaced by tests
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        replay: str | None = None,
        resolve: reach.Resolve = reach.resolve,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        read_s: float = READ_S,
    ) -> None:
        self._environment = environment
        self._replay = replay
        self._sleep = sleep
        self._clock = clock
        self._read_s = read_s
        self._reach = reach.Reach(loopback=replay is not None, resolve=resolve)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False) if replay is None else None,
            network_backend=self._reach,
            max_connections=4,
        )
        self._asked: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._away: dict[str, str] = {}

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def today(self) -> date:
        """The day it is, by the same clock that dates answers without a date."""
        return self._clock().date()

    def fetch(
        self,
        feed: Feed,
        known: Validators,
        keep: Callable[[Iterator[bytes]], None],
    ) -> Answer | None:
        """Hand the unpacked bytes of a feed to `keep`; None if they have not changed.

        keep: called again from the start when a retry begins; it must take all chunks
        Raises: SourceUnavailable for what may pass or wants a key, SourceChanged for the rest
        """
        host = httpx.URL(feed.url).host
        if host in self._away:
            raise SourceUnavailable(self._away[host])

        def attempt() -> Answer | None:
            self._reach.deadline = time.monotonic() + feed.time_s
            return self._once(feed, known, keep)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=_stop,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except _Passing as error:
            if not error.reached:
                # Other feeds of a host that cannot be reached need not be waited for.
                self._away[host] = str(error)
            raise SourceUnavailable(str(error)) from error

    def _once(
        self, feed: Feed, known: Validators, keep: Callable[[Iterator[bytes]], None]
    ) -> Answer | None:
        first: list[Answer] = []

        def pages() -> Iterator[bytes]:
            url: str | None = feed.url
            left = feed.limit
            asked: set[str] = set()
            while url is not None:
                if url in asked or len(asked) == PAGES:
                    raise SourceChanged(f"{feed.series}: its pages have no end; {_asked_of(url)}")
                asked.add(url)
                page: list[bytes] = []
                with self._open(feed, url, known if not first else Validators()) as (answer, body):
                    if answer is None:
                        raise _Unchanged
                    first.append(answer)
                    for chunk in body(left):
                        left -= len(chunk)
                        if feed.next_page is not None:
                            page.append(chunk)
                        yield chunk
                if feed.next_page is None:
                    return
                yield b"\n"
                url = feed.next_page(b"".join(page))

        try:
            keep(pages())
        except _Unchanged:
            return None
        return first[0]

    @contextmanager
    def _open(
        self, feed: Feed, address: str, known: Validators
    ) -> Iterator[tuple[Answer | None, Callable[[int], Iterator[bytes]]]]:
        """One request with its redirects; yields the head and a reader of at most so many bytes."""
        url = httpx.URL(address).copy_merge_params(self._parameters(feed))
        headers = self._headers(feed) | self._conditions(known)
        for _ in range(REDIRECTS + 1):
            where = _asked_of(str(url))
            self._refuse(url, where)
            self._be_polite(url.host, feed.pause_s)
            with self._stream(url, headers, where) as response:
                head = httpx.Headers(response.headers)
                self._learn_pace(url.host, head)
                if response.status in _REDIRECT:
                    target = url.join(head.get("location", ""))
                    if target.host != url.host:
                        headers = {
                            name: value
                            for name, value in headers.items()
                            if name not in {key.header for key in feed.keys}
                        }
                    url = target
                    continue
                if response.status == 304 and known != Validators():
                    yield None, lambda limit: iter(())
                    return
                if response.status != 200:
                    self._refuse_status(feed, response, head, where)
                self._check_type(feed, head, where)
                read = partial(self._body, response, head, feed.limit, where)
                yield self._answer(url, head, feed), read
                return
        raise SourceChanged(f"{where} redirects more than {REDIRECTS} times")

    @contextmanager
    def _stream(
        self, url: httpx.URL, headers: Mapping[str, str], where: str
    ) -> Iterator[httpcore.Response]:
        asked = url if self._replay is None else _replayed(self._replay, url)
        raw = httpcore.URL(
            scheme=asked.raw_scheme, host=asked.raw_host, port=asked.port, target=asked.raw_path
        )
        sent = [("Host", asked.netloc.decode("ascii")), *headers.items()]
        timeout = {"connect": CONNECT_S, "read": self._read_s, "write": self._read_s, "pool": 1.0}
        try:
            with self._pool.stream(
                "GET", raw, headers=sent, extensions={"timeout": timeout}
            ) as response:
                yield response
        except reach.NotPublic as error:
            raise SourceChanged(f"{where}: {error}, which is no public address") from error
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise _Passing(f"{where} cannot be reached ({error})", reached=False) from error
        except httpcore.TimeoutException as error:
            raise _Passing(f"{where} did not answer in time") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _Passing(f"{where} broke off its answer") from error

    def _body(
        self, response: httpcore.Response, head: httpx.Headers, most: int, where: str, limit: int
    ) -> Iterator[bytes]:
        size = 0
        for chunk in _unpacked(response.iter_stream(), head.get("content-encoding", ""), where):
            self._reach.left(None)
            size += len(chunk)
            if size > limit:
                raise SourceChanged(
                    f"{where} gives more than {most / 1e6:g} MB, the most allowed for it"
                )
            yield chunk

    def _refuse(self, url: httpx.URL, where: str) -> None:
        if url.scheme != "https" or not url.host:
            raise SourceChanged(f"{where}: only https addresses are fetched")
        if url.userinfo:
            raise SourceChanged(f"{where}: addresses with a user or password are not fetched")
        try:
            ipaddress.ip_address(url.host)
        except ValueError:
            return  # a name, checked once it is resolved
        if not reach.is_public(url.host):
            raise SourceChanged(f"{where} is no public address")

    def _be_polite(self, host: str, pause_s: float) -> None:
        """Wait until this host may be asked again."""
        pause = max(pause_s, self._pauses.get(host, 0.0))
        waited = time.monotonic() - self._asked.get(host, float("-inf"))
        if waited < pause:
            self._sleep(pause - waited)
        self._asked[host] = time.monotonic()

    def _learn_pace(self, host: str, head: httpx.Headers) -> None:
        """Heed x-rate-limit-limit and -interval, as Crossref gives them: so many a `1s`."""
        limit = re.fullmatch(r"[0-9]{1,6}", head.get("x-rate-limit-limit", ""))
        interval = re.fullmatch(r"([0-9]{1,4})s", head.get("x-rate-limit-interval", ""))
        if limit and interval and int(limit[0]):
            self._pauses[host] = min(int(interval[1]) / int(limit[0]), LONGEST_WAIT_S)

    def _refuse_status(
        self, feed: Feed, response: httpcore.Response, head: httpx.Headers, where: str
    ) -> None:
        said = self._redacted(_said(response))
        status = f"{where} answers {response.status}{f': {said}' if said else ''}"
        if response.status in _PASSING:
            raise _Passing(status, _retry_after(head, self._clock()))
        if response.status in _DENIED:
            named = ", ".join(key.variable for key in feed.keys)
            raise SourceUnavailable(f"{status}{f'; set {named}' if named else ''}")
        raise SourceChanged(status)

    def _check_type(self, feed: Feed, head: httpx.Headers, where: str) -> None:
        kind = head.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not _TYPES[feed.form].fullmatch(kind):
            raise SourceChanged(f"{where} gives {kind[:60]!r}; {feed.form} is expected")

    def _answer(self, url: httpx.URL, head: httpx.Headers, feed: Feed) -> Answer:
        now = self._clock()
        stated = head.get("last-modified") or head.get("date", "")
        moment = _moment(stated) or now
        # A clock that is wrong must not date a vintage into the future.
        day = moment.date() if moment <= now + timedelta(days=1) else now.date()
        file = url.path.rpartition("/")[2] or feed.file
        validators = Validators(head.get("etag", "")[:500], head.get("last-modified", "")[:100])
        return Answer(day, validators, file)

    def _headers(self, feed: Feed) -> dict[str, str]:
        contact = self._environment.get(CONTACT, "").strip()
        about = f"mailto:{contact}" if contact and _is_header(contact) else f"{CONTACT} unset"
        sent = {
            "User-Agent": f"datawall/{version('datawall')} ({about})",
            "Accept-Encoding": "gzip",
            "Accept": "*/*",
            **feed.headers,
        }
        for key in feed.keys:
            secret = self._secret(key.variable)
            if key.header and secret:
                sent[key.header] = key.template.format(secret)
        return sent

    def _parameters(self, feed: Feed) -> dict[str, str]:
        return {
            key.parameter: secret
            for key in feed.keys
            if key.parameter and (secret := self._secret(key.variable))
        }

    def _secret(self, variable: str) -> str:
        secret = self._environment.get(variable, "").strip()
        if not _is_header(secret):
            raise SourceUnavailable(f"{variable} holds characters that no request can carry")
        return secret

    def _redacted(self, text: str) -> str:
        for key, value in self._environment.items():
            if len(value) >= 4 and re.search(r"KEY|TOKEN|SECRET|CONTACT", key):
                text = text.replace(value, "***")
        return text

    @staticmethod
    def _conditions(known: Validators) -> dict[str, str]:
        sent = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
        return {name: value for name, value in sent.items() if value}


@contextmanager
def fetcher(online: bool) -> Iterator[Fetcher | None]:
    """A client with this process's environment, closed at the end; None where offline."""
    if not online:
        yield None
        return
    client = Fetcher(os.environ)
    try:
        yield client
    finally:
        client.close()


class _Unchanged(Exception):
    """The server says 304."""


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, _Passing)


def _failure(state: tenacity.RetryCallState) -> _Passing:
    return cast(_Passing, state.outcome.exception() if state.outcome else None)


def _stop(state: tenacity.RetryCallState) -> bool:
    """Whether to give up: tried often, the host is not there, or it asks for a longer wait."""
    failure = _failure(state)
    attempts = ATTEMPTS if failure.reached else 2
    return state.attempt_number >= attempts or (failure.wait_s or 0.0) > LONGEST_WAIT_S


def _wait(state: tenacity.RetryCallState) -> float:
    jittered = tenacity.wait_exponential_jitter(initial=1.0, max=LONGEST_WAIT_S / 2, jitter=1.0)
    return max(_failure(state).wait_s or 0.0, jittered(state))


def _asked_of(address: str) -> str:
    """Host and path of an address: what may be shown, since a query can hold a key."""
    url = httpx.URL(address)
    return f"{url.host}{url.path}"[:200]


def _replayed(replay: str, url: httpx.URL) -> httpx.URL:
    target = f"/{url.host}".encode("ascii") + url.raw_path
    return httpx.URL(replay).copy_with(raw_path=target)


def _is_header(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(head: httpx.Headers, now: datetime) -> float | None:
    text = head.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    moment = _moment(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def _said(response: httpcore.Response) -> str:
    """The message of an error in JSON, one short printable line; blank if there is none."""
    body = b""
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > _CHUNK:
            return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    words = next(
        (document[k] for k in ("error", "message") if isinstance(document.get(k), str)), ""
    )
    return "".join(c if c.isprintable() else " " for c in words)[:160].strip()


def _unpacked(chunks: Iterable[bytes], encoding: str, where: str) -> Iterator[bytes]:
    """Bytes of a body without its content encoding, in pieces of bounded size."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from (chunk for chunk in chunks if chunk)
        return
    if encoding not in ("gzip", "x-gzip"):
        raise SourceChanged(
            f"{where} is packed as {encoding[:40]!r}; gzip or nothing was asked for"
        )
    packed = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if packed.eof:
                    packed = zlib.decompressobj(wbits=31)  # members may follow each other
                # Never unpacked at once: a kilobyte can hold a megabyte of zeros.
                piece = packed.decompress(rest, _CHUNK)
                rest = packed.unused_data if packed.eof else packed.unconsumed_tail
                if piece:
                    yield piece
    except zlib.error as error:
        raise _Passing(f"{where} is damaged gzip") from error
    if not packed.eof:
        raise _Passing(f"{where} broke off its answer")
