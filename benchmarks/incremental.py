"""One percent of new images: what they cost of a full run of featurize.

    python -m benchmarks.incremental --images 5000 --rounds 3

Whole processes are timed (`python -m stages.featurize`), from start to exit: a full run with an
empty cache, then a run after 1 % of images were added, then a run with nothing new.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks import harness
from swatchbook.base import files
from swatchbook.images import store
from swatchbook.project import tables


def main() -> None:
    options = harness.arguments(__doc__, images=5000, rounds=3)
    new = options.images // 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(harness.ROOT / "params.yaml", folder)
        os.chdir(folder)
        rows = _stored(harness.photographs(Path("source"), options.images + new))
        shutil.rmtree("source")
        _network()

        def featurize(count: int) -> dict[str, float]:
            tables.CURATED.write(rows.head(count))
            return harness.measured(
                [sys.executable, "-c", _STAGE, str(folder)], SWATCHBOOK_CACHE=str(folder / "cache")
            )

        def full() -> dict[str, float]:
            shutil.rmtree("cache/features", ignore_errors=True)
            return featurize(options.images)

        results = harness.alternate(
            {
                "full run": full,
                f"{new} new images": lambda: featurize(options.images + new),
                "nothing new": lambda: featurize(options.images + new),
            },
            options.rounds,
        )
        os.chdir(harness.ROOT)
    table = []
    for kind, runs in results.items():
        shares = [
            {"share": 100 * run["seconds"] / whole["seconds"]}
            for run, whole in zip(runs, results["full run"], strict=True)
        ]
        table.append((kind, harness.spread(runs, "seconds", 2), harness.spread(shares, "share", 2)))
    print(f"\nDefault network at 224 px, {options.images} photographs, {options.rounds} rounds")
    harness.table(["", "seconds", "% of the full run"], table)


# the harness runs commands from the repository: the stage must run in its project's folder
_STAGE = """
import os, runpy, sys
sys.path.insert(0, os.getcwd())
os.chdir(sys.argv[1])
sys.argv = ["stages/featurize.py"]
runpy.run_module("stages.featurize", run_name="__main__")
"""


def _stored(paths: list[Path]) -> pd.DataFrame:
    rows = []
    for path in paths:
        data = path.read_bytes()
        sha256 = files.digest(data)
        stored = store.add(data, sha256, "jpg").as_posix()
        rows.append((sha256, stored, path.parent.name, path.as_posix(), sha256[:16], True, ""))
    return pd.DataFrame(rows, columns=list(tables.CURATED.columns))


def _network() -> None:
    import numpy as np

    from swatchbook.project import models
    from swatchbook.training.networks import architectures, network_export
    from swatchbook.training.parameters import RefineDnn

    settings = RefineDnn()
    sample = np.zeros((1, 224, 224, 3), np.uint8)
    network_export.export(architectures.build(settings), settings, sample, models.NETWORK)


if __name__ == "__main__":
    main()
