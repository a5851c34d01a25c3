"""How a picture looks as a whole: brightness, contrast, sharpness. Computed once an image."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from swatchbook.base.cache import Cache
from swatchbook.base.errors import ImageRefused
from swatchbook.images import decoding, store
from swatchbook.images.frame import Frame, Levels

# stretched: a border would count as a part of the picture
_SIDE = 256
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601
_AT_ONCE = 256
# raise it when a look is computed in another way
_VERSION = 3
# a sharp thing on a soft ground is sharp: parts each way, of which the sharpest counts
_PARTS = 4


@dataclass(frozen=True)
class Look:
    """Of the grey values of 0 to 255: their mean, their standard deviation, and the variance of
    their Laplacian (Pech-Pacheco et al., ICPR 2000), which is small where edges are soft, in the
    sharpest sixteenth of the picture.
    """

    brightness: float
    contrast: float
    sharpness: float


def look_of(pixels: np.ndarray) -> Look:
    """The look of ``(h, w, 3) uint8``."""
    grey = pixels.astype(np.float32) @ _GREY
    # the outermost pixels have no neighbours but made-up ones
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)[1:-1, 1:-1]
    sharpest = max(
        float(part.var())
        for row in np.array_split(laplacian, _PARTS, axis=0)
        for part in np.array_split(row, _PARTS, axis=1)
        if part.size
    )
    return Look(float(grey.mean()), float(grey.std()), sharpest)


def looks(
    paths: Mapping[str, Path], known: Cache, workers: int, levels: Levels | None = None
) -> dict[str, Look]:
    """The looks of stored images by digest; those that can't be read are left out.

    ``levels`` are of images of more than 8 bits.
    """
    frame = Frame(_SIDE, "stretch", levels)
    keys = {_key(sha256, frame): sha256 for sha256 in paths}
    found = {keys[key]: Look(**json.loads(value)) for key, value in known.get(keys).items()}
    missing = [sha256 for sha256 in paths if sha256 not in found]

    def look(sha256: str) -> Look | None:
        try:
            return look_of(store.pixels(sha256, paths[sha256], frame))
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
                {
                    _key(sha256, frame): json.dumps(asdict(seen)).encode()
                    for sha256, seen in new.items()
                }
            )
            found |= new
    return found


def _key(sha256: str, frame: Frame) -> str:
    return f"look|{_VERSION}|{decoding.DOOR_VERSION}|{frame.name}|{sha256}"
