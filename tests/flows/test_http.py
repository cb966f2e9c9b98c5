"""The fetcher against a real server on this machine, and against that server's faults."""

from __future__ import annotations

import gzip
import json
import logging
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from flows.connectors.feed import Feed, Key
from flows.errors import SourceChanged, SourceUnavailable
from flows.http import Answer, Fetcher, Validators
from flows.reach import NotPublic, Reach, is_public

PHRASE = "s3cr3t-0123456789"
NEW = Validators()


def feed(**options: Any) -> Feed:
    settings: dict[str, Any] = {"pause_s": 0.0, "time_s": 5.0}
    return Feed(
        "counts", "counts.json", "https://lab.example/counts", "json", **(settings | options)
    )


class Kept:
    """What a fetch handed over, try by try."""

    def __init__(self) -> None:
        self.tries: list[bytes] = []

    def __call__(self, chunks: Iterator[bytes]) -> None:
        self.tries.append(b"".join(chunks))


def get(http: Fetcher, known: Validators = NEW, **options: Any) -> tuple[Answer | None, bytes]:
    kept = Kept()
    answer = http.fetch(feed(**options), known, kept)
    return answer, kept.tries[-1] if kept.tries else b""


def test_an_answer_is_handed_over_with_its_validators(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    headers = {"ETag": '"a"', "Last-Modified": "Mon, 23 Nov 2026 23:30:00 GMT"}
    replay.on("lab.example/counts", reply(b'{"n": 1}', 200, headers))
    answer, body = get(fetcher())
    assert body == b'{"n": 1}'
    assert answer is not None
    assert answer.day.isoformat() == "2026-11-23"
    assert answer.validators == Validators('"a"', "Mon, 23 Nov 2026 23:30:00 GMT")
    sent = replay.asked[0][1]
    assert sent["user-agent"].startswith("datawall/")
    assert "if-none-match" not in sent


def test_an_unchanged_answer_costs_no_body(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    replay.on("lab.example/counts", reply(b"", 304, {}, length=False))
    answer, body = get(fetcher(), Validators('"a"', "Mon, 23 Nov 2026 23:30:00 GMT"))
    assert (answer, body) == (None, b"")
    assert replay.asked[0][1]["if-none-match"] == '"a"'
    assert replay.asked[0][1]["if-modified-since"] == "Mon, 23 Nov 2026 23:30:00 GMT"


def test_a_304_that_was_not_asked_for_is_a_fault(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    replay.on("lab.example/counts", reply(b"", 304, {}, length=False))
    with pytest.raises(SourceChanged, match="answers 304"):
        get(fetcher())


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_with_growing_waits(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], waits: list[float], status: int
) -> None:
    replay.on("lab.example/counts", *[reply(b"", status)] * 2, reply(b"{}"))
    assert get(fetcher())[1] == b"{}"
    assert len(replay.asked) == 3
    assert 1 <= waits[0] <= 2
    assert 2 <= waits[1] <= 3


def test_retry_after_is_heeded_in_both_forms(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], waits: list[float]
) -> None:
    later = "Tue, 24 Nov 2026 10:00:40 GMT"
    replay.on(
        "lab.example/counts",
        reply(b"", 429, {"Retry-After": "17"}),
        reply(b"", 503, {"Retry-After": later}),
        reply(b"{}"),
    )
    get(fetcher())
    assert waits == [17.0, 40.0]


def test_a_server_that_asks_for_an_hour_is_left_alone(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], waits: list[float]
) -> None:
    replay.on("lab.example/counts", reply(b"", 429, {"Retry-After": "3600"}))
    with pytest.raises(SourceUnavailable, match=r"lab\.example/counts answers 429"):
        get(fetcher())
    assert (len(replay.asked), waits) == (1, [])


def test_a_failure_that_stays_is_given_up(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], waits: list[float]
) -> None:
    replay.on("lab.example/counts", reply(json.dumps({"error": "out of\norder"}).encode(), 500))
    with pytest.raises(SourceUnavailable, match="answers 500: out of order"):
        get(fetcher())
    assert len(replay.asked) == 4
    assert len(waits) == 3


@pytest.mark.parametrize(("status", "error"), [(404, SourceChanged), (410, SourceChanged),
                                               (501, SourceChanged), (401, SourceUnavailable),
                                               (403, SourceUnavailable)])  # fmt: skip
def test_a_refusal_is_not_tried_again(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], status: int, error: type[Exception]
) -> None:
    replay.on("lab.example/counts", reply(b"<html>", status))
    with pytest.raises(error, match=str(status)):
        get(fetcher(), keys=(Key("LAB_KEY", parameter="key"),))
    assert len(replay.asked) == 1


def test_a_denied_request_names_the_key_it_wants(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    replay.on("lab.example/counts", reply(b"", 401))
    with pytest.raises(SourceUnavailable, match="set LAB_KEY"):
        get(fetcher(), keys=(Key("LAB_KEY", parameter="key"),))


def truncated(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100")
    request.end_headers()
    request.wfile.write(b'{"half":')


def silent(request: BaseHTTPRequestHandler) -> None:
    time.sleep(1.2)


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(40):
        request.wfile.write(b" ")
        time.sleep(0.1)


def slow_head(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(40):
        request.wfile.write(f"X-{number}: a\r\n".encode())
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("fault", "said"),
    [(truncated, "broke off"), (silent, "in time"), (dripping, "in time"), (slow_head, "in time")],
)
def test_an_answer_that_does_not_end_well_is_tried_again(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], fault: Any, said: str
) -> None:
    replay.on("lab.example/counts", fault, reply(b"{}"))
    assert get(fetcher(), time_s=0.8)[1] == b"{}"
    replay.on("lab.example/counts", fault)
    with pytest.raises(SourceUnavailable, match=said):
        get(fetcher(), time_s=0.5)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 65536)


def test_an_endless_body_ends_at_the_limit(replay: Any, fetcher: Callable[..., Fetcher]) -> None:
    replay.on("lab.example/counts", endless)
    with pytest.raises(SourceChanged, match="more than 1 MB"):
        get(fetcher(), limit=1_000_000)
    assert len(replay.asked) == 1


def test_a_gzip_bomb_ends_at_the_limit_without_being_unpacked(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    import tracemalloc

    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    replay.on("lab.example/counts", reply(bomb, 200, {"Content-Encoding": "gzip"}))
    http = fetcher()
    tracemalloc.start()
    with pytest.raises(SourceChanged, match="more than 5 MB"):
        get(http, limit=5_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15_000_000


def test_gzip_is_unpacked_and_a_cut_one_tried_again(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    packed = gzip.compress(b'{"n":') + gzip.compress(b" 1}")
    good = reply(packed, 200, {"Content-Encoding": "gzip"})
    cut = reply(packed[:-9], 200, {"Content-Encoding": "gzip"})
    wrong = reply(b"no gzip", 200, {"Content-Encoding": "gzip"})
    replay.on("lab.example/counts", cut, wrong, good)
    assert get(fetcher())[1] == b'{"n": 1}'
    other = reply(zlib.compress(b"{}"), 200, {"Content-Encoding": "br"})
    replay.on("lab.example/counts", other)
    with pytest.raises(SourceChanged, match="'br'"):
        get(fetcher())


def test_a_page_in_place_of_data_is_refused(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    page = reply(b"<html>", 200, {"Content-Type": "text/html; charset=utf-8"})
    replay.on("lab.example/counts", page)
    with pytest.raises(SourceChanged, match="gives 'text/html'; json is expected"):
        get(fetcher())


def moved(reply: Any, to: str) -> Any:
    return reply(b"", 302, {"Location": to})


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("https://10.0.0.7/metadata", "no public address"),
        ("https://169.254.169.254/latest/meta-data", "no public address"),
        ("https://[::1]/", "no public address"),
        ("https://[::ffff:127.0.0.1]/", "no public address"),
        ("http://lab.example/counts", "only https"),
        ("file:///etc/passwd", "only https"),
        ("https://user:word@lab.example/", "user or password"),
    ],
)
def test_a_redirect_to_where_nothing_public_is_is_refused(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], to: str, said: str
) -> None:
    replay.on("lab.example/counts", moved(reply, to))
    with pytest.raises(SourceChanged, match=said):
        get(fetcher())
    assert len(replay.asked) == 1


def test_redirects_are_followed_so_far_and_leave_keys_behind(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    replay.on("lab.example/counts", moved(reply, "/here"))
    replay.on("lab.example/here", moved(reply, "https://mirror.example/counts-2026-11-01.json"))
    replay.on("mirror.example/counts-2026-11-01.json", reply(b"{}"))
    keys = (Key("LAB_KEY", header="X-Key"), Key("LAB_MAIL", parameter="mailto"))
    answer, _ = get(fetcher({"LAB_KEY": PHRASE, "LAB_MAIL": "me@lab.example"}), keys=keys)
    assert answer is not None
    assert answer.file == "counts-2026-11-01.json"
    assert ["x-key" in head for _, head in replay.asked] == [True, True, False]
    assert ["mailto" in path for path, _ in replay.asked] == [True, False, False]
    replay.on("lab.example/counts", moved(reply, "/counts"))
    with pytest.raises(SourceChanged, match="more than 5 times"):
        get(fetcher())


def test_a_key_is_in_the_request_and_nowhere_else(
    replay: Any,
    reply: Any,
    fetcher: Callable[..., Fetcher],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    keys = (Key("LAB_KEY", parameter="api_key"), Key("LAB_TOKEN", "", "Authorization", "Bearer {}"))
    http = fetcher({"LAB_KEY": PHRASE, "LAB_TOKEN": PHRASE[::-1]})
    echoed = json.dumps({"error": f"key {PHRASE} is spent"}).encode()
    replay.on("lab.example/counts", reply(echoed, 403), reply(b"", 500))
    messages = []
    for _ in range(2):
        with pytest.raises(SourceUnavailable) as caught:
            get(http, keys=keys)
        messages.append(str(caught.value))
    assert f"api_key={PHRASE}" in replay.asked[0][0]
    assert replay.asked[0][1]["authorization"] == f"Bearer {PHRASE[::-1]}"
    told = "\n".join([*messages, caplog.text, *capsys.readouterr()])
    assert "key *** is spent" in told
    assert PHRASE not in told
    assert PHRASE[::-1] not in told


def test_a_key_that_would_break_the_request_is_refused(fetcher: Callable[..., Fetcher]) -> None:
    with pytest.raises(SourceUnavailable, match="LAB_KEY holds characters") as caught:
        get(fetcher({"LAB_KEY": "a\r\nX: b"}), keys=(Key("LAB_KEY", header="X-Key"),))
    assert "X: b" not in str(caught.value)


def test_the_contact_is_in_the_user_agent(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    replay.on("lab.example/counts", reply(b"{}"))
    get(fetcher({"DATAWALL_CONTACT": "data@lab.example"}))
    assert "(mailto:data@lab.example)" in replay.asked[0][1]["user-agent"]


def test_a_host_is_asked_no_faster_than_it_allows(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher], waits: list[float]
) -> None:
    pace = {"x-rate-limit-limit": "2", "x-rate-limit-interval": "10s"}
    replay.on("lab.example/counts", reply(b"{}", 200, pace))
    http = fetcher()
    get(http, pause_s=3.0)
    assert waits == []
    get(http, pause_s=3.0)
    assert 4.5 < waits[0] <= 5.0


def test_pages_are_read_to_the_last(
    replay: Any, reply: Any, fetcher: Callable[..., Fetcher]
) -> None:
    def next_page(page: bytes) -> str | None:
        number = json.loads(page)["next"]
        return f"https://lab.example/counts?page={number}" if number else None

    replay.on("lab.example/counts", reply(b'{"next": 2}'))
    replay.on("lab.example/counts?page=2", reply(b'{"next": 0}'))
    _, body = get(fetcher(), next_page=next_page)
    assert body == b'{"next": 2}\n{"next": 0}\n'
    replay.on("lab.example/counts?page=2", reply(b'{"next": 2}'))
    with pytest.raises(SourceChanged, match="pages have no end"):
        get(fetcher(), next_page=next_page)
    with pytest.raises(SourceChanged, match="more than 2e-05 MB"):
        get(fetcher(), next_page=next_page, limit=20)


# Addresses


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.1.2.3", "224.0.0.1", "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1",
     "64:ff9b::a00:1", "2002:a00:1::1", "nonsense"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::ffff:192.168.0.1"], []]
)
def test_a_name_that_leads_inside_is_refused_after_dns(answers: list[str]) -> None:
    http = Fetcher({}, resolve=lambda host, port: answers, sleep=lambda seconds: None)
    with pytest.raises(SourceChanged, match="which is no public address"):
        get(http)
    http.close()


def test_the_checked_address_is_the_one_connected_to(replay: Any) -> None:
    """A name that changes its answer is asked once, and its first answer is used."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    port = int(replay.url.rpartition(":")[2])
    reach = Reach(loopback=True, resolve=resolve)
    stream = reach.connect_tcp("rebinding.example", port, timeout=1.0)
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    stream.close()
    assert asked == ["rebinding.example"]
    with pytest.raises(NotPublic):
        reach.connect_tcp("rebinding.example", port, timeout=1.0)


def test_loopback_is_refused_unless_a_test_allows_it(replay: Any) -> None:
    port = int(replay.url.rpartition(":")[2])
    with pytest.raises(NotPublic):
        Reach().connect_tcp("127.0.0.1", port, timeout=1.0)


def test_a_host_without_a_name_is_asked_twice_and_then_left(waits: list[float]) -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    http = Fetcher({}, resolve=nowhere, sleep=waits.append)
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match=r"lab\.example cannot be resolved"):
            get(http)
    assert len(waits) == 1
    http.close()
