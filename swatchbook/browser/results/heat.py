"""Pictures of where a classifier finds a class, and of where two images differ."""

import io
import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from swatchbook.base import files
from swatchbook.base.errors import NetworkError
from swatchbook.images import store
from swatchbook.images.frame import Frame, Levels
from swatchbook.prediction.decoder import Decoder

if TYPE_CHECKING:
    from swatchbook.prediction.activation_maps import ActivationMaps

# longer side of what is shown
SIDE = 448
# orange speaks for it, blue against (Okabe and Ito: told apart by everybody)
_FOR, _AGAINST = np.array([230, 120, 0]), np.array([0, 90, 200])
_STRENGTH = 0.75
_QUALITY = 85
_DIFFERENCE_SIDE = 256
# a difference in grey that anybody sees; noise of encoding is to stay dark
_PLAIN = 64.0


class Heat:
    """Makes them, from the models and images of the working folder; for several threads."""

    def __init__(self, levels: Levels | None) -> None:
        self._levels = levels
        self._lock = threading.Lock()
        self._decoders: dict[Frame, Decoder] = {}

    def of_class(self, sha256: str, path: str, label: str) -> bytes:
        """A JPEG of the square that the network sees, with what speaks for ``label`` over it.

        Raises:
            ImageRefused: the image is ``vanished``, ``changed``, or what the door says.
            NetworkError: no such class, or the models have no such map.
        """
        # not at the top: who only looks at images should not wait for it
        from swatchbook.prediction.activation_maps import against_the_rest
        from swatchbook.project import models

        network, facts = models.load(models.NETWORK, {"resolution", "resize"})
        classifier, of_classifier = models.load(models.CLASSIFIER, {"labels", "network"})
        if of_classifier["network"] != files.digest(network):
            raise NetworkError("a run is changing the models: wait until it has ended")
        maps = _maps(network, classifier)
        labels: list[str] = json.loads(of_classifier["labels"])
        if label not in labels:
            raise NetworkError(
                f"the classifier doesn't know class {label[:80]!r}: choose one of "
                f"{', '.join(labels[:9])}"
            )
        pixels = self._pixels(sha256, path, Frame.of(facts))
        (of_image,) = maps(pixels[None])
        return _jpeg(overlaid(pixels, against_the_rest(of_image, labels.index(label))))

    def of_difference(self, one: tuple[str, str], other: tuple[str, str]) -> bytes:
        """A JPEG of where two images ``(sha256, path)``, brought to one size, differ: white is as
        far as any two of their pixels are from each other, and 64 of 255 at least.

        Raises:
            ImageRefused: as ``of_class``.
        """
        frame = Frame(_DIFFERENCE_SIDE, "stretch", self._levels)
        pair = [self._pixels(*each, frame).astype(float).mean(axis=2) for each in (one, other)]
        away = np.abs(pair[0] - pair[1])
        scaled = 255 * away / max(_PLAIN, float(away.max()))
        return _jpeg(np.repeat(scaled.astype(np.uint8)[..., None], 3, axis=2))

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            for decoder in self._decoders.values():
                decoder.close()

    def _pixels(self, sha256: str, path: str, frame: Frame) -> np.ndarray:
        data = store.content(sha256, Path(path))
        with self._lock:
            if frame not in self._decoders:
                self._decoders[frame] = Decoder(1, frame)
            decoder = self._decoders[frame]
        try:
            return decoder.submit(data).result()
        except Exception as error:
            raise decoder.refusal(error) from None


def why_not() -> str:
    """Why the models of the working folder have no maps; nothing where they have."""
    from swatchbook.project import models

    try:
        network, _ = models.load(models.NETWORK, set())
        classifier, _ = models.load(models.CLASSIFIER, set())
        _maps(network, classifier)
    except NetworkError as error:
        return f"No heat maps: {error}."
    return ""


def overlaid(pixels: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Pixels ``(r, r, 3) uint8`` in grey, with a map ``(h, w)`` in colour over them, ``(SIDE,
    SIDE, 3) uint8``; full colour is the map's greatest value either way."""
    size = (SIDE, SIDE)
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize(size), float)[..., None]
    # floating point pictures are resized without rounding
    large = np.asarray(
        Image.fromarray(found.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    )
    share = np.clip(large / max(float(np.abs(found).max()), 1e-12), -1, 1)[..., None]
    cover = _STRENGTH * np.abs(share)
    mixed = (1 - cover) * grey + cover * np.where(share > 0, _FOR, _AGAINST)
    return np.asarray(mixed.round(), np.uint8)


@lru_cache(1)
def _maps(network: bytes, classifier: bytes) -> "ActivationMaps":
    from swatchbook.prediction.activation_maps import ActivationMaps

    return ActivationMaps(network, classifier)


def _jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
