"""What the benchmarks share: photographs, alternating runs, peak memory, a table."""

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).parent.parent
# width, height and share: sides of phone photos, camera photos and web images
MIX = ((640, 480, 0.55), (2000, 1500, 0.30), (4000, 3000, 0.15))
_DISTINCT = 12


def photographs(
    folder: Path, count: int, classes: int = 3, mix: Sequence[tuple[int, int, float]] = MIX
) -> list[Path]:
    """``count`` JPEGs of a ``mix`` of sizes in class folders; no two have the same bytes.

    Their spectrum falls as 1/f, as that of natural scenes does (Field 1987), so that they cost
    what photographs cost to decode.
    """
    sizes = [size for *size, share in mix for _ in range(round(100 * share))]
    np.random.default_rng(0).shuffle(sizes)
    contents: dict[tuple[int, int, int], bytes] = {}
    paths = []
    for number in range(count):
        width, height = sizes[number % len(sizes)]
        key = (width, height, number % _DISTINCT)
        if key not in contents:
            contents[key] = _jpeg(_scene(width, height, seed=number % _DISTINCT))
        path = folder / f"class{number % classes}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        # a comment makes other bytes, and so another image, at the same cost
        comment = f"number {number}".encode()
        marker = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        path.write_bytes(contents[key][:2] + marker + contents[key][2:])
        paths.append(path)
    return paths


def alternate(
    variants: dict[str, Callable[[], dict[str, float]]], rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Run all variants in turn, ``rounds`` times: A B C, A B C, …"""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
    for number in range(rounds):
        for name, run in variants.items():
            results[name].append(run())
            print(f"round {number + 1}, {name}: {results[name][-1]}", file=sys.stderr)
    return results


def measured(command: Sequence[str], **environment: str) -> dict[str, float]:
    """Run a command; its wall seconds, the peak memory of all its processes in MB (shared pages
    counted once; and summed up as resident), and the figures of the JSON object that it prints
    last."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, **environment}, text=True
    )
    watched = psutil.Process(process.pid)
    own, resident = 0, 0
    while process.poll() is None:
        now = memory(watched)
        own, resident = max(own, now[0]), max(resident, now[1])
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{command} failed")
    printed: dict[str, float] = {}
    if output.strip().startswith("{"):
        printed = json.loads(output.strip().splitlines()[-1])
    return {
        "seconds": round(seconds, 2),
        "memory_mb": round(own / 1e6),
        "rss_mb": round(resident / 1e6),
        **printed,
    }


def median(results: list[dict[str, float]], figure: str) -> float:
    """The median of one figure over the rounds."""
    return statistics.median(result[figure] for result in results)


def spread(results: list[dict[str, float]], figure: str, digits: int = 1) -> str:
    """``median (least to most)``."""
    values = [result[figure] for result in results]
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a Markdown table under a line about the machine and the date."""
    print(f"\n{machine()}\n")
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def machine() -> str:
    """Date, processor and memory."""
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{time.strftime('%Y-%m-%d')}, {name}, {cores} cores, {memory:.0f} GiB, no GPU used"


def arguments(description: str | None, **defaults: int | str) -> argparse.Namespace:
    """A parser with one option per keyword."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def memory(process: psutil.Process) -> tuple[int, int]:
    """Bytes of a process and its children: shared pages counted once; and summed up as resident."""
    own, resident = 0, 0
    try:
        for one in [process, *process.children(recursive=True)]:
            facts = one.memory_full_info()
            own += facts.pss
            resident += facts.rss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return own, resident


def _scene(width: int, height: int, seed: int) -> Image.Image:
    random = np.random.default_rng([seed, width])
    rows = np.fft.fftfreq(height)[:, None]
    columns = np.fft.rfftfreq(width)[None, :]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(width, height))
    # the lens takes away the finest detail: 2 to 3 bits a pixel remain, as in photographs
    falling = frequency**-1.2 * np.exp(-((frequency / 0.35) ** 2))
    planes = []
    for _ in range(3):
        noise = np.fft.rfft2(random.normal(size=(height, width)))
        planes.append(np.fft.irfft2(noise * falling, s=(height, width)))
    scene = np.stack(planes, axis=2)
    scene[..., 1:] = 0.85 * scene[..., :1] + 0.15 * scene[..., 1:]  # colours go together
    scene = 128 + 50 * (scene - scene.mean()) / scene.std()
    return Image.fromarray(scene.clip(0, 255).astype(np.uint8))


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
