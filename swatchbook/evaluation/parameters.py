"""Parameters of the stage evaluate."""

from typing import ClassVar

from swatchbook.project.section import Section, Seed, Share, key


class Evaluate(Section):
    """Measure the classifier on the test part."""

    section: ClassVar = "evaluate"

    confidence: Share = key(0.95, "confidence level of the intervals")
    resamples: int = key(1000, "bootstrap resamples behind each interval", ge=100, le=100_000)
    seed: Seed = key(0, "seed of the bootstrap")
