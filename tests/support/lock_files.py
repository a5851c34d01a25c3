"""Reading and writing dvc.lock with a parser in C, in the processes of ``preloaded`` alone.

DVC does it anew after each stage, with one in Python that keeps comments, of which the file has
none: half a second a stage, more than most stages of a tiny project take. The bytes are the same.
"""

import contextlib
import io
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=False)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False
    yaml.representer.add_representer(OrderedDict, type(yaml.representer).represent_dict)
    return yaml


def load(text: str) -> Any:
    """What a lock file holds."""
    return _yaml().load(text) or {}


def dumped(data: Any) -> str:
    """The text of a lock file."""
    text = io.StringIO()
    _yaml().dump(data, text)
    return text.getvalue()


@contextlib.contextmanager
def _modified(path: str, fs: Any = None) -> Iterator[Any]:
    file = Path(path)
    data = load(file.read_text(encoding="utf-8")) if file.exists() else {}
    yield data
    file.write_text(dumped(data), encoding="utf-8")


def patch() -> None:
    """Have DVC do so in this process."""
    from dvc import dvcfile

    dvcfile.modify_yaml = _modified
