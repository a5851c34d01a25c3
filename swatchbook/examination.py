"""Examining new images for the store: each in a sandbox, in full."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swatchbook import images, perceptual, sandbox
from swatchbook.errors import ImageRefused


@dataclass(frozen=True)
class Examined:
    """Facts of an accepted image, its difference hash in hexadecimal, and its bytes where it was
    reduced: facts and hash are of the smaller one then.
    """

    facts: images.Facts
    dhash: str
    smaller: bytes | None = None


class Examiner(sandbox.Sandbox[Examined]):
    """Processes that examine images.

    ``max_side``: images with a longer side are reduced to it; 0: none.
    """

    def __init__(
        self, workers: int, hash_size: int, max_side: int = 0, seconds: float = sandbox.SECONDS
    ) -> None:
        super().__init__(examine, (hash_size, max_side), workers, seconds)
        # what its verdict on an image depends on beside the image: caches key on it
        self.settings = f"{images.DOOR_VERSION}|{hash_size}|{max_side}"

    def examine(
        self, items: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, Examined | ImageRefused]]:
        """Yield each item's number with what was found, in order; memory stays bounded."""
        return self.each(items)


def examine(data: bytes, hash_size: int, max_side: int) -> Examined:
    """What ``Examiner`` does in one of its processes. Raises ImageRefused."""
    facts, rgb = images.examine(data)
    smaller = None
    if max_side and max(rgb.size) > max_side:
        smaller = images.reduced(rgb, max_side)
        # what is stored is what is hashed
        facts, rgb = images.examine(smaller)
    return Examined(facts, perceptual.dhash(rgb, hash_size), smaller)
