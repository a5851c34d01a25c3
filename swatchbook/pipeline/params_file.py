"""params.yaml as people write it: values are changed in place, comments and order stay.

Only sections whose keys stand on one line each are understood; that is how the file ships.
"""

import re
from collections.abc import Mapping

from swatchbook.base.errors import ParamsError

Key = tuple[str, str]
# a value, quoted or not, and the comment behind it
_LINE = re.compile(
    r"(?P<head>  (?P<key>[A-Za-z_]\w*): *)"
    r"""(?P<value>'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|.*?)(?P<comment> +#.*)?$"""
)


def values(text: str) -> dict[Key, str]:
    """Each value as it is written, by section and key.

    Raises:
        ParamsError: where a section has another form.
    """
    found: dict[Key, str] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if head := re.fullmatch(r"([A-Za-z_]\w*):\s*(#.*)?", line):
            section = head[1]
        elif (parts := _LINE.fullmatch(line)) and section and parts["value"]:
            found[section, parts["key"]] = parts["value"]
        else:
            raise ParamsError(f"params.yaml: line {number}: {line.strip()!r} is no `key: value`")
    return found


def with_values(text: str, changed: Mapping[Key, str]) -> str:
    """``text`` with other values; a key that it lacks becomes the last line of its section."""
    lines = text.splitlines()
    for (section, key), value in changed.items():
        if not any(_is_head(line, section) for line in lines):
            lines += ["", f"{section}:"]
        start = next(n for n, line in enumerate(lines) if _is_head(line, section)) + 1
        own = {}
        for number in range(start, len(lines)):
            if re.match(r"[^ #]", lines[number]):
                break  # the next section
            if parts := _LINE.fullmatch(lines[number]):
                own[parts["key"]] = number
        if key in own:
            parts = _LINE.fullmatch(lines[own[key]])
            assert parts is not None
            lines[own[key]] = f"{parts['head']}{value}{parts['comment'] or ''}"
        else:
            lines.insert(max(own.values(), default=start - 1) + 1, f"  {key}: {value}")
    return "\n".join(lines) + "\n"


def merged(base: str, ours: str, theirs: str) -> str:
    """A newer version's file, ``theirs``, with the values that ``ours`` changed since ``base``.

    What was changed and is no key of the newer file any more is kept at the end of its section,
    where the check of params.yaml says what became of it.
    """
    before, now = values(base), values(ours)
    own = {key: value for key, value in now.items() if before.get(key) != value}
    return with_values(theirs, own)


def _is_head(line: str, section: str) -> bool:
    return re.fullmatch(rf"{section}:\s*(#.*)?", line) is not None
