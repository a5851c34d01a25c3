"""Parameters of the stage featurize."""

from typing import ClassVar, Literal

from swatchbook.project.section import Section, key


class Featurize(Section):
    """Run the network over all images."""

    section: ClassVar = "featurize"

    precision: Literal["auto", "float32", "bfloat16"] = key(
        "auto", "arithmetic of the forward pass; `auto` is bfloat16 where the CPU has it"
    )
