"""Keys that several stages read. Each stands in one section, whose stage's room declares it by
the line here; the others take a view of it, so that they depend on no more than they use.
"""

from typing import ClassVar, Literal

from swatchbook.project.section import View, key

DATA_SET = key(
    "woven_textile",
    "name of the data set; its label fixes are in `annotations/<data_set>.csv`",
    "`datasetName`",
    pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
)
LOST_CLASSES = key(
    "stop",
    "where a class loses its last image (unreadable, excluded, in conflict): stop, or go on with "
    "the others",
)
HASH_SIZE = key(
    16,
    "side of the difference hash: `hash_size`² bits",
    "`hash_size` of imagehash",
    ge=8,
    le=32,
)
RESOLUTION = key(
    224,
    "side of the square that the network sees, in pixels",
    "`rf_inputResoluton`, `image_dims`",
    ge=32,
    le=2048,
)
LEVELS = key(
    [],
    "of images of more than 8 bits, the value that is black and the one that is white "
    "(`[0, 4095]` of a 12-bit camera); empty: 0 and 65535, of decimals 0 and 1 or 255",
    max_length=2,
)


def levels_of(values: list[float]) -> tuple[float, float] | None:
    """Black and white of the key ``levels``, where it has them."""
    return (values[0], values[1]) if values else None


class DataSet(View):
    """Which data set a project is about."""

    section: ClassVar = "acquire"
    data_set: str = DATA_SET


class LostClasses(View):
    """What becomes of a run in which a class loses its last image."""

    section: ClassVar = "acquire"
    lost_classes: Literal["stop", "go_on"] = LOST_CLASSES


class HashSize(View):
    """How fine the perceptual hash of an image is."""

    section: ClassVar = "dedupe"
    hash_size: int = HASH_SIZE


class Resolution(View):
    """What the network sees."""

    section: ClassVar = "refine_dnn"
    resolution: int = RESOLUTION


class DeepLevels(View):
    """How images of more than 8 bits become those of 8."""

    section: ClassVar = "refine_dnn"
    levels: list[float] = LEVELS

    @property
    def pair(self) -> tuple[float, float] | None:
        """Black and white, where they are given."""
        return levels_of(self.levels)
