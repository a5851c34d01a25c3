"""Decoding untrusted images for a network: each in a sandbox, with the verdict of the one door."""

import numpy as np

from swatchbook.images import decoding
from swatchbook.images.frame import Frame
from swatchbook.untrusted import sandbox


class Decoder(sandbox.Sandbox[np.ndarray]):
    """Processes that turn bytes into ``(resolution, resolution, 3) uint8``."""

    def __init__(
        self,
        workers: int,
        frame: Frame,
        seconds: float = sandbox.SECONDS,
        niceness: int = 0,
    ) -> None:
        super().__init__(decode, (frame,), workers, seconds, niceness)


def decode(data: bytes, frame: Frame) -> np.ndarray:
    """What ``Decoder`` does in one of its processes. Raises ImageRefused."""
    return decoding.decode(data, frame, examined=False)
