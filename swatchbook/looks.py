"""How a picture looks as a whole: brightness, contrast, sharpness. Computed once an image."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from swatchbook import images, store
from swatchbook.cache import Cache
from swatchbook.errors import ImageRefused

_SIDE = 256
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601
_AT_ONCE = 256
# raise it when a look is computed in another way
_VERSION = 1


@dataclass(frozen=True)
class Look:
    """Of the grey values of 0 to 255: their mean, their standard deviation, and the variance of
    their Laplacian (Pech-Pacheco et al., ICPR 2000), which is small where edges are soft.
    """

    brightness: float
    contrast: float
    sharpness: float


def look_of(pixels: np.ndarray) -> Look:
    """The look of ``(h, w, 3) uint8``."""
    grey = pixels.astype(np.float32) @ _GREY
    middle = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    laplacian = around - 4 * middle
    return Look(float(grey.mean()), float(grey.std()), float(laplacian.var()))


def looks(paths: Mapping[str, Path], known: Cache, workers: int) -> dict[str, Look]:
    """The looks of stored images by digest; those that can't be read are left out."""
    keys = {_key(sha256): sha256 for sha256 in paths}
    found = {keys[key]: Look(**json.loads(value)) for key, value in known.get(keys).items()}
    missing = [sha256 for sha256 in paths if sha256 not in found]

    def look(sha256: str) -> Look | None:
        try:
            # stretched: a border would count as a part of the picture
            return look_of(store.pixels(sha256, paths[sha256], _SIDE, "stretch"))
        except ImageRefused:
            return None

    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            new = {
                sha256: seen
                for sha256, seen in zip(some, pool.map(look, some), strict=True)
                if seen
            }
            known.put(
                {_key(sha256): json.dumps(asdict(seen)).encode() for sha256, seen in new.items()}
            )
            found |= new
    return found


def _key(sha256: str) -> str:
    return f"look|{_VERSION}|{images.DOOR_VERSION}|{sha256}"
