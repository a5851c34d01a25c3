"""What a connection may cost: slow, large and odd HTTP is cut off, and others don't notice."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from support.pictures import encoded, texture
from support.services import Service

from swatchbook.server.connection import LimitedProtocol, Limits

GOOD = encoded(texture(1))
PNG = {"Content-Type": "image/png"}
HOST = b"Host: localhost\r\n"
POST = b"POST /v1/classify HTTP/1.1\r\n" + HOST + b"Content-Type: image/png\r\n"
# of HTTP/2, as clients that know it make it
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"

# a real server and slow clients: half a minute of waiting
pytestmark = pytest.mark.long


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    "request_",
    [  # F16
        POST
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
        POST
        + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        POST + b"Content-Length: +5\r\n\r\nabcde",
        POST + b"Content-Length: -5\r\n\r\nabcde",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\nabcde",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",  # S7
        POST + b"X-API-Key: a\r\nX-API-Key: b\r\nContent-Length: 1\r\n\r\nx",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        POST + b"Content-Length : 5\r\n\r\nabcde",
        POST + OFFER + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + OFFER + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        POST + b" folded\r\nContent-Length: 5\r\n\r\nabcde",
        POST.replace(b"\r\n", b"\n") + b"Content-Length: 5\n\nabcde",
        b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET evil HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    ],
)
def test_odd_http_is_refused_and_the_connection_closed(service: Service, request_: bytes) -> None:
    answer = service.raw(request_)
    assert statuses(answer) == [400]
    assert b'{"error": "' in answer


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"X: " + b"a" * 200_000,  # it never ends
        b"X: a\r\n" * 200 + b"\r\n",
        b"X: a\r\n" * 40_000,
    ],
)
def test_large_headers_are_refused(service: Service, head: bytes) -> None:
    start = b"GET / HTTP/1.1\r\n" + HOST
    assert statuses(service.raw(start + head[:40_000])) == [431]
    # who goes on sending may lose the answer to the end of the connection
    assert statuses(service.raw(start + head)) in ([431], [])


def test_a_body_over_the_limit_is_refused_before_it_is_read(service: Service) -> None:  # F04
    announced = POST + b"Content-Length: 40000000\r\n\r\n"
    assert statuses(service.raw(announced)) == [413]
    chunks = (b"100000\r\n" + b"a" * 2**20 + b"\r\n") * 32 + b"1\r\na\r\n"
    assert statuses(service.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)) == [413]
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            for _ in range(100):
                connection.sendall(b"100000\r\n" + b"a" * 2**20 + b"\r\n")
                sent += 2**20
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert 32 * 2**20 <= sent < 48 * 2**20


def test_an_expected_answer_is_asked_for_and_given(service: Service) -> None:
    head = POST + b"Expect: 100-continue\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(GOOD))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(GOOD)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert status(answer) == 200


def test_an_offer_of_another_protocol_is_not_taken_up(service: Service) -> None:
    """Java's HttpClient and `curl --http2` make one with their first request (S5)."""
    before = len(service.lines())
    live = b"GET /v2/health/live HTTP/1.1\r\n" + HOST
    chunked = b"%x\r\n" % len(GOOD) + GOOD + b"\r\n0\r\n\r\n"
    requests = [
        live + OFFER + b"\r\n",
        POST + OFFER + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD,
        POST + OFFER + b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        b"POST /none HTTP/1.1\r\n" + HOST + OFFER + b"Content-Length: 0\r\n\r\n",
        live + b"\r\n",
        live + b"Connection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ]
    # all in one packet, and each byte in one of its own
    assert statuses(service.raw(b"".join(requests))) == [200, 200, 200, 404, 200, 200]
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in requests[1]:
            connection.sendall(bytes([byte]))
        assert status(connection.recv(65536)) == 200
    assert {line["event"] for line in service.lines()[before:]} == {"request"}


def test_what_follows_a_body_is_no_header(service: Service) -> None:
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"%x\r\n" % len(GOOD) + GOOD + b"\r\n0\r\n"
    trailers = b"Host: evil.example\r\nX-Request-ID: from-behind\r\n\r\n"
    assert statuses(service.raw(head + body + trailers)) == [200]
    assert service.lines()[-1].get("id") != "from-behind"


@pytest.mark.parametrize("trailers", [b"X: a\r\n" * 10_000, b"X: " + b"a" * 60_000])
def test_large_trailers_are_refused(service: Service, trailers: bytes) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head + b"1\r\na\r\n0\r\n")
        time.sleep(0.3)
        connection.sendall(trailers)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    assert statuses(answer) == [431]


def test_what_came_fast_wins_no_time_to_be_silent_in(hasty: int) -> None:
    head = b"POST /whole HTTP/1.1\r\n" + HOST + b"Content-Length: 2000000\r\n\r\n"
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", hasty), timeout=15) as connection:
        connection.sendall(head + b"a" * 1_900_000)
        while connection.recv(65536):
            pass
    assert time.monotonic() - began < 8  # at 100,000 bytes a second it would be 19


def test_pipelined_requests_are_answered_in_order(service: Service) -> None:
    one = b"GET /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n"
    last = b"GET /none HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    assert statuses(service.raw(one * 3 + last)) == [200, 200, 200, 404]


def test_a_long_upload_may_follow_another_request(service: Service) -> None:
    large = encoded(texture(1, side=300), "BMP")
    assert len(large) > 200_000
    head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(large)
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n" + head)
        time.sleep(0.3)
        connection.sendall(large)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert statuses(answer) == [200, 200]


def test_few_requests_wait_on_one_connection(service: Service) -> None:
    one = b"GET /v2/health/live HTTP/1.1\r\n" + HOST + b"\r\n"
    assert 429 in statuses(service.raw(one * 2000))


@pytest.fixture
def hasty() -> Iterator[int]:
    """The port of a server of large answers that waits for nobody longer than half a second."""

    class Hasty(LimitedProtocol):
        limits = Limits(header_seconds=0.5, body_seconds=0.5, read_seconds=0.5)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await asyncio.sleep(2)
        if scope["path"] == "/whole":
            while (await receive())["more_body"]:
                pass
        if scope["path"] == "/listening":  # whether the client leaves
            await receive()
            for _ in range(300):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(receive(), 0.01)
        head = [(b"content-length", b"100000000" if scope["path"] == "/large" else b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        for _ in range(100 if scope["path"] == "/large" else 0):
            await send({"type": "http.response.body", "body": b"a" * 10**6, "more_body": True})
        body = b"" if scope["path"] == "/large" else b"ok"
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        answer, http=Hasty, ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=[[listening]])
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        # answered before its body came, which then came
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n", b"a" * 100),
        # answered before its body came, which never did
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n", b""),
        # behind another request in one packet
        (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n" + POST + b"Content-Length: 100\r\n\r\n", b""),
    ],
)
def test_silence_after_an_answer_is_cut_off(hasty: int, first: bytes, then: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=10) as connection:
        connection.sendall(first)
        time.sleep(0.2)
        connection.sendall(then)
        while connection.recv(65536):
            pass


def test_who_takes_no_answer_is_cut_off(hasty: int) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=10) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n")
        time.sleep(3)
        # what the system had taken on comes, and no more
        taken = 0
        while part := connection.recv(2**20):
            taken += len(part)
    assert taken < 10**8


def test_who_takes_it_slowly_is_not(hasty: int) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=10) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        taken, began = 0, time.monotonic()
        while part := connection.recv(2**20):
            taken += len(part)
            if time.monotonic() - began < 2:
                time.sleep(0.05)
    assert taken > 10**8


@pytest.mark.parametrize(
    ("path", "then", "status_"),
    [
        (b"slow", b"GET / HTTP/0.9\r\n\r\n", 400),
        (b"slow", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n", 408),
        (b"slow", (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 30, 429),
    ],
)
def test_a_refusal_comes_after_the_answers_to_those_before(
    hasty: int, path: bytes, then: bytes, status_: int
) -> None:
    first = b"GET /" + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    with socket.create_connection(("127.0.0.1", hasty), timeout=10) as connection:
        connection.sendall(first + then)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    found = statuses(answer)
    assert found == [200] * (len(found) - 1) + [status_]
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path", [b"slow", b"listening"])
def test_a_large_body_waits_unread_for_its_turn(hasty: int, path: bytes) -> None:
    size = 30_000_000  # far more than the system keeps for a connection
    first = b"GET /" + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    head = b"POST /whole HTTP/1.1\r\nConnection: close\r\n" + HOST
    with socket.create_connection(("127.0.0.1", hasty), timeout=0.3) as connection:
        connection.sendall(first + head + b"Content-Length: %d\r\n\r\n" % size)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < size:
                sent += connection.send(b"a" * min(10**6, size - sent))
        assert sent < size / 2
        connection.settimeout(10)
        connection.sendall(b"a" * (size - sent))
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert statuses(answer) == [200, 200]


def test_who_leaves_with_requests_waiting_is_not_answered(
    hasty: int, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", hasty), timeout=10) as connection:
        for path in (b"listening", b"slow"):
            connection.sendall(b"GET /" + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        time.sleep(0.5)
    time.sleep(4)
    assert not caplog.records


def test_slow_clients_are_cut_off_and_others_do_not_notice(service: Service) -> None:  # F08
    starts = [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\n" + HOST,
        POST + b"Content-Length: 1000\r\n\r\n",
        POST + b"Content-Length: 100000\r\n\r\n" + b"a" * 1000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ]
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(200)]
    began = time.monotonic()
    for number, connection in enumerate(slow):
        connection.sendall(starts[number % len(starts)])
    waiting = dict(enumerate(slow))
    while waiting and time.monotonic() - began < 20:
        for number, connection in list(waiting.items()):
            connection.setblocking(False)
            try:
                # one more byte now and then does not win time
                if number % len(starts) in (2, 3):
                    connection.send(b"a")
                if not connection.recv(4096):
                    raise ConnectionResetError
            except BlockingIOError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                connection.close()
                del waiting[number]
        answer = service.post("/v1/classify", data=GOOD, headers={"Content-Type": "image/png"})
        assert answer.status_code == 200
        time.sleep(0.2)
    assert not waiting
    assert time.monotonic() - began <= 15


def test_who_leaves_in_the_middle_harms_nobody(service: Service) -> None:  # F09
    before = len(service.lines())
    for cut in (50, len(POST) + 10, len(POST) + 30 + len(GOOD) // 2):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                data = POST + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD
                connection.sendall(data[:cut])
    for _ in range(20):  # before the answer
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD)
    service.wait("/v2/health/ready")
    while service.post("/v1/classify", data=GOOD, headers=PNG).status_code == 503:
        time.sleep(0.05)  # what was left behind is still being worked on
    lines = [line for line in service.lines()[before:] if line["event"] == "request"]
    assert {line["status"] for line in lines} <= {200, 499, 503}
