"""Hashes of an image that survive resizing and recompression: of its edges and of its colours."""

import imagehash
import numpy as np
from PIL import Image


def dhash(image: Image.Image, hash_size: int) -> str:
    """Difference hash as ``hash_size²`` bits in hexadecimal, rows first.

    Each bit says whether a pixel of the (hash_size + 1) × hash_size greyscale thumbnail is
    brighter than its left neighbour (N. Krawetz, "Kind of Like That", 2013). The thumbnail must
    come from the full image: one decoded at reduced scale differs in 1 to 14 bits.
    """
    return np.packbits(imagehash.dhash(image, hash_size).hash).tobytes().hex()


COLOUR_GRID = 4


def colours(image: Image.Image) -> str:
    """Mean colours of a 4 × 4 grid, rows first, each Y, Cb and Cr, 48 bytes in hexadecimal.

    A difference hash is grey: a red and a green shirt have the same. Luma and chroma are kept
    apart because copies differ in exposure more than in hue (the colour layout of MPEG-7,
    ISO/IEC 15938-3, without its transform).
    """
    small = image.resize((COLOUR_GRID, COLOUR_GRID), Image.Resampling.BOX)
    return np.asarray(small.convert("YCbCr")).tobytes().hex()
