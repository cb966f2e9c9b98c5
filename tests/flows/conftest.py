"""A server on this machine that stands in for every publisher: real samples, headers, faults."""

from __future__ import annotations

import contextlib
import csv
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

SAMPLES = Path(__file__).parents[1] / "data"
Handler = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Reply:
    """One answer: status, headers, body. `length` False leaves Content-Length out."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: bool = True

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(self.status)
        # The server closes after each answer; unsaid, a client might ask again on a closed line.
        request.send_header("Connection", "close")
        for name, value in self.headers.items():
            request.send_header(name, value)
        if self.length and "Content-Length" not in self.headers:
            request.send_header("Content-Length", str(len(self.body)))
        request.end_headers()
        request.wfile.write(self.body)


class Replay:
    """Answers by host and path, in turn; the last one again and again."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Handler]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        replay = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                replay.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                place = urlsplit(self.path).path
                # A route with a query answers whatever parameters follow it, such as keys.
                asked = (
                    r for r in replay.routes if "?" in r and f"{self.path}&".startswith(f"{r}&")
                )
                scripted = replay.routes.get(next(asked, place))
                self.close_connection = True
                if scripted is None:
                    Reply(b'{"error": "not found"}', 404)(self)
                    return
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    # Broken where the client has seen enough.
                    (scripted.pop(0) if len(scripted) > 1 else scripted[0])(self)

            def date_time_string(self, timestamp: Any = None) -> str:
                return replay.date

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.date = "Tue, 24 Nov 2026 10:00:00 GMT"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def on(self, place: str, *handlers: Handler) -> None:
        """Answer requests of host/path (with or without its query) in turn."""
        self.routes[f"/{place}"] = list(handlers)

    def paths(self) -> list[str]:
        """What was asked for, without queries."""
        return [urlsplit(path).path for path, _ in self.asked]

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def own_prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An environment in which Prefect finds no server or profile of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PREFECT_API_URL", "PREFECT_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        yield


@pytest.fixture
def replay() -> Iterator[Replay]:
    """A replay server without any answers."""
    server = Replay()
    yield server
    server.close()


@pytest.fixture
def reply() -> type[Reply]:
    """The class of scripted answers."""
    return Reply


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the fetcher of the test would have waited."""
    return []


@pytest.fixture
def fetcher(replay: Replay, waits: list[float]) -> Iterator[Callable[..., Any]]:
    """Make fetchers that ask the replay server, and wait for nothing."""
    from datetime import UTC, datetime

    from flows.http import Fetcher

    made = []

    def resolve(host: str, port: int) -> list[str]:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=1)]

    def make(environment: dict[str, str] | None = None, **options: Any) -> Fetcher:
        settings: dict[str, Any] = {
            "replay": replay.url,
            "resolve": resolve,
            "sleep": waits.append,
            "clock": lambda: datetime(2026, 11, 24, 10, tzinfo=UTC),
            "read_s": 0.4,
        }
        made.append(Fetcher(environment or {}, **(settings | options)))
        return made[-1]

    yield make
    for each in made:
        each.close()


LAST_MODIFIED = {"Last-Modified": "Mon, 23 Dec 2024 08:00:00 GMT", "ETag": 'W/"5f3a"'}
CSV = {"Content-Type": "text/plain; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def crawl_statistics() -> Callable[[str], bytes]:
    """Samples of Common Crawl's statistics, as the replay server gives them."""
    return _crawl_statistics


@pytest.fixture
def publishers(replay: Replay) -> Replay:
    """The replay server with the sample of every source, as its publisher serves it."""
    raw = "raw.githubusercontent.com/commoncrawl/cc-crawl-statistics/master/plots"
    crawls = SAMPLES / "common_crawl"
    for series in ("monthly", "monthly_new", "cumulative", "domain"):
        body = _crawl_statistics(series)
        replay.on(
            f"{raw}/crawlsize/{series}.csv", _conditional(Reply(body, 200, CSV | {"ETag": '"1"'}))
        )
    body = (crawls / "languages.2024-51.csv").read_bytes()
    replay.on(f"{raw}/languages.csv", _conditional(Reply(body, 200, CSV | {"ETag": '"1"'})))
    body = (crawls / "collinfo.2024-30.json").read_bytes()
    replay.on("index.commoncrawl.org/collinfo.json", Reply(body, 200, JSON | LAST_MODIFIED))
    for place, sample, headers in (
        ("archive.softwareheritage.org/api/1/stat/counters/",
         "software_heritage/counters.2015-01-01.json", JSON),
        ("archive.org/advancedsearch.php", "internet_archive/texts.2015-01-01.json", JSON),
        ("api.crossref.org/works", "crossref/works.2026-06-15.json",
         JSON | {"x-rate-limit-limit": "50", "x-rate-limit-interval": "1s"}),
        ("export.arxiv.org/api/query", "arxiv/papers.xml",
         {"Content-Type": "application/atom+xml; charset=UTF-8"}),
        ("api.semanticscholar.org/datasets/v1/release/latest", "semantic_scholar/release.json",
         JSON),
        ("www.gutenberg.org/cache/epub/feeds/pg_catalog.csv",
         "gutenberg/pg_catalog.2025-03-07.csv", {"Content-Type": "text/csv"} | LAST_MODIFIED),
        ("epoch.ai/data/notable_ai_models.csv", "epoch/notable_ai_models.2024-07-16.csv",
         {"Content-Type": "text/csv"} | LAST_MODIFIED),
    ):  # fmt: skip
        replay.on(place, Reply((SAMPLES / sample).read_bytes(), 200, headers))
    first, second = (SAMPLES / "openalex/works_by_year.2024-07-01.json").read_bytes().split(b"\n{")
    replay.on(
        "api.openalex.org/works?group_by=publication_year&per-page=200&cursor=%2A",
        Reply(first, 200, JSON),
    )
    replay.on(
        "api.openalex.org/works?group_by=publication_year&per-page=200"
        "&cursor=IlsxMDAsIDIwMjJdIg%3D%3D",
        Reply(b"{" + second, 200, JSON),
    )
    replay.on(
        "api.openalex.org/works?group_by=type&per-page=200&cursor=%2A",
        Reply((SAMPLES / "openalex/works_by_type.2024-07-01.json").read_bytes(), 200, JSON),
    )
    from flows.connectors import hugging_face, wikimedia

    size = (SAMPLES / "hugging_face/size.ylecun--mnist.2024-01-01.json").read_bytes()
    for feed in hugging_face.feeds():
        dataset = feed.url.partition("?dataset=")[2].replace("%2F", "/").encode()
        target = feed.url.removeprefix("https://")
        replay.on(target, Reply(size.replace(b"ylecun/mnist", dataset), 200, JSON))
    info = (SAMPLES / "wikimedia/siteinfo-en.json").read_bytes()
    for language in wikimedia.LANGUAGES:
        body = info.replace(b"enwiki", f"{language}wiki".encode())
        replay.on(f"{language}.wikipedia.org/w/api.php", Reply(body, 200, JSON))
    _answer_the_rest(replay)
    return replay


def _answer_the_rest(replay: Replay) -> None:
    """Serve the sample of every feed that needs no script, so that a new source needs no line."""
    from flows.connectors.registry import CONNECTORS

    answered = {route.partition("?")[0] for route in replay.routes}
    for source in CONNECTORS.values():
        for feed in source.feeds():
            place = feed.url.removeprefix("https://").partition("?")[0]
            stem = feed.file.partition(".")[0]
            samples = [path for path in source.find(SAMPLES) if path.name.startswith(stem)]
            if samples and f"/{place}" not in answered:
                replay.on(place, Reply(samples[-1].read_bytes(), 200))


def _crawl_statistics(series: str) -> bytes:
    """A sample of Common Crawl's statistics.

    The samples are excerpts, whose cumulative counts start before their first row: those are
    summed anew, so that the relations that hold for the whole files hold here.
    """
    path = SAMPLES / f"common_crawl/{series}.2024-51.csv"
    if series != "cumulative":
        return path.read_bytes()
    rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    monthly = csv.DictReader(_crawl_statistics("monthly").decode().splitlines())
    new = csv.DictReader(_crawl_statistics("monthly_new").decode().splitlines())
    pages = urls = 0
    for row, total, first in zip(rows[1:], monthly, new, strict=True):
        pages, urls = pages + int(total["page"]), urls + int(first["url estim."])
        row[rows[0].index("page")], row[rows[0].index("url estim.")] = str(pages), str(urls)
    return "".join(",".join(row) + "\n" for row in rows).encode()


def _conditional(reply: Reply) -> Handler:
    """The answer, or 304 to whoever has it already."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        unchanged = request.headers.get("If-None-Match") == reply.headers.get("ETag")
        (Reply(b"", 304, {"ETag": reply.headers["ETag"]}) if unchanged else reply)(request)

    return answer
