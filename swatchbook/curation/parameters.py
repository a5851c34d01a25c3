"""Parameters of the stages dedupe and split."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from swatchbook.project import shared_keys
from swatchbook.project.section import Section, Seed, Share, key


class Dedupe(Section):
    """Find exact and near-duplicates, apply label fixes."""

    section: ClassVar = "dedupe"

    hash_size: int = shared_keys.HASH_SIZE
    max_distance: int = key(
        20,
        "images whose hashes differ in at most this many bits are near-duplicates; "
        "0 is the tutorial's rule",
        ge=0,
        le=31,
    )
    keep: Literal["one", "all"] = key(
        "one", "keep the largest image of each class in a near-duplicate group, or all of them"
    )

    @model_validator(mode="after")
    def _hash_can_tell_images_apart(self) -> Self:
        most = self.hash_size**2 // 8
        if self.max_distance > most:
            raise PydanticCustomError(
                "combination",
                "max_distance: {distance} of {bits} bits would join images that have nothing in "
                "common; with hash_size {size} it may be at most {most}",
                {
                    "distance": self.max_distance, "bits": self.hash_size**2,
                    "size": self.hash_size, "most": most,
                },
            )  # fmt: skip
        return self


class Split(Section):
    """Divide the images into a training part with folds and a test part."""

    section: ClassVar = "split"

    by: Literal["group", "folder", "list", "source"] = key(
        "group",
        "what stays together: near-duplicate groups; also all images of a sub-folder; "
        "or take the test images from `annotations/<data_set>.test.tsv`; or those that the source "
        "has in its test part (`acquire.layout: split`, or a column of a table)",
        "`imagesSplitBy`, `dedicatedTestImages.tsv`",
    )
    test_share: Share = key(
        0.25, "share of each class for the test part", "1 − `ratioTrainTest`; 1 − `train_size`"
    )
    folds: int = key(4, "folds of the training part for cross-validation", ge=2, le=20)
    seed: Seed = key(0, "another seed, another split", "`random.seed(0)`")
