"""Parameters of the stage suspects."""

from typing import ClassVar

from swatchbook.project.section import Section, key


class Suspects(Section):
    """List images that a person should look at."""

    section: ClassVar = "suspects"

    neighbours: int = key(
        10, "an outlier is far from this many of the nearest other images", ge=1, le=1000
    )
    outlier: float = key(
        8.0,
        "how far above the median distance an outlier lies, in robust standard deviations",
        gt=0,
    )
