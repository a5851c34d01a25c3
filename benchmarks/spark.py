"""Spark against one process on the same shards: CPU an image, workers, memory.

    python -m benchmarks.spark [--images 2000] [--rounds 3] [--many 0]

With the current project's models/model.onnx. What a start costs is apart: CPU an image is that of
all the images less that of a quarter of them, over the three quarters between. `--many 67000`
scores as many and prints memory as it goes.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from benchmarks import harness
from swatchbook.spark import session

_SMALL = ((320, 240, 1.0),)
_WAIT = 0.03
_WAITING = 400
_ALONE = {**os.environ, "SWATCHBOOK_WORKERS": "1"}


def main() -> None:
    options = harness.arguments(__doc__, images=2000, rounds=3, many=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.many:
            _many(folder, options.many)
            return
        sizes = {"quarter": options.images // 4, "all": options.images}
        for title, count in sizes.items():
            _packed(folder, title, count, 100)
        commands: dict[str, list[str]] = {
            "predict --shard": ["predict"],
            "spark score, 1 worker": ["spark", "score", "--master", "local[1]"],
        }
        runs = {
            (title, size): partial(_run, folder, command, size)
            for title, command in commands.items() for size in sizes
        }  # fmt: skip
        found = harness.alternate({" ".join(key): run for key, run in runs.items()}, options.rounds)
        rows, costs = [], []
        for title in commands:
            few, all_ = found[f"{title} quarter"], found[f"{title} all"]
            cpu = [
                (second["cpu"] - first["cpu"]) / (sizes["all"] - sizes["quarter"]) * 1000
                for first, second in zip(few, all_, strict=True)
            ]
            costs.append(sorted(cpu)[len(cpu) // 2])
            rows.append(
                (title, f"{costs[-1]:.1f} ({min(cpu):.1f} to {max(cpu):.1f})",
                 harness.spread(all_, "seconds"), harness.spread(few, "cpu"))
            )  # fmt: skip
        harness.table(
            ["", "CPU an image, ms", f"seconds for {sizes['all']}",
             f"CPU seconds for {sizes['quarter']}, with the start"], rows,
        )  # fmt: skip
        print(f"\nSpark's CPU an image is {costs[1] / costs[0]:.2f} × that of predict --shard")
        one, two = (_waited(workers) for workers in (1, 2))
        print(
            f"{_WAITING} images that wait {1000 * _WAIT:.0f} ms each: {one:.1f} s by one worker, "
            f"{two:.1f} s by two: {one / two:.2f} ×"
        )


def _packed(folder: Path, title: str, count: int, images: int) -> None:
    harness.photographs(folder / f"{title}-photos", count, mix=_SMALL)
    harness.measured(
        [sys.executable, "-m", "swatchbook", "pack", str(folder / f"{title}-photos"), "--out",
         str(folder / title), "--shard-images", str(images)]
    )  # fmt: skip


def _run(folder: Path, command: list[str], size: str) -> dict[str, float]:
    out = folder / f"out-{time.monotonic_ns()}"
    line = [
        sys.executable, "-m", "swatchbook", *command, str(folder / size), "--out", str(out)
    ]  # fmt: skip
    started = time.perf_counter()
    # one processor: Spark's worker has one
    process = psutil.Popen(line, cwd=harness.ROOT, env=_ALONE, stderr=subprocess.DEVNULL)
    cpu: dict[int, float] = {}
    while process.poll() is None:
        _count(process, cpu)
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{line} failed")
    return {"seconds": time.perf_counter() - started, "cpu": sum(cpu.values())}


def _count(process: psutil.Popen, cpu: dict[int, float]) -> None:
    try:
        for one in [process, *process.children(recursive=True)]:
            times = one.cpu_times()
            cpu[one.pid] = times.user + times.system
    except psutil.NoSuchProcess:
        pass


def _waited(workers: int) -> float:
    """Seconds for work that waits, in a session that has been used before."""

    def wait(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for _ in range(batch.num_rows):
                time.sleep(_WAIT)
            yield batch

    with session.opened(session.at(f"local[{workers}]", ())) as spark:
        _done(spark, wait, workers)
        started = time.perf_counter()
        _done(spark, wait, _WAITING)
        return time.perf_counter() - started


def _done(spark: Any, work: Any, count: int) -> None:
    spark.range(0, count, 1, max(1, count // 20)).mapInArrow(work, "id long").collect()


def _many(folder: Path, count: int) -> None:
    """Score so many; memory of driver, Java and the largest Python worker, at every tenth."""
    _packed(folder, "many", count, 1000)
    out = folder / "out"
    line = [sys.executable, "-m", "swatchbook", "spark", "score", str(folder / "many"), "--out",
            str(out)]  # fmt: skip
    started = time.perf_counter()
    process = psutil.Popen(line, cwd=harness.ROOT)
    rows: list[tuple[str, ...]] = []
    chunks = -(-count // 1000)
    while process.poll() is None:
        done = len(list(out.glob("chunk=*")))
        if done >= (len(rows) + 1) * chunks / 10:
            rows.append((f"{1000 * done}", *_memory(process)))
        time.sleep(0.5)
    seconds = time.perf_counter() - started
    harness.table(["images", "driver, MB", "Java, MB", "largest Python worker, MB"], rows)
    print(f"\n{count} images in {seconds:.0f} s: {count / seconds:.0f} images/s")


def _memory(process: psutil.Popen) -> tuple[str, ...]:
    java = worker = 0
    for one in process.children(recursive=True):
        try:
            size = one.memory_info().rss
            if one.name() == "java":
                java += size
            elif "untrusted.worker" not in " ".join(one.cmdline()):
                worker = max(worker, size)
        except psutil.NoSuchProcess:
            continue
    found = process.memory_info().rss, java, worker
    return tuple(f"{size / 1e6:.0f}" for size in found)


if __name__ == "__main__":
    main()
