"""Decoding untrusted images for a network: each in a sandbox, with the verdict of the one door."""

import numpy as np

from swatchbook import images, sandbox


class Decoder(sandbox.Sandbox[np.ndarray]):
    """Processes that turn bytes into ``(resolution, resolution, 3) uint8``."""

    def __init__(
        self,
        workers: int,
        resolution: int,
        resize: str,
        seconds: float = sandbox.SECONDS,
        niceness: int = 0,
    ) -> None:
        super().__init__(decode, (resolution, resize), workers, seconds, niceness)


def decode(data: bytes, resolution: int, resize: str) -> np.ndarray:
    """What ``Decoder`` does in one of its processes. Raises ImageRefused."""
    return images.decode(data, resolution, resize, examined=False)
