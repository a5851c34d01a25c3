"""The difference hash of an image: bits that survive resizing and recompression."""

import numpy as np
from PIL import Image


def dhash(image: Image.Image, hash_size: int) -> str:
    """Difference hash as ``hash_size²`` bits in hexadecimal, rows first.

    Each bit says whether a pixel of the (hash_size + 1) × hash_size greyscale thumbnail is
    brighter than its left neighbour. The same bits as ``imagehash.dhash`` (J. Buchner), after
    N. Krawetz, "Kind of Like That" (2013). The thumbnail must come from the full image: one
    decoded at reduced scale differs in 1 to 14 bits.
    """
    size = (hash_size + 1, hash_size)
    grey = np.asarray(image.convert("L").resize(size, Image.Resampling.LANCZOS))
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes().hex()
