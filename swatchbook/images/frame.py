"""The square that a network sees, and how an image is made to fill it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image

# ImageNet's mean grey: padding and transparency must look like nothing to the network
GREY = 114
# of images of more than 8 bits: the sample that is black and the one that is white
Levels = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """A square of ``side`` pixels. ``resize`` says how an image becomes one.

    ``pad``: the whole image, centred on grey 114; ``crop``: its centre; ``stretch``: whatever its
    aspect. All resample bilinearly with antialiasing. ``levels`` are of deeper images.
    """

    side: int
    resize: str
    levels: Levels | None = None

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Self:
        """That of a network, by the metadata of its file."""
        levels = metadata.get("levels")
        pair: list[float] = json.loads(levels) if levels else []
        side = int(metadata["resolution"])
        return cls(side, metadata["resize"], (pair[0], pair[1]) if pair else None)

    @property
    def metadata(self) -> dict[str, str]:
        """What a network's file says of it."""
        levels = {"levels": json.dumps(self.levels)} if self.levels else {}
        return {"resolution": str(self.side), "resize": self.resize, **levels}

    @property
    def name(self) -> str:
        """A name for files of images that were made to fill it."""
        levels = "-".join(map(str, self.levels or ()))
        return f"{self.side}-{self.resize}{levels and '-'}{levels}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the pixels: ``(side, side, 3)``."""
        return self.side, self.side, 3

    def fit(self, image: Image.Image) -> np.ndarray:
        """An RGB image as ``(side, side, 3) uint8``."""
        bilinear = Image.Resampling.BILINEAR
        width, height = image.size
        if self.resize == "stretch":
            return np.asarray(image.resize((self.side, self.side), bilinear))
        if self.resize == "crop":
            side = min(width, height)
            left, top = (width - side) / 2, (height - side) / 2
            box = (left, top, left + side, top + side)
            return np.asarray(image.resize((self.side, self.side), bilinear, box=box))
        scale = self.side / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        square = np.full(self.shape, GREY, np.uint8)
        left, top = (self.side - inner[0]) // 2, (self.side - inner[1]) // 2
        resized = np.asarray(image.resize(inner, bilinear))
        square[top : top + inner[1], left : left + inner[0]] = resized
        return square
