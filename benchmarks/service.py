"""The service under load, beside others that serve the same network.

    python -m benchmarks.service --kind compare --rounds 3
    python -m benchmarks.service --kind endure

``compare`` alternates between our service, what most people write (FastAPI and PyTorch, one image
a request) and two servers with dynamic batching that run our own decoding and network: it is the
servers that differ. ``endure`` is about our service alone: overload, slow clients, memory,
reloads, the end.

How load is made: ``load``.
"""

import argparse
import asyncio
import functools
import gc
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import endurance, harness, service_rivals
from benchmarks.load import TOGETHER, at_rate, closed, running

_WEB = ((640, 480, 1.0),)


def compare(folder: Path, images: list[bytes], rounds: int, seconds: int, cache: Path) -> None:
    """Capacity, and times at shares of it, of each server in turn."""

    def variant(kind: str) -> dict[str, float]:
        with running(kind, folder, images, cache) as target:
            most = asyncio.run(closed(target, TOGETHER, seconds))
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
         f"p99 of {TOGETHER} at once"],
        rows,
    )  # fmt: skip


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
            endurance.endure(folder, images, options.seconds, folder / "cache")


if __name__ == "__main__":
    main()
