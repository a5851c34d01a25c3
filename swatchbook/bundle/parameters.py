"""Parameters of the stage bundle."""

from typing import ClassVar

from swatchbook.project.section import Section, key


class Bundle(Section):
    """Put network and classifier into one file, and hold it against the predictions."""

    section: ClassVar = "bundle"

    golden_images: int = key(
        8,
        "test images kept beside the model, with which it is checked wherever it is loaded",
        ge=1,
        le=100,
    )
    threshold: float = key(
        0.0,
        "least confidence of an answer, below it: not sure; 0: answer always (`swatchbook browse` "
        "shows what each brings)",
        ge=0,
        le=1,
    )
