"""Reading params.yaml, and explaining what is wrong with it in one line.

It is read as YAML 1.2, as DVC reads it (``1e-3`` is a number, ``on`` is text).
``python -m swatchbook.params`` checks it.
"""

import reprlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from swatchbook.errors import ParamsError, did_you_mean, first_line, run_command
from swatchbook.params_schema import Params, fields_of, options_of

PATH = Path("params.yaml")


def load(path: Path = PATH) -> Params:
    """Read and check all of params.yaml.

    Raises:
        ParamsError: one line that names the first wrong key, its value and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file; run this in the project's folder") from None
    except ValueError as error:
        raise ParamsError(f"{path}: {_yaml_problem(error)}") from None
    return checked(parsed(text, path))


def parsed(text: str, path: Path) -> dict[str, Any]:
    """The sections that a file's ``text`` holds. Raises ParamsError where it holds none."""
    try:
        content = YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise ParamsError(f"{path}: {_yaml_problem(error)}") from None
    if content is not None and not isinstance(content, dict):
        raise ParamsError(f"{path}: holds {reprlib.repr(content)}, not sections with keys")
    return content or {}


def checked(content: dict[str, Any]) -> Params:
    """The parameters that ``content`` holds. Raises ParamsError as ``load`` does."""
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        # inputs may be enormous (nested YAML anchors): only reprlib ever prints them
        problems = error.errors(include_url=False)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ParamsError(_explain(problems[0]) + more) from None


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return first_line(error)


def _explain(problem: ErrorDetails) -> str:
    location = [str(part) for part in problem["loc"]]
    name, value = ".".join(location), reprlib.repr(problem["input"])
    match problem["type"]:
        case "extra_forbidden":
            known = fields_of(location[:-1])
            where = "key" if len(location) > 1 else "section"
            hint = did_you_mean(location[-1], known)
            return f"{name}: unknown {where}.{hint} Known: {', '.join(known)}"
        case "literal_error":
            allowed = options_of(_field(location))
            hint = did_you_mean(str(problem["input"]), allowed)
            return f"{name}: {value} is not known.{hint} Known: {', '.join(allowed)}"
        case "combination":
            return f"{name}.{problem['msg']}".removeprefix(".")
        case "unknown":
            return f"{name}: {value} {problem['msg']}"
        case "string_pattern_mismatch":
            return f"{name}: {value} is not allowed. It is {_meaning(location)}"
        case _:
            return f"{name}: {value} is not allowed: {problem['msg'].lower()}"


def _field(location: list[str]) -> FieldInfo:
    """The key that ``location`` is, or is an item of."""
    return fields_of(location[:1])[location[1]]


def _meaning(location: list[str]) -> str:
    return _field(location).description or ""


def _command() -> str:
    load()
    return f"{PATH}: every key and value is allowed"


if __name__ == "__main__":
    run_command(_command)
