"""Make the network that turns images into features: models/network.onnx."""

from pathlib import Path

import numpy as np

from swatchbook import models, networks, params, splitting, stage, store, tables
from swatchbook.errors import DataError, ImageRefused

_SAMPLES = 8


def main() -> str:
    settings = params.load().refine_dnn
    split = tables.SPLIT.read()
    train = split[split["subset"] == splitting.TRAIN]
    sample = _sample(dict(zip(train["sha256"], train["path"], strict=True)), settings)
    extractor = networks.build(settings)
    facts = networks.export(extractor, settings, sample, models.NETWORK)
    return (
        f"{facts['architecture']} ({facts['pretrained']}) at {settings.resolution} px, "
        f"{facts['features']} features, agrees with PyTorch on {len(sample)} images "
        f"→ {models.NETWORK}"
    )


def _sample(paths: dict[str, str], settings: params.RefineDnn) -> np.ndarray:
    """The first readable training images, ``(n, r, r, 3) uint8``."""
    found: list[np.ndarray] = []
    for sha256, path in paths.items():
        try:
            side, resize = settings.resolution, settings.resize
            found.append(store.pixels(sha256, Path(path), side, resize))
        except ImageRefused:
            continue  # featurize lists them with their reasons
        if len(found) == _SAMPLES:
            break
    if not found:
        raise DataError(
            "refine_dnn: no training image can be read; "
            "`dvc pull data/images` or `dvc repro acquire` brings them"
        )
    return np.stack(found)


if __name__ == "__main__":
    stage.run(main)
