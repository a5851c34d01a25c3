"""Our service alone: overload, slow clients, mixed requests, memory, reloads, the end."""

import asyncio
import contextlib
import time
from collections import Counter
from pathlib import Path

import aiohttp
import numpy as np
import psutil

from benchmarks import harness
from benchmarks.load import TOGETHER, Load, Target, at_rate, closed, running


def endure(folder: Path, images: list[bytes], seconds: int, cache: Path) -> None:
    """Overload, slow clients, mixed requests, reloads, the end."""
    rows: list[tuple[str, str]] = []
    with running("swatchbook", folder, images, cache) as target:
        base = target.url.partition("/v1")[0]
        capacity = asyncio.run(closed(target, TOGETHER, seconds)).rate
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
