"""Load on an HTTP server, from the same cores: closed loops, and a rate of arrival.

At a rate, requests arrive whatever becomes of earlier ones, and their time counts from when they
should have been sent (no coordinated omission).
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from benchmarks import harness, service_rivals

# requests at once where capacity is measured
TOGETHER = 8
_KEPT_SECONDS = 3.0


@dataclass
class Load:
    """What came of some requests: seconds of the answered and of the refused, and statuses."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        if status == 200:
            self.answered.append(seconds)
        else:
            self.refused.append(seconds)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.answered) / self.seconds

    def milliseconds(self, share: float) -> float:
        """A quantile of the answered."""
        return 1000 * float(np.quantile(self.answered or [np.inf], share))


@dataclass
class Target:
    """A server: where it is asked, and how."""

    url: str
    bodies: list[bytes]
    headers: dict[str, str]
    process: psutil.Process


class Client:
    """Many connections to one server, each for one request at a time.

    Written for this: what a general client costs for each request, the server on the same cores
    would lack.
    """

    def __init__(self, target: Target) -> None:
        self._host, port = target.url.split("/")[2].split(":")
        self._port = int(port)
        path = "/" + target.url.split("/", 3)[3]
        headers = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
        self._requests = [
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
            for body in target.bodies
        ]
        self._idle: list[_Connection] = []

    async def ask(self, number: int) -> int:
        """Status of one request; 0 where the connection failed."""
        try:
            loop = asyncio.get_running_loop()
            # one that the server may be closing just now would be a failure of this client's own
            if self._idle and loop.time() - self._idle[-1].since < _KEPT_SECONDS:
                connection = self._idle.pop()
            else:
                _, connection = await loop.create_connection(_Connection, self._host, self._port)
            status = await connection.ask(self._requests[number % len(self._requests)])
        except OSError:
            return 0
        if not connection.transport.is_closing():
            connection.since = loop.time()
            self._idle.append(connection)
        return status

    def close(self) -> None:
        """End the connections."""
        for connection in self._idle:
            connection.transport.close()


class _Connection(asyncio.Protocol):
    since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._answer: asyncio.Future[int] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        if self.transport.is_closing():
            self._answer.set_exception(ConnectionResetError())
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) >= length and not self._answer.done():
            if b"connection: close" in head.lower():
                self.transport.close()
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())


@contextlib.contextmanager
def client(target: Target) -> Iterator[Client]:
    made = Client(target)
    yield made
    made.close()


async def closed(target: Target, together: int, seconds: float) -> Load:
    """So many clients, each asking again when it has its answer."""
    load = Load()
    started = time.perf_counter()

    async def one(session: Client, first: int) -> None:
        number = first
        while time.perf_counter() - started < seconds:
            began = time.perf_counter()
            load.add(await session.ask(number), time.perf_counter() - began)
            number += together

    with client(target) as session:
        await asyncio.gather(*(one(session, number) for number in range(together)))
    load.seconds = time.perf_counter() - started
    return load


async def at_rate(target: Target, rate: float, seconds: float) -> Load:
    """Requests at a fixed rate."""
    load = Load()
    tasks = []
    with client(target) as session:
        started = time.perf_counter()

        async def one(number: int, due: float) -> None:
            load.add(await session.ask(number), time.perf_counter() - due)

        for number in range(int(rate * seconds)):
            due = started + number / rate
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            tasks.append(asyncio.create_task(one(number, due)))
        load.seconds = time.perf_counter() - started
        await asyncio.gather(*tasks)
    return load


@contextlib.contextmanager
def running(kind: str, folder: Path, images: list[bytes], cache: Path) -> Iterator[Target]:
    """A server of that kind, warm."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ, "SWATCHBOOK_CACHE": str(cache), "OMP_NUM_THREADS": "2",
        "SWATCHBOOK_BENCHMARK_MODEL": str(folder / "model.onnx"),
    }  # fmt: skip
    process = subprocess.Popen(
        service_rivals.command(kind, folder, port), cwd=harness.ROOT, start_new_session=True,
        env=environment, stdout=subprocess.DEVNULL,
        stderr=(folder / f"{kind}.log").open("w"),
    )  # fmt: skip
    path, bodies, headers = service_rivals.requests(kind, images)
    target = Target(f"http://127.0.0.1:{port}{path}", bodies, headers, psutil.Process(process.pid))
    try:
        last = time.monotonic() + 90
        while asyncio.run(closed(target, 1, 0.1)).statuses[200] == 0:
            if time.monotonic() > last or process.poll() is not None:
                raise SystemExit(f"{kind} did not start: {folder / f'{kind}.log'}")
            time.sleep(0.2)
        asyncio.run(closed(target, 8, 2))
        yield target
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
