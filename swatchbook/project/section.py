"""What a section of params.yaml is made of. Each stage's own is `parameters.py` in its room."""

import typing
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

Share = Annotated[float, Field(gt=0, lt=1)]
Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/\\]+$")]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Section(BaseModel):
    """One stage's parameters; unknown keys, wrong types, NaN and infinity are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, validate_default=True
    )

    section: ClassVar[str]


class View(Section):
    """A few keys of another stage's section, for a stage that needs no more of it."""

    model_config = ConfigDict(extra="ignore")


def key(default: Any, meaning: str, original: str = "", **bounds: Any) -> Any:
    """A key: its default, what it means (for docs/params.md), and what it was once called."""
    return Field(default, description=meaning, json_schema_extra={"original": original}, **bounds)


def options_of(field: FieldInfo) -> list[str]:
    """The words that a key, or an item of its list, allows, where it allows only some."""
    annotation = field.annotation
    if typing.get_origin(annotation) is list:
        annotation = typing.get_args(annotation)[0]
    return [str(option) for option in typing.get_args(annotation)]
