"""Examining new images for the store: each in a sandbox, in full."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swatchbook.base.errors import ImageRefused
from swatchbook.images import decoding
from swatchbook.images.frame import Levels
from swatchbook.untrusted import perceptual_hash, sandbox

# what is found of an image has another form than before: it must be found again
_FOUND = 3


@dataclass(frozen=True)
class Examined:
    """Facts of an accepted image, its hashes in hexadecimal, and its bytes where it was reduced:
    facts and hashes are of the smaller one then.
    """

    facts: decoding.Facts
    dhash: str
    colours: str
    smaller: bytes | None = None


class Examiner(sandbox.Sandbox[Examined]):
    """Processes that examine images.

    ``max_side``: images with a longer side are reduced to it; 0: none.
    ``levels``: of images of more than 8 bits.
    """

    def __init__(
        self,
        workers: int,
        hash_size: int,
        max_side: int = 0,
        seconds: float = sandbox.SECONDS,
        levels: Levels | None = None,
    ) -> None:
        super().__init__(examine, (hash_size, max_side, levels), workers, seconds)
        # what its verdict on an image depends on beside the image: caches key on it
        self.settings = f"{decoding.DOOR_VERSION}|{_FOUND}|{hash_size}|{max_side}|{levels}"

    def examine(
        self, items: Iterable[tuple[int, bytes]]
    ) -> Iterator[tuple[int, Examined | ImageRefused]]:
        """Yield each item's number with what was found, in order; memory stays bounded."""
        return self.each(items)


def examine(data: bytes, hash_size: int, max_side: int, levels: Levels | None) -> Examined:
    """What ``Examiner`` does in one of its processes. Raises ImageRefused."""
    facts, rgb = decoding.examine(data, levels)
    smaller = None
    if max_side and max(rgb.size) > max_side:
        smaller = decoding.reduced(rgb, max_side)
        # what is stored is what is hashed
        facts, rgb = decoding.examine(smaller)
    hashes = perceptual_hash.dhash(rgb, hash_size), perceptual_hash.colours(rgb)
    return Examined(facts, *hashes, smaller)
