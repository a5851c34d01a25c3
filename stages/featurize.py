"""Run the network over all kept images: data/features.parquet."""

from pathlib import Path

import pandas as pd

from swatchbook.base import machine
from swatchbook.inference import features
from swatchbook.inference.engines import Network
from swatchbook.inference.parameters import Featurize
from swatchbook.project import models, params, stage, tables


def main() -> str:
    settings = params.load(Featurize)
    curated = tables.CURATED.read()
    kept = curated[curated["kept"]]
    workers = machine.workers()
    network = Network.here(models.NETWORK, settings.precision)
    paths = {sha256: Path(path) for sha256, path in zip(kept["sha256"], kept["path"], strict=True)}
    with features.cache_of(network.digest) as cache:
        found = features.featurize(paths, network, cache, workers)
    tables.write_features(tables.Features(found.sha256, found.vectors, network.origin))
    rows = [(sha256, str(paths[sha256]), why) for sha256, why in sorted(found.unreadable.items())]
    tables.UNREADABLE.write(pd.DataFrame(rows, columns=["sha256", "path", "reason"]))
    stage.write_metrics(
        "featurize",
        {
            "images": len(found.sha256),
            "unreadable": len(rows),
            "features": found.vectors.shape[1],
            "engine": network.engine,
            "precision": network.precision,
        },
    )
    speed = f", {found.computed / found.seconds:.0f} images/s" if found.computed else ""
    return (
        f"{len(found.sha256)} images: {len(found.sha256) - found.computed} from the cache, "
        f"{found.computed} computed ({network.engine}, {network.precision}{speed}), "
        f"{len(rows)} unreadable → {tables.FEATURES_PATH}"
    )


if __name__ == "__main__":
    stage.run(main)
