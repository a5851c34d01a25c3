"""Reading params.yaml, and explaining what is wrong with it in one line.

It is read as YAML 1.2, as DVC reads it (``1e-3`` is a number, ``on`` is text). A stage loads its
own section by ``load``; all of them together are checked by ``swatchbook params check``.
"""

import reprlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from swatchbook.base.errors import ParamsError, did_you_mean, first_line
from swatchbook.project.section import Section, options_of

PATH = Path("params.yaml")
S = TypeVar("S", bound=Section)
M = TypeVar("M", bound=BaseModel)
STAGES = (
    "acquire", "dedupe", "split", "refine_dnn", "featurize", "train_classifier", "evaluate",
    "suspects", "bundle",
)  # fmt: skip


def load(section: type[S], path: Path = PATH) -> S:
    """Read and check one section of params.yaml.

    Raises:
        ParamsError: one line that names the first wrong key, its value and what is allowed.
    """
    return section_of(section, read(path))


def read(path: Path = PATH) -> dict[str, Any]:
    """The sections of params.yaml as they stand there, unchecked."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run this in the project's folder") from None
    except ValueError as error:
        raise ParamsError(f"{path}: {_yaml_problem(error)}") from None
    return parsed(text, path)


def parsed(text: str, path: Path) -> dict[str, Any]:
    """The sections that a file's ``text`` holds. Raises ParamsError where it holds none."""
    try:
        content = YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ParamsError(f"{path}: {_yaml_problem(error)}") from None
    if content is not None and not isinstance(content, dict):
        raise ParamsError(
            f"{path}: holds {reprlib.repr(content)}, not sections with keys; see docs/params.md"
        )
    return content or {}


def section_of(section: type[S], content: Mapping[str, Any]) -> S:
    """One section of what a file holds. Raises ParamsError as ``load`` does."""
    found: S = getattr(checked(_alone(section), content), section.section)
    return found


def checked(model: type[M], content: Mapping[str, Any]) -> M:
    """The sections that ``model`` has, from ``content``. Raises ParamsError as ``load`` does."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        # inputs may be enormous (nested YAML anchors): only reprlib ever prints them
        problems = error.errors(include_url=False)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ParamsError(_explain(problems[0], model) + more) from None


@cache
def _alone(section: type[Section]) -> type[BaseModel]:
    """A model of a file of which only one section counts."""
    fields: dict[str, Any] = {section.section: (section, section())}
    return create_model("Alone", __config__=ConfigDict(extra="ignore", strict=True), **fields)


def keys_of(model: type[BaseModel], name: str) -> dict[str, FieldInfo]:
    """The keys of one of the sections that ``model`` has."""
    section = model.model_fields[name].annotation
    assert isinstance(section, type)
    assert issubclass(section, Section)
    return section.model_fields


def _now_called(word: str, model: type[BaseModel]) -> str:
    """What a key of the systems before this one, or of an earlier version, is called here."""
    for section in model.model_fields:
        for name, field in keys_of(model, section).items():
            extra = field.json_schema_extra
            once = str(extra.get("original", "")) if isinstance(extra, dict) else ""
            if f"`{word}`" in once:
                return f" It is called {f'{section}.{name}'!r} here."
    return ""


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return first_line(error)


def _explain(problem: ErrorDetails, model: type[BaseModel]) -> str:
    location = [str(part) for part in problem["loc"]]
    name, value = ".".join(location), reprlib.repr(problem["input"])
    match problem["type"]:
        case "extra_forbidden":
            is_key = len(location) > 1
            known = keys_of(model, location[0]) if is_key else model.model_fields
            hint = _now_called(location[-1], model) or did_you_mean(location[-1], known)
            where = "key" if is_key else "section"
            return f"{name}: unknown {where}.{hint} Known: {', '.join(known)}"
        case "literal_error":
            allowed = options_of(keys_of(model, location[0])[location[1]])
            hint = did_you_mean(str(problem["input"]), allowed)
            return f"{name}: {value} is not known.{hint} Known: {', '.join(allowed)}"
        case "combination":
            return f"{name}.{problem['msg']}".removeprefix(".")
        case "unknown":
            return f"{name}: {value} {problem['msg']}"
        case "string_pattern_mismatch":
            meaning = keys_of(model, location[0])[location[1]].description or ""
            return f"{name}: {value} is not allowed. It is {meaning}"
        case _:
            return f"{name}: {value} is not allowed: {problem['msg'].lower()}"
