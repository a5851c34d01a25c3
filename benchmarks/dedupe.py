"""Near-duplicates: ours against imagehash and all pairs.

    python -m benchmarks.dedupe --rounds 3

At 2,000 images both sides decode, hash and group the default data. At 100,000 hashes all pairs
in Python would take hours: their time is extrapolated from 2,000 (it grows with the square), and
ours is measured on independent hashes and on a skewed set like real ones.
"""

import json
import sys
import time
from itertools import combinations

import imagehash
import numpy as np
from PIL import Image

from benchmarks import harness
from swatchbook.acquisition import sources
from swatchbook.acquisition.parameters import Acquire
from swatchbook.curation import duplicates
from swatchbook.curation.parameters import Dedupe
from swatchbook.images import decoding
from swatchbook.untrusted.perceptual_hash import dhash

DISTANCE = Dedupe().max_distance


def main() -> None:
    options = harness.arguments(__doc__, rounds=3)
    command = [sys.executable, "-m", "benchmarks.dedupe", "--run"]
    results = harness.alternate(
        {
            kind: lambda kind=kind: harness.measured([*command, kind])  # type: ignore[misc]
            for kind in ("imagehash", "ours", "uniform", "skewed")
        },
        options.rounds,
    )
    pairs = harness.median(results["imagehash"], "grouping")
    rows = [
        ("2,000 images: imagehash, all pairs", *_cells(results["imagehash"])),
        ("2,000 images: ours", *_cells(results["ours"])),
        ("100,000 hashes: all pairs (extrapolated)", "–", f"{pairs * 2500:.0f}", "–"),
        ("100,000 independent hashes: ours", *_cells(results["uniform"])),
        ("100,000 skewed hashes: ours", *_cells(results["skewed"])),
    ]
    print(f"\nWithin {DISTANCE} of 256 bits, {options.rounds} rounds")
    harness.table(["", "decode and hash, s", "group, s", "peak MB"], rows)


def _cells(runs: list[dict[str, float]]) -> tuple[str, str, str]:
    hashing = harness.spread(runs, "hashing", 2) if "hashing" in runs[0] else "–"
    return hashing, harness.spread(runs, "grouping", 2), harness.spread(runs, "memory_mb", 0)


def run_imagehash() -> dict[str, float]:
    """Hash with imagehash, compare every pair with its own subtraction."""
    started = time.perf_counter()
    hashes = [imagehash.dhash(Image.open(_file(data)), hash_size=16) for data in _images()]
    hashed = time.perf_counter()
    near = sum(first - second <= DISTANCE for first, second in combinations(hashes, 2))
    assert near == 0  # the default data has none
    return {"hashing": hashed - started, "grouping": time.perf_counter() - hashed}


def run_ours() -> dict[str, float]:
    """The door and the index; on one core, as the other side."""
    started = time.perf_counter()
    hashes = [dhash(decoding.examine(data)[1], 16) for data in _images()]
    hashed = time.perf_counter()
    assert len(set(duplicates.group_hashes(hashes, DISTANCE))) == len(hashes)
    return {"hashing": hashed - started, "grouping": time.perf_counter() - hashed}


def run_hashes(skewed: bool) -> dict[str, float]:
    """100,000 hashes; skewed: around 2,000 scenes, and smooth as hashes of photographs are."""
    random = np.random.default_rng(0)
    if skewed:
        steps = random.random((2_000, 256)) < 0.2
        centres = np.logical_xor.accumulate(steps, axis=1)
        bits = centres[random.integers(0, 2_000, 100_000)] ^ (random.random((100_000, 256)) < 0.03)
    else:
        bits = random.random((100_000, 256)) < 0.5
    hashes = [row.tobytes().hex() for row in np.packbits(bits, axis=1)]
    started = time.perf_counter()
    duplicates.group_hashes(hashes, DISTANCE)
    return {"grouping": time.perf_counter() - started}


def _images() -> list[bytes]:
    return [candidate.read() for candidate in sources.candidates(Acquire().source)]


def _file(data: bytes):  # type: ignore[no-untyped-def]
    import io

    return io.BytesIO(data)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        kind = sys.argv[2]
        if kind == "imagehash":
            figures = run_imagehash()
        elif kind == "ours":
            figures = run_ours()
        else:
            figures = run_hashes(skewed=kind == "skewed")
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
    else:
        main()
