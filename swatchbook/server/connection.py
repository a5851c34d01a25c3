"""What a connection may cost: time, bytes and odd HTTP are limited before the application sees it.

uvicorn has no such limits (uvicorn#157): a client that sends nothing, or a byte now and then,
would hold its connection for ever.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_TICK = 0.5
# programs on the way may take another of two than this one does
_ONCE = (b"host", b"content-length", b"authorization", b"x-api-key")
_OFFERS = (b"upgrade", b"http2-settings")
_LINGER_SECONDS, _LINGER_BYTES = 1.0, 64 * 2**10


@dataclass(frozen=True)
class Limits:
    """What one connection may take.

    Headers must be there ``header_seconds`` after the connection or their first byte; a body
    ``body_seconds`` after its headers, and a second more for each ``bytes_a_second`` of it, but
    never later than ``body_seconds`` from its last byte. An
    answer must be taken on: ``read_seconds`` without a byte of it end the connection.
    """

    header_seconds: float = 5.0
    body_seconds: float = 10.0
    bytes_a_second: int = 100_000
    read_seconds: float = 10.0
    header_bytes: int = 16 * 2**10
    headers: int = 100
    body_bytes: int = 32 * 2**20
    connections: int = 1000
    pipelined: int = 16


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class _TurnByTurn(FlowControl):
    """Leaves the bodies of requests that wait for their turn unread but for a first part.

    uvicorn reads on whenever the application asks whether its client is still there, and would so
    keep, uncounted, as much as the client sends behind a request that takes long.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Callable[[], int]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if self._waiting() <= HIGH_WATER_LIMIT:
            super().resume_reading()


class LimitedProtocol(HttpToolsProtocol):
    """HTTP/1.1 within ``Limits``; what breaks them is told in JSON and cut off."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._refusal: _Refused | None = None
        self._running: RequestResponseCycle | None = None
        self._is_told = False
        self._expects = False  # a request, or the rest of one
        self._in_head = True
        self._offers = False  # another protocol, beside the request
        self._deadline = 0.0
        self._head_bytes = self._body_bytes = self._other_bytes = 0
        self._unread, self._unread_since = 0, 0.0
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch the time."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.flow = _TurnByTurn(self.transport, self._waiting_bytes)
        if len(self.connections) > self.limits.connections:
            self._refuse(_Refused(503, "too many connections"))
            return
        self._expect()
        self._tick()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch, and tell the application.

        uvicorn would tell the last request, which may wait behind the one that is being answered.
        """
        if self._watch:
            self._watch.cancel()
        if self._running and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what is within the limits."""
        if self._refusal:
            self._head_bytes += len(data) if self._is_told else 0
            if self._head_bytes > _LINGER_BYTES:
                self.transport.abort()
            return
        if not self._expects:
            self._expect()
        if self._in_head:
            self._head_bytes += len(data)
        before = self._body_bytes
        self._parse(data)
        # sizes of chunks and what follows the last: the parser keeps it
        is_body = self._in_head or self._body_bytes != before
        self._other_bytes = 0 if is_body else self._other_bytes + len(data)
        if not self._refusal and self._other_bytes > self.limits.header_bytes:
            self._refuse(_Refused(431, "trailers too large"))
        if not self._refusal and self._in_head and self._head_bytes > self.limits.header_bytes:
            self._refuse(_Refused(431, "headers too large"))

    def _parse(self, data: bytes) -> None:
        """As uvicorn does; but offers of another protocol are passed over, as they may be
        (RFC 9110, 7.8). Its parser would take what follows for that protocol.
        """
        self._unset_keepalive_if_required()
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                self._offers = False
                data = self._head_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError:
                self.send_400_response("")
                return
            else:
                return

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        for name, value in self.headers:
            tokens = value
            if name == b"connection":
                named = (token.strip() for token in value.split(b","))
                tokens = b", ".join(token for token in named if token.lower() not in _OFFERS)
            if tokens and name not in _OFFERS:
                lines.append(name + b": " + tokens)
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """Another request, perhaps in the same packet as the one before."""
        if not self._expects:
            self._expect()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Drop what comes behind a body: it would count as a header that nobody checked."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse what other programs on the way may read otherwise (request smuggling)."""
        names = [name for name, _ in self.headers]
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.header_bytes or len(names) > self.limits.headers:
            raise self._as_refusal(431, "headers too large")
        if len(self.pipeline) >= self.limits.pipelined:
            raise self._as_refusal(429, "too many requests at once on one connection")
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1") or (version == "1.1" and b"host" not in names):
            raise self._as_refusal(400, "HTTP of version 1.1, with a Host, is wanted")
        if not self.url.startswith(b"/"):
            raise self._as_refusal(400, "the target of a request must be a path")
        if any(names.count(name) > 1 for name in _ONCE):
            raise self._as_refusal(400, "a header that may stand once stands twice")
        if any(
            name == b"transfer-encoding" and value.strip().lower() != b"chunked"
            for name, value in self.headers
        ):
            raise self._as_refusal(400, "no Transfer-Encoding but chunked is known")
        if b"transfer-encoding" in names and b"content-length" in names:
            raise self._as_refusal(400, "Content-Length beside Transfer-Encoding")
        for name, value in self.headers:
            if name == b"content-length" and int(value) > self.limits.body_bytes:
                raise self._as_refusal(413, f"body over {self.limits.body_bytes} bytes")
        if self.parser.should_upgrade():
            self._offers = True
            return
        self._in_head = False
        self._body_bytes = 0
        self._deadline = self.loop.time() + self.limits.body_seconds
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count."""
        self._body_bytes += len(body)
        # what came fast wins no time to be silent in
        self._deadline = min(
            self._deadline + len(body) / self.limits.bytes_a_second,
            self.loop.time() + self.limits.body_seconds,
        )
        if self._body_bytes > self.limits.body_bytes:
            raise self._as_refusal(413, f"body over {self.limits.body_bytes} bytes")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: from here on time is the application's."""
        if self._offers:  # it comes again, without the offer
            return
        self._expects = False
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with what waits for this answer."""
        is_last = not self.pipeline
        super().on_response_complete()
        if is_last and self._refusal and not self._is_told:
            self._tell(self._refusal)

    def resume_writing(self) -> None:
        """The client takes its answer on."""
        self._unread_since = self.loop.time()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Tell why in JSON, and close."""
        self._refuse(self._refusal or _Refused(400, "not a valid request"))

    def shutdown(self) -> None:
        """End the connection, but not one that is being asked something."""
        if self._expects and (self._head_bytes or not self._in_head):
            if self.cycle:
                self.cycle.keep_alive = False
            return
        super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _waiting_bytes(self) -> int:
        return sum(len(cycle.body) for cycle, _ in self.pipeline)

    def _expect(self) -> None:
        self._expects = True
        self._in_head = True
        self._head_bytes = 0
        self._deadline = self.loop.time() + self.limits.header_seconds

    def _as_refusal(self, status: int, why: str) -> _Refused:
        self._refusal = _Refused(status, why)
        return self._refusal

    def _tick(self) -> None:
        self._watch = self.loop.call_later(_TICK, self._tick)
        unread = self.transport.get_write_buffer_size()
        if not unread or unread < self._unread:
            self._unread_since = self.loop.time()
        self._unread = unread
        if self.loop.time() - self._unread_since > self.limits.read_seconds:
            self.transport.abort()
            return
        if self._refusal:
            return
        if self._expects:
            if self.pipeline or self.flow.read_paused:
                # nothing is read until the application has taken what came before
                self._deadline += _TICK
            if self.loop.time() > self._deadline:
                self._refuse(_Refused(408, "the request took too long to arrive"))
        elif self.cycle and self.cycle.response_complete and not self.timeout_keep_alive_task:
            # answered before its body came: nothing else would end this connection
            self._expect()

    def _refuse(self, refused: _Refused) -> None:
        """Read no more; tell why when the requests before have their answers."""
        self._refusal = refused
        is_own = not self._in_head  # whether the last cycle is that of the refused request
        if is_own and self.pipeline:
            self.pipeline.popleft()
            is_own = False
        if is_own or self.cycle is None or self.cycle.response_complete:
            self._tell(refused)

    def _tell(self, refused: _Refused) -> None:
        """Answer, unless an answer has begun, and close when the client has had time to read it."""
        self._is_told = True
        self._head_bytes = 0
        if self.transport.is_closing():
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            body = json.dumps({"error": refused.why}).encode()
            status = f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}\r\n"
            self.transport.write(
                status.encode()
                + b"content-type: application/json\r\nconnection: close\r\ncontent-length: "
                + f"{len(body)}\r\n\r\n".encode()
                + body
            )
            if self.transport.can_write_eof():
                self.transport.write_eof()
        if self.cycle and not self.cycle.response_complete:
            # the application waits for the rest of a body that will not be read
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # closed at once, unread bytes would make the system take the answer back (RFC 9112, 9.6)
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)
