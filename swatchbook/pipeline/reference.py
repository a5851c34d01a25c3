"""docs/params.md, generated from the schemas: ``swatchbook reference params``."""

import types
import typing
from typing import Literal

from pydantic.fields import FieldInfo

from swatchbook.pipeline.params import Params
from swatchbook.project.params import keys_of
from swatchbook.project.section import Section, options_of


def _allowed(field: FieldInfo) -> str:
    annotation = field.annotation
    if typing.get_origin(annotation) is Literal:
        return ", ".join(f"`{option}`" for option in options_of(field))
    words = {bool: "`true`, `false`", int: "whole number", float: "number", str: "text"}
    if isinstance(annotation, types.UnionType):
        return "text or list of pairs"
    if isinstance(annotation, types.GenericAlias):
        return _of_list(field)
    bounds = []
    for symbol, attribute in ((">", "gt"), ("≥", "ge"), ("<", "lt"), ("≤", "le")):
        for item in field.metadata:
            if (bound := getattr(item, attribute, None)) is not None:
                bounds.append(f"{symbol} {bound}")
    return " ".join([words[typing.cast(type, annotation)], *bounds])


def _of_list(field: FieldInfo) -> str:
    item = typing.get_args(field.annotation)[0]
    if typing.get_origin(item) is Literal:
        return "list of " + ", ".join(f"`{option}`" for option in options_of(field))
    if item is float:
        return "list of numbers"
    is_number = typing.get_args(item)[0] is float
    return "list of positive numbers" if is_number else "list of texts"


def reference() -> str:
    """docs/params.md: every key with what it allows, its default, meaning and former name."""
    lines = [
        "# Parameters",
        "",
        "Every parameter of every stage. Generated from each room's `parameters.py` by "
        "`make docs`; a test fails if the two differ.",
        "",
        "*Once called*: what the tutorial, the aerial scenario or the package that this project "
        "re-implements called the same thing.",
    ]
    for name, section in Params.model_fields.items():
        lines += ["", f"## {name}", "", f"{(section.annotation or Section).__doc__}", ""]
        lines += ["| Key | Allowed | Default | Meaning | Once called |", "|---|---|---|---|---|"]
        for key, field in keys_of(Params, name).items():
            extra = typing.cast(dict[str, str], field.json_schema_extra)
            default = (
                str(field.default).lower() if isinstance(field.default, bool) else field.default
            )
            lines.append(
                f"| `{key}` | {_allowed(field)} | `{default}` | {field.description} "
                f"| {extra['original']} |"
            )
    return "\n".join(lines)
