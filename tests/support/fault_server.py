"""A web server on loopback that does all that servers do wrong, by path; it counts who asks."""

import asyncio
import contextlib
import gzip
import io
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from support.pictures import encoded, texture

Writer = asyncio.StreamWriter
BOMB = 64 * 2**20


def picture(number: int) -> bytes:
    """The image that ``/ok/NUMBER`` gives."""
    return encoded(texture(number, number % 3, 40))


@dataclass
class FaultServer:
    """Serve on ``host`` in a thread until ``close``."""

    host: str = "127.0.0.1"
    robots: bytes | None = None
    robots_status: int = 200
    certificate: Path | None = None
    requests: Counter[str] = field(default_factory=Counter)
    times: list[tuple[float, str]] = field(default_factory=list)
    most_at_once: int = 0
    agents: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._active = 0
        started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve(started)])
        self._thread.start()
        assert started.wait(10)

    def url(self, path: str) -> str:
        return f"http{'s' if self.certificate else ''}://{self.host}:{self.port}{path}"

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._answer, self.host, 0, ssl=self._tls())
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.05)  # connections are closed by their own tasks

    def _tls(self) -> ssl.SSLContext | None:
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context

    async def _answer(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ", 2)[1]
            agent = [row for row in head.split("\r\n") if row.lower().startswith("user-agent:")]
            self.agents |= set(agent)
            self.requests[path] += 1
            self.times.append((time.monotonic(), path))
            self._active += 1
            self.most_at_once = max(self.most_at_once, self._active)
            try:
                await self._play(path, writer)
            finally:
                self._active -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _play(self, path: str, writer: Writer) -> None:
        kind, _, rest = path.lstrip("/").partition("/")
        if kind == "robots.txt":
            found = self.robots is not None
            send(writer, self.robots_status if found else 404, self.robots or b"")
            return
        play = getattr(self, f"_{kind.partition('?')[0]}")
        await play(rest, writer)

    async def _ok(self, rest: str, writer: Writer) -> None:
        await asyncio.sleep(0.01)
        send(writer, 200, picture(int(rest.partition("?")[0])), "Content-Type: image/png")

    async def _status(self, rest: str, writer: Writer) -> None:
        send(writer, int(rest.partition("/")[0]), b"no")

    async def _flaky(self, rest: str, writer: Writer) -> None:
        """A status the first times, then an image: /flaky/TIMES/STATUS/NUMBER."""
        times, status, number = map(int, rest.split("/"))
        if self.requests[f"/flaky/{rest}"] <= times:
            send(writer, status, b"later")
        else:
            await self._ok(str(number), writer)

    async def _later(self, rest: str, writer: Writer) -> None:
        """429 with Retry-After once: /later/VALUE/NUMBER, where VALUE may be ``date``."""
        value, number = rest.split("/")
        if self.requests[f"/later/{rest}"] > 1:
            await self._ok(number, writer)
            return
        value = formatdate(time.time() + 2, usegmt=True) if value == "date" else value
        send(writer, 429, b"", f"Retry-After: {value}")

    async def _raw(self, rest: str, writer: Writer) -> None:
        """Bytes that are no proper answer, or not all of one."""
        writer.write(RAW[rest])
        await writer.drain()

    async def _endless(self, rest: str, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"\0" * 65536)
            await writer.drain()

    async def _drip(self, rest: str, writer: Writer) -> None:
        text = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        if rest == "headers":
            text, slow = b"", text
        else:
            slow = b"x" * 1000
        writer.write(text)
        for letter in slow:
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0.2)

    async def _silent(self, rest: str, writer: Writer) -> None:
        await asyncio.sleep(60)

    async def _bomb(self, rest: str, writer: Writer) -> None:
        send(writer, 200, GZIP_BOMB, "Content-Encoding: gzip")

    async def _gzipped(self, rest: str, writer: Writer) -> None:
        send(writer, 200, gzip.compress(picture(int(rest))), "Content-Encoding: gzip")

    async def _cut(self, rest: str, writer: Writer) -> None:
        send(writer, 200, gzip.compress(picture(int(rest)))[:-20], "Content-Encoding: gzip")

    async def _tail(self, rest: str, writer: Writer) -> None:
        """Compressed content, and much behind its end."""
        send(writer, 200, gzip.compress(b"x") + bytes(5 * 2**20), "Content-Encoding: gzip")

    async def _brotli(self, rest: str, writer: Writer) -> None:
        send(writer, 200, b"\x0b\x02\x80", "Content-Encoding: br")

    async def _chain(self, rest: str, writer: Writer) -> None:
        """So many redirects, then an image."""
        left = int(rest)
        target = f"/chain/{left - 1}" if left else "../ok/5"
        send(writer, 302, b"", f"Location: {target}")

    async def _loop_(self, rest: str, writer: Writer) -> None:
        send(writer, 301, b"", "Location: /loop_", "Set-Cookie: a=b")

    async def _to(self, rest: str, writer: Writer) -> None:
        """A redirect to any text, as hexadecimal."""
        send(writer, 307, b"", f"Location: {bytes.fromhex(rest).decode()}")

    async def _reset(self, rest: str, writer: Writer) -> None:
        transport = writer.transport
        assert isinstance(transport, asyncio.WriteTransport)
        if rest:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            await writer.drain()
        transport.abort()

    async def _headers(self, rest: str, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        rows = [b"X: " + b"a" * 10_000_000] if rest == "long" else [b"X: a"] * 10_000
        for row in rows:
            writer.write(row + b"\r\n")
        writer.write(b"Content-Length: 0\r\n\r\n")
        await writer.drain()

    async def _page(self, rest: str, writer: Writer) -> None:
        send(writer, 200, b"<html>no image</html>", "Content-Type: image/jpeg")

    async def _misnamed(self, rest: str, writer: Writer) -> None:
        send(writer, 200, picture(int(rest)), "Content-Type: text/html")

    async def _changing(self, rest: str, writer: Writer) -> None:
        send(writer, 200, picture(1000 + self.requests[f"/changing/{rest}"]))

    async def _tagged(self, rest: str, writer: Writer) -> None:
        send(writer, 200, picture(1), f"X-Robots-Tag: {bytes.fromhex(rest).decode()}")


def send(writer: Writer, status: int, body: bytes, *headers: str) -> None:
    rows = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    writer.write("\r\n".join(rows).encode() + b"\r\n\r\n" + body)


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
        for _ in range(BOMB // 2**20):
            file.write(bytes(2**20))
    return buffer.getvalue()


GZIP_BOMB = _bomb()
RAW = {
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc",
    "negative": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
    "two": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "unterminated": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "nonsense": b"\x00\x01\x02 no http at all\r\n\r\n",
    "nothing": b"",
}
