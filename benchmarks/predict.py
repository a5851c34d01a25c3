"""`swatchbook predict` on very many files: its memory, and what a kill costs.

    python -m benchmarks.predict [--images 100000]

With the current project's models/model.onnx: a tenth of the images at once; all of them, killed
when half are done; and the same again, which goes on from there.
"""

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks import harness

_SMALL = ((320, 240, 1.0),)


def main() -> None:
    options = harness.arguments(__doc__, images=100_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness.photographs(folder / "few", options.images // 10, mix=_SMALL)
        harness.photographs(folder / "all", options.images, mix=_SMALL)
        out, journal = folder / "all.csv", folder / "all.csv.partial"
        runs = {
            "a tenth": _run(folder / "few", folder / "few.csv", lambda: False),
            "all, killed at half": _run(
                folder / "all", out, lambda: _lines(journal) > options.images // 2
            ),
        }
        kept = _lines(journal) - 1  # the first line says which run it is
        runs["again"] = _run(folder / "all", out, lambda: False)
        runs["a tenth"]["images"] = options.images // 10
        runs["all, killed at half"]["images"] = kept
        runs["again"]["images"] = options.images - kept
        with out.open() as file:
            rows = list(csv.DictReader(file))
    print(f"rows: {len(rows)}, of {len({row['path'] for row in rows})} files")
    headings = ["", "images", "seconds", "images/s", "peak memory, MB"]
    table = [
        [title, f"{run['images']:.0f}", f"{run['seconds']:.0f}",
         f"{run['images'] / run['seconds']:.0f}", f"{run['memory'] / 1e6:.0f}"]
        for title, run in runs.items()
    ]  # fmt: skip
    harness.table(headings, table)


def _run(folder: Path, out: Path, is_enough: Callable[[], bool]) -> dict[str, float]:
    command = [sys.executable, "-m", "swatchbook", "predict", str(folder), "--out", str(out)]
    started = time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, harness.memory(psutil.Process(process.pid))[0])
        if is_enough():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.5)
    return {"seconds": time.perf_counter() - started, "memory": float(peak)}


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


if __name__ == "__main__":
    main()
