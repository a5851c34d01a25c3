"""Parameters of the stage acquire."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from swatchbook.project import shared_keys
from swatchbook.project.section import Section, Word, key
from swatchbook.search.licences import Licence


class Acquire(Section):
    """Collect labelled images from one source."""

    section: ClassVar = "acquire"

    data_set: str = shared_keys.DATA_SET
    source: str = key(
        "package:conformal-clip-data==0.1.4",
        "`folder:PATH` (one sub-folder per class), `archive:PATH` (zip or tar of such a folder), "
        "`table:PATH` (a CSV of files and their classes), `package:NAME==VERSION` (images of an "
        "installed Python package), `urls:PATH` (a list of classes and URLs) or "
        "`search:SERVICES` (`openverse`, `commons`, `brave`, `folder=PATH`, separated by commas)",
        "`DATA_DIR`, `fashionTextureUrls.tsv`",
        pattern=r"^(folder|archive|table|package|urls|search):.+$",
    )
    layout: Literal["auto", "classes", "split"] = key(
        "auto",
        "folders of a folder or archive: `classes`; or `split`: train, val and test that hold "
        "the classes (`split.by: source` keeps it); `auto`: classes, unless they look like that",
    )
    file_column: str = key("", "column of a table that names the file; empty: found by its name")
    label_column: str = key("", "column of a table with the class; empty: found by its name")
    part_column: str = key(
        "", "column of a table with train, val or test; empty: found by its name, if there is one"
    )
    lost_classes: Literal["stop", "go_on"] = shared_keys.LOST_CLASSES
    attributes: list[Word] = key(
        [], "classes to search for; every attribute with every item is a query (`striped shirt`)"
    )
    items: list[Word] = key([], "what to search for in each class; none: the attributes alone")
    per_query: int = key(50, "most images of each query and service", "top 50", ge=1, le=400)
    licences: list[Licence] = key([], "licences that found images may have; none: any")
    robots: bool = key(
        True, "heed what sites ask of programs (robots.txt, X-Robots-Tag) when URLs are fetched"
    )
    max_side: int = key(
        0, "larger images are reduced to so many pixels on the longer side and stored as JPEG; "
        "0: stored as they come; at least 64", "`maxSize` (1000)", ge=0, le=10_000,
    )  # fmt: skip
    on_exists: Literal["skip", "refresh"] = key(
        "skip", "URLs that were fetched before: leave them, or fetch them again"
    )
    max_bad_fraction: float = key(
        0.2,
        "stop if more than this share of the files that could be had can't be used",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _images_stay_images(self) -> Self:
        if 0 < self.max_side < 64:
            raise PydanticCustomError(
                "combination",
                "max_side: {side} leaves nothing to see; 0 (as they come) or at least 64",
                {"side": self.max_side},
            )
        return self
