"""The service under load, beside others that serve the same network.

    python -m benchmarks.service --kind compare --rounds 3
    python -m benchmarks.service --kind endure

``compare`` alternates between our service, what most people write (FastAPI and PyTorch, one image
a request) and two servers with dynamic batching that run our own decoding and network: it is the
servers that differ. ``endure`` is about our service alone: overload, slow clients, memory,
reloads, the end.

Requests arrive at a fixed rate whatever becomes of earlier ones, and their time counts from when
they should have been sent (no coordinated omission). The load is made on the same cores.
"""

import argparse
import asyncio
import contextlib
import functools
import gc
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np
import psutil

from benchmarks import harness, service_rivals

_WEB = ((640, 480, 1.0),)
_TOGETHER = 8
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


def compare(folder: Path, images: list[bytes], rounds: int, seconds: int, cache: Path) -> None:
    """Capacity, and times at shares of it, of each server in turn."""

    def variant(kind: str) -> dict[str, float]:
        with running(kind, folder, images, cache) as target:
            most = asyncio.run(closed(target, _TOGETHER, seconds))
            found = {
                "capacity": round(most.rate, 1),
                "p99 at capacity": round(most.milliseconds(0.99), 1),
            }
            for share in (50, 80):
                load = asyncio.run(at_rate(target, most.rate * share / 100, seconds))
                for quantile in (50, 95, 99):
                    found[f"p{quantile} at {share} %"] = round(load.milliseconds(quantile / 100), 1)
            return found

    variants: dict[str, Callable[[], dict[str, float]]] = {
        kind: functools.partial(variant, kind) for kind in service_rivals.KINDS
    }
    results = harness.alternate(variants, rounds)
    rows = []
    for kind, runs in results.items():
        ratios = [
            {"ratio": ours["capacity"] / run["capacity"]}
            for run, ours in zip(runs, results["swatchbook"], strict=True)
        ]
        rows.append((
            kind, harness.spread(runs, "capacity"), harness.spread(ratios, "ratio", 2),
            *(harness.spread(runs, f"p{q} at {s} %", 0) for s in (50, 80) for q in (50, 95, 99)),
            harness.spread(runs, "p99 at capacity", 0),
        ))  # fmt: skip
    harness.table(
        ["", "images/s", "ours: times", "p50 at 50 %", "p95", "p99", "p50 at 80 %", "p95", "p99",
         f"p99 of {_TOGETHER} at once"],
        rows,
    )  # fmt: skip


def endure(folder: Path, images: list[bytes], seconds: int, cache: Path) -> None:
    """Overload, slow clients, mixed requests, reloads, the end."""
    rows: list[tuple[str, str]] = []
    with running("swatchbook", folder, images, cache) as target:
        base = target.url.partition("/v1")[0]
        capacity = asyncio.run(closed(target, _TOGETHER, seconds)).rate
        normal = asyncio.run(at_rate(target, 0.8 * capacity, seconds))
        rows.append(("capacity, images/s", f"{capacity:.0f}"))
        rows.append(("p99 at 80 % of it, ms (the normal)", f"{normal.milliseconds(0.99):.0f}"))

        over, health = asyncio.run(_overloaded(target, base, 4 * capacity, seconds))
        refused = 1000 * float(np.quantile(over.refused or [0], 0.99))
        rows += [
            ("at 4 × capacity: answers, share of capacity", f"{over.rate / capacity:.0%}"),
            ("… accepted p99, ms (times the normal)",
             _beside(over, normal)),
            ("… refused within, ms (p99)", f"{refused:.0f}"),
            ("… health within, ms (p99, worst)",
             f"{1000 * np.quantile(health, 0.99):.0f}, {1000 * max(health):.0f}"),
            ("… statuses", ", ".join(f"{s}: {n}" for s, n in sorted(over.statuses.items()))),
        ]  # fmt: skip

        slow = asyncio.run(_with_slow(target, 0.5 * capacity))
        rows += [
            ("200 slow connections closed after, s", f"{slow[1]:.1f}"),
            ("… p99 meanwhile, ms (times the normal)",
             _beside(slow[0], normal)),
        ]  # fmt: skip

        asyncio.run(_mixed(target, 2000))
        before = _resident(target.process)
        statuses = asyncio.run(_mixed(target, 10_000))
        rows.append((
            "10,000 mixed requests: growth of memory, MB",
            f"{(_resident(target.process) - before) / 1e6:.0f} (of {before / 1e6:.0f})",
        ))  # fmt: skip
        rows.append(("… statuses", ", ".join(f"{s}: {n}" for s, n in sorted(statuses.items()))))

        reloads, under = asyncio.run(_reloaded(target, base, 0.3 * capacity))
        rows.append((f"{reloads} reloads at 30 % of capacity: failed requests",
                     str(sum(under.statuses.values()) - under.statuses[200])))  # fmt: skip
        rows.append(("… p99 meanwhile, ms", f"{under.milliseconds(0.99):.0f}"))

        ended = asyncio.run(_ended(target, 0.5 * capacity))
        rows.append(("SIGTERM under load: accepted and not answered", str(ended)))
    harness.table(["", ""], rows)


def _beside(load: Load, normal: Load) -> str:
    ratio = load.milliseconds(0.99) / normal.milliseconds(0.99)
    return f"{load.milliseconds(0.99):.0f} ({ratio:.1f})"


async def _overloaded(
    target: Target, base: str, rate: float, seconds: int
) -> tuple[Load, list[float]]:
    health: list[float] = []

    async def probe() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                began = time.perf_counter()
                async with session.get(f"{base}/v2/health/ready") as answer:
                    await answer.read()
                health.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)

    probing = asyncio.create_task(probe())
    load = await at_rate(target, rate, seconds)
    probing.cancel()
    return load, health


async def _with_slow(target: Target, rate: float) -> tuple[Load, float]:
    host, port = target.url.split("/")[2].split(":")
    ended: list[float] = []

    async def slow(number: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        began = time.perf_counter()
        head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        writer.write(
            (b"", b"GET / HT", head, head + b"Content-Length: 5000\r\n\r\nabc")[number % 4]
        )
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(60):
                while await reader.read(4096):
                    pass
        ended.append(time.perf_counter() - began)
        writer.close()

    waiting = [asyncio.create_task(slow(number)) for number in range(200)]
    load = await at_rate(target, rate, 12)
    await asyncio.gather(*waiting)
    return load, max(ended)


async def _mixed(target: Target, count: int) -> Counter[int]:
    bodies: list[tuple[bytes, str]] = [
        *((body, "image/jpeg") for body in target.bodies[:3]),
        (b"junk", "image/jpeg"),
        (target.bodies[0][:5000], "image/jpeg"),
        (b'{"images": ["?"]}', "application/json"),
        (b"[" * 20_000, "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=y"),
    ]
    statuses: Counter[int] = Counter()

    async def one(session: aiohttp.ClientSession, first: int) -> None:
        for number in range(first, count, 8):
            body, kind = bodies[number % len(bodies)]
            headers = {"Content-Type": kind}
            async with session.post(target.url, data=body, headers=headers) as answer:
                await answer.read()
                statuses[answer.status] += 1

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session, number) for number in range(8)))
    return statuses


async def _reloaded(target: Target, base: str, rate: float) -> tuple[int, Load]:
    loads: list[Load] = []
    done = 0
    async with aiohttp.ClientSession() as session:
        while done < 50:
            loading = asyncio.create_task(at_rate(target, rate, 5))
            while not loading.done() and done < 50:
                async with session.post(f"{base}/v1/reload") as answer:
                    assert answer.status == 200, await answer.text()
                done += 1
            loads.append(await loading)
    whole = Load()
    for load in loads:
        whole.answered += load.answered
        whole.refused += load.refused
        whole.statuses += load.statuses
    return done, whole


async def _ended(target: Target, rate: float) -> int:
    """Requests to which no answer came while connections were still taken."""
    loading = asyncio.create_task(at_rate(target, rate, 0.9))
    await asyncio.sleep(0.3)
    target.process.terminate()
    load = await loading
    return sum(load.statuses.values()) - load.statuses[200]


def _resident(process: psutil.Process) -> int:
    everyone = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in everyone)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["compare", "endure"], default="compare")
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = harness.photographs(folder / "images", 24, mix=_WEB)
        images = [path.read_bytes() for path in paths]
        service_rivals.deploy(folder, options.architecture, images)
        # a collection among all that was imported would hold up the clients for 0.3 s
        gc.collect()
        gc.freeze()
        print(f"\n{options.architecture} at 224 px, photographs of 640 × 480")
        if options.kind == "compare":
            compare(folder, images, options.rounds, options.seconds, folder / "cache")
        else:
            endure(folder, images, options.seconds, folder / "cache")


if __name__ == "__main__":
    main()
